"""``nox -s bench``: this project measured against what people would use instead, as ratios of one run."""
