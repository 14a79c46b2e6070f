"""Mirrors: everything that locks name in one folder, from which images are built without a network."""
