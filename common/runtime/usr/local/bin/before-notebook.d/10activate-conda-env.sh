# Activates the environment DOCKER_STACKS_CONDA_ENV (base), with the mission's variables, for what the container runs.

source /opt/environments/lib/activation.sh
environments_activate "${DOCKER_STACKS_CONDA_ENV:-base}" || return

# Jupyter is in base: whatever environment is active, its commands are to be found.
case ":$PATH:" in
    *:"${CONDA_DIR:-/opt/conda}/bin":*) ;;
    *) PATH=$CONDA_PREFIX/bin:${CONDA_DIR:-/opt/conda}/bin:${PATH#"$CONDA_PREFIX/bin:"} ;;
esac
