"""The parts of a build: its contexts and secrets, freshly solved locks, drift, and the commit."""
