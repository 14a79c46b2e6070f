"""A JupyterHub on this machine's loopback that serves a mission's image to several users.

Request files and lock of what it runs (`requests`, `locking`), where that is installed (`installation`), the hub's
configuration as values (`configuration`), what it has in the engine (`engine`) and on this machine (`ports`), its own
process (`server`), what its users' servers say (`serverlogs`), what is left of one that has ended (`leftovers`), and
the command (`running`).
"""
