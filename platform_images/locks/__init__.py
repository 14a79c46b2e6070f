"""Locks: solutions as text under ``locks/``, their digests, and whether they still answer their requests."""
