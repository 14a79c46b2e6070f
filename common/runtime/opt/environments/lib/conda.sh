# conda activate and conda deactivate in bash. Sourced; may be sourced twice.

source /opt/environments/lib/activation.sh

conda() {
    local code=0 word
    case "${1-}" in
        activate)
            case "${2-}" in -h | --help) command conda activate --help; return ;; esac
            word=$(command conda shell.bash word "${@:2}") || return
            environments_activate "$word" || return
            # A prompt of ~/.bashrc shows the environment from here on, as conda's does.
            case "${PS1-}" in
                '' | *CONDA_PROMPT_MODIFIER*) ;;
                *) PS1='${CONDA_PROMPT_MODIFIER-}'$PS1 ;;
            esac
            ;;
        deactivate)
            environments_deactivate
            ;;
        install | update | upgrade | remove | uninstall)
            command conda "$@" || code=$?
            hash -r
            return "$code"
            ;;
        *)
            command conda "$@"
            ;;
    esac
}

mamba() {
    case "${1-}" in
        activate | deactivate) conda "$@" ;;
        *) command mamba "$@" ;;
    esac
}
