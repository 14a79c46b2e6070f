"""What package managers write down in an image: compared with the locks, and with the files that are there."""
