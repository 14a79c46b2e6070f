"""Tests on an engine of their own: a package, so that what they share ends with them."""
