#!/bin/sh
# finish.sh PREFIX GID: lay out in /layer/tree what becomes the environment's layer, the environment alone, and list its
# files. Not right below /: BuildKit looks at all that is beside what it copies.
set -eu

prefix=$1 gid=$2
find /opt -mindepth 1 -maxdepth 1 ! -name conda -exec rm -rf {} +
/mnt/tools/bin/python3 -B -s /mnt/manifest.py "$prefix" "$prefix/conda-meta/platform-images.jsonl" /opt/conda/envs
chgrp "$gid" "$prefix/conda-meta/platform-images.jsonl"
chmod g+w "$prefix/conda-meta/platform-images.jsonl"
mkdir -p /layer/tree
cp --archive /opt /layer/tree/
sh /mnt/settle.sh /layer
