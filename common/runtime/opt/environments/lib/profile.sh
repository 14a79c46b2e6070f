# A bash session in the image: base on PATH, unless another environment is active already. Sourced; may be sourced twice.

source /opt/environments/lib/conda.sh

# kernel-activate [KERNEL]: use a kernel's environment in this shell.
kernel-activate() {
    environments_activate "${1:-base}"
}

case ":$PATH:" in
    *":${CONDA_PREFIX:-/none}/bin:"*) ;;
    *)
        # A login shell loses PATH but keeps the rest: put the environment that was active back.
        if [ "${CONDA_DEFAULT_ENV:-base}" = base ]; then
            environments_activate base
        else
            environments_activate "$CONDA_PREFIX"
        fi
        ;;
esac
