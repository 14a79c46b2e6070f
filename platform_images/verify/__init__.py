"""Proving that an image is what its locks say: `invoke verify`."""
