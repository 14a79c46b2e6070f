#!/bin/bash
# Log lines of the start-up: LEVEL[YYYY-MM-DD HH:MM:SS] MESSAGE, on standard error. Sourced, also by users' hooks.
#
# JUPYTER_DOCKER_STACKS_QUIET, set to anything, leaves only warnings and errors. A terminal gets them in colour, unless
# NO_COLOR is set.

# _log [INFO|WARNING|ERROR|DEBUG] MESSAGE...
_log() {
    local level=INFO colour= time IFS=' '
    case "${1-}" in INFO | WARNING | ERROR | DEBUG) level=$1 && shift ;; esac
    case "$level" in
        ERROR) colour=31 ;;
        WARNING) colour=33 ;;
        *)
            [ -z "${JUPYTER_DOCKER_STACKS_QUIET-}" ] || return 0
            [ "$level" = INFO ] || colour=36
            ;;
    esac
    printf -v time '%(%Y-%m-%d %H:%M:%S)T' -1
    if [ -n "$colour" ] && [ -z "${NO_COLOR-}" ] && [ -t 2 ]; then
        printf '\033[0;%sm%s[%s] %s\033[0m\n' "$colour" "$level" "$time" "$*" >&2
    else
        printf '%s[%s] %s\n' "$level" "$time" "$*" >&2
    fi
}

_log_info() { _log INFO "$@"; }
_log_warn() { _log WARNING "$@"; }
_log_error() { _log ERROR "$@"; }
