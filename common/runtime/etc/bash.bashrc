# Interactive bash, for every user: the environments on PATH, and a short prompt.

[ -z "${PS1-}" ] && return

shopt -s checkwinsize
source /opt/environments/lib/profile.sh
PS1='${CONDA_PROMPT_MODIFIER-}\u:\w\$ '
