#!/bin/bash
# source run-hooks.sh FOLDER
#
# Sources the shell scripts (*.sh) of a folder and runs its other executables, in the order of their names. What fails
# is logged, and the next one has its turn. Nothing here is a function: what a script declares is to be global.
#
# Only start.sh survives a script that ends the whole shell (exit, or set -e and a failure): it declares _hooks_ended,
# which is called from the shell's exit with the folder, the script and its exit code.

if ! declare -F _log >/dev/null; then
    source /usr/local/bin/_docker_stacks_log.sh
fi
if [ "$#" -ne 1 ]; then
    _log_error "Should pass exactly one directory"
    return 1 2>/dev/null || exit 1
fi
if [ ! -d "$1" ]; then
    _log_error "Directory $1 doesn't exist or is not a directory"
    return 1 2>/dev/null || exit 1
fi

_hooks_folder=$1 # a script may change the positional parameters
_hooks_errexit=+e
case "$-" in *e*) _hooks_errexit=-e ;; esac
set +e
_hooks_options=$(set +o)

if [ -z "${_hooks_after-}" ]; then
    _log_info "Running hooks in: $_hooks_folder as uid: $(id -u) gid: $(id -g)"
fi
for _hook in "$_hooks_folder"/*; do
    if [ ! -e "$_hook" ]; then
        continue # an empty folder, or a link to nothing
    elif [ -n "${_hooks_after-}" ]; then
        # This shell takes over from one that this script has ended.
        if [ "$_hook" = "$_hooks_after" ]; then _hooks_after=; fi
        continue
    elif [[ $_hook == *.sh ]]; then
        _log_info "Sourcing shell script: $_hook"
        if declare -F _hooks_ended >/dev/null; then
            trap '_hooks_ended "$_hooks_folder" "$_hook" "$?"' EXIT
        fi
        source "$_hook"
        _hook_code=$?
        if declare -F _hooks_ended >/dev/null; then trap - EXIT; fi
        eval "$_hooks_options"
    elif [ -f "$_hook" ] && [ -x "$_hook" ]; then
        _log_info "Running executable: $_hook"
        "$_hook"
        _hook_code=$?
    else
        _log_info "Ignoring non-executable: $_hook"
        _hook_code=0
    fi
    if [ "$_hook_code" -ne 0 ]; then
        _log_error "$_hook has failed, continuing execution"
    fi
done
_log_info "Done running hooks in: $_hooks_folder"

set "$_hooks_errexit"
unset _hook _hook_code _hooks_after _hooks_errexit _hooks_folder _hooks_options
