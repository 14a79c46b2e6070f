#!/bin/bash
# The old name of start-singleuser.py.

source /usr/local/bin/_docker_stacks_log.sh
_log_warn "Use start-singleuser.py instead"
exec /usr/local/bin/start-singleuser.py "$@"
