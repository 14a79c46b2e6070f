# Activating a conda environment in bash, without conda. Sourced; defines functions and changes nothing.
#
# What conda does, in its order: leave the environment that is active, put PREFIX/bin first on PATH, set CONDA_*, set the
# variables that the environment's files name, then source PREFIX/etc/conda/activate.d/*.sh.

ENVIRONMENTS_CONDA=/opt/conda
ENVIRONMENTS_MISSION=/opt/environments/etc/environment.sh
ENVIRONMENTS_LIB=${BASH_SOURCE[0]%/*}

# environments_activate PREFIX|KERNEL
environments_activate() {
    local name= prefix
    case "$1" in
        */*) prefix=$1 ;;
        base) name=base prefix=$ENVIRONMENTS_CONDA ;;
        *) name=$1 prefix=$ENVIRONMENTS_CONDA/envs/$1 ;;
    esac
    [ -d "$prefix" ] && prefix=$(cd -- "$prefix" && pwd) || { _environments_missing "$1"; return 1; }

    if [ -n "$name" ] && [ -r "$ENVIRONMENTS_MISSION" ]; then
        _environments_source "$ENVIRONMENTS_MISSION"
    fi
    if [ -n "${CONDA_PREFIX-}" ]; then
        _environments_leave "$CONDA_PREFIX"
    fi
    _environments_path "$prefix"
    _environments_names "$prefix"
    _environments_variables "$prefix"
    _environments_scripts "$prefix/etc/conda/activate.d"
    hash -r
}

# environments_deactivate: back to the environment that was active before this one, or else to the base.
environments_deactivate() {
    local level=${CONDA_SHLVL:-0} before=
    [[ $level == [0-9]* ]] || level=0
    if [ "$level" -gt 1 ]; then
        level=$((level - 1))
        before=CONDA_PREFIX_$level
        before=${!before-}
        unset "CONDA_PREFIX_$level"
    fi
    [ -n "$before" ] && [ -d "$before" ] || before=$ENVIRONMENTS_CONDA
    if [ -n "${CONDA_PREFIX-}" ]; then
        [ "$CONDA_PREFIX" != "$before" ] || return 0
        _environments_leave "$CONDA_PREFIX"
    fi
    _environments_path "$before"
    unset CONDA_PREFIX
    export CONDA_SHLVL=$level
    _environments_names "$before"
    _environments_variables "$before"
    _environments_scripts "$before/etc/conda/activate.d"
    hash -r
}

_environments_missing() {
    local known=base folder
    for folder in "$ENVIRONMENTS_CONDA"/envs/*/; do
        [ -d "$folder" ] && folder=${folder%/} && known+=", ${folder##*/}"
    done
    printf 'There is no environment %q in this image. Its environments: %s\n' "$1" "$known" >&2
}

# PREFIX/bin first; the environment that is left, and base, no longer on it.
_environments_path() {
    local rest=":${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}:" leaving
    for leaving in "$1" "${CONDA_PREFIX:-$1}" "$ENVIRONMENTS_CONDA"; do
        while [[ $rest == *":$leaving/bin:"* ]]; do
            rest=${rest/":$leaving/bin:"/:}
        done
    done
    rest=${rest#:}
    rest=${rest%:}
    export PATH="$1/bin${rest:+:$rest}"
}

_environments_names() {
    local prefix=$1 level=${CONDA_SHLVL:-0}
    [[ $level == [0-9]* ]] || level=0
    if [ -n "${CONDA_PREFIX-}" ] && [ "$level" -gt 0 ] && [ "$CONDA_PREFIX" != "$prefix" ]; then
        export "CONDA_PREFIX_$level=$CONDA_PREFIX"
        level=$((level + 1))
    fi
    [ "$level" -gt 0 ] || level=1
    case "$prefix" in
        "$ENVIRONMENTS_CONDA") CONDA_DEFAULT_ENV=base ;;
        */envs/*) CONDA_DEFAULT_ENV=${prefix##*/} ;;
        *) CONDA_DEFAULT_ENV=$prefix ;;
    esac
    export CONDA_PREFIX=$prefix CONDA_SHLVL=$level CONDA_DEFAULT_ENV
    export CONDA_PROMPT_MODIFIER="($CONDA_DEFAULT_ENV) "
}

# Packages' variables, then those of "conda env config vars set".
_environments_variables() {
    local file pair files=()
    for file in "$1"/etc/conda/env_vars.d/*.json "$1/conda-meta/state"; do
        [ -f "$file" ] && files+=("$file")
    done
    [ "${#files[@]}" -gt 0 ] || return 0
    while IFS= read -r -d '' pair; do
        export "$pair"
    done < <(_environments_read "$1" "${files[@]}")
}

# _environments_read PREFIX FILE...: the files' variables, as NUL-ended NAME=VALUE.
_environments_read() {
    local prefix=$1 python
    shift
    for python in "$prefix/bin/python" "$ENVIRONMENTS_CONDA/bin/python" /usr/bin/python3; do
        if [ -x "$python" ]; then
            "$python" -I -S "$ENVIRONMENTS_LIB/variables.py" "$@" </dev/null
            return
        fi
    done
    printf 'There is no Python to read %s with: its variables are not set.\n' "$*" >&2
}

# Leave an environment: its deactivation scripts, in reverse order, then its variables where they are still as it set them.
_environments_leave() {
    local scripts=("$1"/etc/conda/deactivate.d/*.sh) index file pair name
    for ((index = ${#scripts[@]} - 1; index >= 0; index--)); do
        [ -r "${scripts[index]}" ] && _environments_source "${scripts[index]}"
    done
    for file in "$1"/etc/conda/env_vars.d/*.json "$1/conda-meta/state"; do
        [ -f "$file" ] || continue
        while IFS= read -r -d '' pair; do
            name=${pair%%=*}
            [ "${!name-}" = "${pair#*=}" ] && unset "$name"
        done < <(_environments_read "$1" "$file")
    done
    return 0
}

_environments_scripts() {
    local script
    for script in "$1"/*.sh; do
        [ -r "$script" ] && _environments_source "$script"
    done
    return 0
}

# A script may use unset variables, fail, change options or read: none of that may stop the activation.
_environments_source() {
    local options=$- IFS=$' \t\n'
    set +eu
    set -- "$1"
    source "$1" </dev/null || true
    set +eu
    case "$options" in *e*) set -e ;; esac
    case "$options" in *u*) set -u ;; esac
    return 0
}
