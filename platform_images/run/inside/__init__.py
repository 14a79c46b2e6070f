"""Programs that run inside a container of the image: copied there for a test run, never imported by the rest.

They use the image's base Python and nothing of this package.
"""
