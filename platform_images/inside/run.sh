#!/bin/sh
# run.sh conda|pip PREFIX ARGUMENT...: install one part of an environment, compile it, and settle its times.
#
# The tools are mounted at /mnt/tools for this step alone.
set -eu

part=$1
prefix=$2
if [ -f /run/secrets/site ]; then . /run/secrets/site; fi
export LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp

shift
/mnt/tools/bin/python3 -u -B -s "/mnt/install_$part.py" "$@"
"$prefix/bin/python" -I -B /mnt/bytecode.py "$prefix" /var/cache/platform-images-bytecode
sh /mnt/settle.sh /opt
