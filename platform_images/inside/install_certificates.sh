#!/bin/sh
# install_certificates.sh FOLDER: put a site's certificates into the system's store and point every tool to it.
#
# FOLDER has one certificate a file. Those that the system has already are left out.
set -eu

folder=$1
bundle=/etc/ssl/certs/ca-certificates.crt
export LC_ALL=C.UTF-8

mkdir -p /usr/local/share/ca-certificates/site
for file in "$folder"/*.crt; do
    last=$(grep -v -e '-----' "$file" | tail -n 1)
    if ! grep -q -x -F -e "$last" "$bundle"; then cp "$file" /usr/local/share/ca-certificates/site/; fi
done
update-ca-certificates >/dev/null

mkdir -p /etc/conda
printf 'ssl_verify: %s\n' "$bundle" >/etc/conda/.condarc
printf '[global]\ncert = %s\n' "$bundle" >/etc/pip.conf
printf 'cafile=%s\n' "$bundle" >/etc/npmrc
printf '[http]\n\tsslCAInfo = %s\n' "$bundle" >/etc/gitconfig
sh /mnt/settle.sh /
