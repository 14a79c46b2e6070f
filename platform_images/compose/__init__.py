"""Composing the one Dockerfile of a mission: pure text from requests and locks."""
