#!/bin/sh
# finish.sh PREFIX: leave below /opt what becomes the environment's layer, the environment alone, and list its files.
set -eu

prefix=$1
find /opt -mindepth 1 -maxdepth 1 ! -name conda -exec rm -rf {} +
/mnt/tools/bin/python3 -B -s /mnt/manifest.py "$prefix" "$prefix/conda-meta/platform-images.jsonl" /opt/conda/envs
sh /mnt/settle.sh /opt
