"""Keeping images current: what a change touches, what it changes, and why something is there."""
