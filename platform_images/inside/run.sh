#!/bin/sh
# run.sh conda|pip GID PREFIX ARGUMENT...: install one part of an environment, compile it, and settle its times.
#
# What is installed belongs to the group GID, which may write to it: whoever runs in the image is in that group. This is
# done in the step that installs, since a later one would copy every file.
# The tools are mounted at /mnt/tools for this step alone.
set -eu

part=$1
gid=$2
prefix=$3
if [ -f /run/secrets/site ]; then . /run/secrets/site; fi
export LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp

shift 2
/mnt/tools/bin/python3 -u -B -s "/mnt/install_$part.py" "$@"
"$prefix/bin/python" -I -B /mnt/bytecode.py "$prefix" /var/cache/platform-images-bytecode
mkdir -p /opt/conda/envs
find /opt/conda ! -group "$gid" -exec chgrp --no-dereference "$gid" {} +
find /opt/conda ! -type l ! -perm -g+w -exec chmod g+w {} +
sh /mnt/settle.sh /opt
