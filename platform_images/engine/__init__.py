"""The Docker Engine: the only room that talks to it."""
