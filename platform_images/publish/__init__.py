"""Publishing: a mission's image goes to a registry, under its exact tag, and `latest` follows."""
