"""Patching: one thin layer on a released image, with only what changed, recorded in the locks."""
