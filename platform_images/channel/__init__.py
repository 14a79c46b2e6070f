"""The embedded conda channel: Python interpreters repackaged from Debian's own optimised builds."""
