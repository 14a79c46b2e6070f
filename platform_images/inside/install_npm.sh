#!/bin/sh
# install_npm.sh LOCK TARGET: install exactly what package-lock.json names, each file checked against its integrity.
#
# Where a mirror is mounted at /mnt/mirror, with a lock that says where each file is there, no registry is asked.
# Packages' own install scripts do not run: they may fetch what no lock names.
set -eu

lock=$1
target=$2
if [ -f /run/secrets/site ]; then . /run/secrets/site; fi
export LC_ALL=C.UTF-8 HOME=/tmp PATH="/mnt/node/bin:$PATH"
export npm_config_cache=/var/cache/platform-images-npm npm_config_update_notifier=false

unverified=$(node -e '
    const { packages } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const bare = Object.keys(packages).filter((name) => name && !packages[name].link && !packages[name].integrity);
    process.stdout.write(bare.join(" "));' "$lock/package-lock.json")
if [ -n "$unverified" ]; then
    printf 'package-lock.json has no integrity for: %s\n' "$unverified" >&2
    exit 1
fi

mkdir -p "$target"
cp "$lock/package.json" "$lock/package-lock.json" "$target/"
cd "$target"
offline=
if [ -f /mnt/mirror/package-lock.json ]; then
    cp /mnt/mirror/package-lock.json .
    offline=--offline
fi
npm ci $offline --ignore-scripts --no-audit --no-fund --loglevel=error --cache-min=0
cp "$lock/package-lock.json" .
rm -rf node_modules/.package-lock.json /tmp/.npm /tmp/node-compile-cache
sh /mnt/settle.sh /
