#!/bin/bash
# start.sh [COMMAND...]: the container's entry point. Settles who runs, runs the hooks, and becomes COMMAND (bash).
#
# Started as root it makes the user that NB_USER, NB_UID, NB_GID and NB_GROUP describe and becomes that user; started as
# anyone else it stays who it is. docs/startup.md tells every option. Nothing here needs a file system that can be
# written to: what cannot be done is said, and the start goes on.

source /usr/local/bin/_docker_stacks_log.sh

_start_command=("$@")
[ "$#" -gt 0 ] || _start_command=(bash)

# _hooks_ended FOLDER SCRIPT CODE: a hook has ended this shell. A new one takes over, after that hook.
_hooks_ended() {
    if [ "$3" -ne 0 ]; then
        _log_error "$2 has failed, continuing execution"
    fi
    export _START_SH_AFTER=$2
    exec /usr/local/bin/start.sh "${_start_command[@]}"
}

_unset_variables() {
    local name names
    IFS=', ' read -ra names <<<"${JUPYTER_ENV_VARS_TO_UNSET-}"
    unset JUPYTER_ENV_VARS_TO_UNSET
    for name in "${names[@]}"; do
        [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || continue
        _log_info "Unset $name due to JUPYTER_ENV_VARS_TO_UNSET"
        unset "$name" || _log_warn "$name cannot be unset"
    done
}

# _start [AS USER]: become the command, through the words before it that change the user.
_start() {
    unset _START_SH_AFTER
    if ! type -P -- "${_start_command[0]}" >/dev/null; then
        _log_error "There is no command '${_start_command[0]}' (PATH is $PATH)"
        exit 127
    fi
    exec -- "$@" "${_start_command[@]}"
}

_start_after=${_START_SH_AFTER-}
if [ -n "$_start_after" ]; then
    unset _START_SH_AFTER
elif [ "${_START_SH_EXECUTED-}" = 1 ]; then
    _log_info "Entered start.sh with args: $*"
    _log_warn "start.sh is the default ENTRYPOINT, do not include it in CMD"
    _log_info "Executing the command: ${_start_command[*]}"
    _start
else
    _log_info "Entered start.sh with args: $*"
fi
export _START_SH_EXECUTED=1

if [[ $_start_after != */before-notebook.d/* ]]; then
    _hooks_after=$_start_after
    if [ -d /usr/local/bin/start-notebook.d ]; then
        source /usr/local/bin/run-hooks.sh /usr/local/bin/start-notebook.d
    fi
    _start_after=
    source /opt/environments/lib/start-user.sh
    if [ "$EUID" -eq 0 ]; then
        start_user_as_root
    else
        start_user_as_is
    fi
fi
_hooks_after=$_start_after
if [ -d /usr/local/bin/before-notebook.d ]; then
    source /usr/local/bin/run-hooks.sh /usr/local/bin/before-notebook.d
fi
source /opt/environments/lib/start-user.sh # whatever a hook has made of its names
IFS=$' \t\n'
_unset_variables
if [ "$EUID" -eq 0 ]; then
    start_user_switch
    _log_info "Running as $NB_USER: ${_start_command[*]}"
    _start "${START_USER_SWITCH[@]}"
else
    _log_info "Executing the command: ${_start_command[*]}"
    _start
fi
