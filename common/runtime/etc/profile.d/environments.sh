# Login shells (JupyterLab's terminals are such): /etc/profile has just reset PATH.

if [ -n "${BASH_VERSION-}" ]; then
    . /opt/environments/lib/profile.sh
fi
