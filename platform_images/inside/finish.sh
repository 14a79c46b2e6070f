#!/bin/sh
# finish.sh PREFIX GID: leave below /opt what becomes the environment's layer, the environment alone, and list its files.
set -eu

prefix=$1 gid=$2
find /opt -mindepth 1 -maxdepth 1 ! -name conda -exec rm -rf {} +
/mnt/tools/bin/python3 -B -s /mnt/manifest.py "$prefix" "$prefix/conda-meta/platform-images.jsonl" /opt/conda/envs
chgrp "$gid" "$prefix/conda-meta/platform-images.jsonl"
chmod g+w "$prefix/conda-meta/platform-images.jsonl"
sh /mnt/settle.sh /opt
