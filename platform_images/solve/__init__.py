"""Solvers: requests to saved solutions. Each module solves one kind of thing and gives the same shape."""
