#!/bin/sh
# run.sh conda GID PREFIX LIST: install the conda part of an environment, compile it, and settle its times.
# run.sh plan GID PREFIX LOCK GROUPS [NAME=VALUE...]: get the pip part, and find who brings what, into /plan.
# run.sh group GID GROUP PLANS [NAME=VALUE...]: lay out the packages of one layer in /layer/tree.
# run.sh patch GID PREFIX LOCK PATCH [NAME=VALUE...]: change some packages of the pip part where it is in the image.
#
# What is installed belongs to the group GID, which may write to it: whoever runs in the image is in that group. This is
# done in the step that installs, since a later one would copy every file.
# The tools are mounted at /mnt/tools for this step alone.
set -eu

part=$1 gid=$2
shift 2
if [ -f /run/secrets/site ]; then . /run/secrets/site; fi
export LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
python="/mnt/tools/bin/python3 -u -B -s"

case $part in
conda)
    $python /mnt/install_conda.py "$@"
    "$1/bin/python" -I -B /mnt/bytecode.py "$1" /var/cache/platform-images-bytecode
    mkdir -p /opt/conda/envs
    find /opt/conda ! -group "$gid" -exec chgrp --no-dereference "$gid" {} +
    find /opt/conda ! -type l ! -perm -g+w -exec chmod g+w {} +
    sh /mnt/settle.sh /opt
    ;;
plan)
    prefix=$1 lock=$2 groups=$3
    shift 3
    mkdir /plan
    $python /mnt/plan_pip.py "$prefix" "$lock" "$groups" /plan "$@"
    ;;
group)
    group=$1 plans=$2
    shift 2
    mkdir -p /layer/tree
    $python /mnt/install_group.py "$gid" "$group" "$plans" /layer/tree "$@"
    sh /mnt/settle.sh /layer
    ;;
patch)
    # It dates what it lays: settle.sh would date anew what place.sh has laid in the image, and that would be changed.
    $python /mnt/patch_pip.py "$gid" "$@"
    ;;
esac
