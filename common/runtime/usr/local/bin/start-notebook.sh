#!/bin/bash
# The old name of start-notebook.py.

source /usr/local/bin/_docker_stacks_log.sh
_log_warn "Use start-notebook.py instead"
exec /usr/local/bin/start-notebook.py "$@"
