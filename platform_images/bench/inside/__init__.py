"""What runs in containers and build steps of the things that this project is measured against."""
