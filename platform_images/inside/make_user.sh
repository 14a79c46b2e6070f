#!/bin/sh
# make_user.sh NAME UID GID: make the user who runs the lab, or give a user of the root this name and number.
set -eu

name=$1 uid=$2 gid=$3
export LC_ALL=C.UTF-8

if ! getent group "$gid" >/dev/null; then groupadd --gid "$gid" "$name"; fi
owner=$(getent passwd "$uid" | cut -d : -f 1)
if [ -n "$owner" ] && [ "$owner" != "$name" ]; then
    if getent passwd "$name" >/dev/null; then userdel "$name"; fi
    usermod --login "$name" --home "/home/$name" --move-home "$owner"
fi
if getent passwd "$name" >/dev/null; then
    usermod --uid "$uid" --gid "$gid" --home "/home/$name" --shell /bin/bash "$name"
else
    useradd --no-log-init --no-user-group --uid "$uid" --gid "$gid" --home-dir "/home/$name" --shell /bin/bash "$name"
fi
if [ ! -d "/home/$name" ]; then
    mkdir -p "/home/$name"
    if [ -d /etc/skel ]; then cp -R /etc/skel/. "/home/$name/"; fi
fi
mkdir -p "/home/$name/work"
chown -R "$uid:$gid" "/home/$name"
chmod -R g+rwX "/home/$name"
# The group root may give a user of any number a name, as start.sh does.
chmod g+w /etc/passwd
# Hooks that run first; files cannot bring an empty folder.
mkdir -p /usr/local/bin/start-notebook.d
# Who the image's user is, whatever NB_USER says when it runs.
mkdir -p /opt/environments/etc
echo "$name $uid $gid" >/opt/environments/etc/user
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /var/log/lastlog /var/log/faillog
sh /mnt/settle.sh /etc /home /opt /usr/local /var /mnt
