# Who runs in the container: the functions of start.sh that make, name and become its user. Sourced.
#
# The system's files are written by what they hold, and in place: usermod would change the owner of a whole home, refuses
# names that hubs give, and cannot write to a file that is mounted or that only the group root may write to.

# The user that the image was made with: name, number, number of its group.
START_IMAGE_USER=jovyan START_IMAGE_UID=1000 START_IMAGE_GID=100
if [ -r /opt/environments/etc/user ]; then
    IFS=' ' read -r START_IMAGE_USER START_IMAGE_UID START_IMAGE_GID </opt/environments/etc/user
fi
START_IMAGE_HOME=/home/$START_IMAGE_USER
: "${NB_USER:=$START_IMAGE_USER}" "${NB_UID:=$START_IMAGE_UID}" "${NB_GID:=$START_IMAGE_GID}"
START_USERS_GID=100 # may write to the environments and to the image's home

_is_on() { case "${1-}" in 1 | [Yy][Ee][Ss] | [Tt][Rr][Uu][Ee]) ;; *) return 1 ;; esac }

_stop() {
    _log_error "$@"
    exit 1
}

# _field FILE KEY_FIELD KEY WANTED_FIELD: a field of the first line of passwd or group with this key.
_field() {
    local line fields
    while IFS= read -r line; do
        IFS=: read -ra fields <<<"$line"
        if [ "${fields[$2]-}" = "$3" ]; then
            printf '%s' "${fields[$4]-}"
            return 0
        fi
    done <"$1"
    return 1
}

# _write FILE TEXT: put the text in the place of the file's own, keeping the file. False where that cannot be.
_write() {
    [ "$2" = "$(<"$1")" ] || { printf '%s\n' "$2" >"$1"; } 2>/dev/null
}

# ---- started as root

start_user_as_root() {
    _check_names
    local home=/home/$NB_USER
    if [ "$NB_USER" = root ]; then
        _write /etc/passwd "$(awk -F: -v OFS=: '$1 == "root" { $6 = "/home/root" } { print }' /etc/passwd)" ||
            _log_warn "/etc/passwd cannot be written to: it does not say that the home of root is /home/root"
    else
        _enter_user "$home"
    fi
    if [ "$NB_USER" != "$START_IMAGE_USER" ]; then
        _make_home "$home" || home=$START_IMAGE_HOME
    fi
    export HOME=$home USER=$NB_USER LOGNAME=$NB_USER
    _follow_home
    _change_owners
    _grant_sudo
    _fill_home "$NB_UID:$NB_GID"
}

# What cannot be is refused before anything is changed.
_check_names() {
    local name limit=2147483647
    for name in NB_UID NB_GID; do
        if [[ ! ${!name} =~ ^[0-9]{1,10}$ ]] || [ "${!name}" -gt "$limit" ]; then
            _stop "$name must be a number from 0 to $limit, and it is '${!name}'"
        fi
        printf -v "$name" '%d' "$((10#${!name}))"
    done
    if [[ ! $NB_USER =~ ^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$ ]]; then
        _stop "NB_USER must be a name of letters, digits and any of . _ @ + -, and it is '$NB_USER'"
    fi
    if [ -n "${NB_GROUP-}" ] && [[ ! $NB_GROUP =~ ^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$ ]]; then
        _stop "NB_GROUP must be a name of letters, digits and any of . _ @ + -, and it is '$NB_GROUP'"
    fi
    if [ "$NB_USER" = root ] && [ "$NB_UID:$NB_GID" != 0:0 ]; then
        _stop "NB_USER=root is the system's root: it needs NB_UID=0 and NB_GID=0 as well, and they are $NB_UID and $NB_GID"
    fi
    if [ "$NB_USER" != root ] && [ "$NB_UID" -eq 0 ]; then
        _stop "NB_UID=0 is the system's root: it needs NB_USER=root and NB_GID=0 as well, and NB_USER is $NB_USER"
    fi
    if [ "$NB_UID" -ne 0 ] && ! setpriv --reuid "$NB_UID" --regid "$NB_GID" --clear-groups true 2>/dev/null; then
        _stop "This container may not become the user $NB_UID:$NB_GID. Start it with --user $NB_UID:$NB_GID," \
            "or with the capabilities SETUID and SETGID and user numbers that the engine maps"
    fi
}

# _enter_user HOME: passwd, group and shadow say what NB_USER is. Twice is as good as once.
_enter_user() {
    local old=$NB_USER had
    if _field /etc/passwd 0 "$START_IMAGE_USER" 0 >/dev/null; then old=$START_IMAGE_USER; fi
    had=$(_field /etc/passwd 0 "$old" 2):$(_field /etc/passwd 0 "$old" 3)
    if [ "$old" != "$NB_USER" ]; then
        _log_info "Updated the $old user:"
        _log_info "- username: $old       -> $NB_USER"
        _log_info "- home dir: $START_IMAGE_HOME -> $1"
    fi
    if [ "$old" = "$NB_USER" ] && [ "$had" = "$NB_UID:$NB_GID" ] && [ "$(_field /etc/passwd 2 "$NB_UID" 0)" = "$NB_USER" ]; then
        return # as in the image, or as this container has left it
    fi
    if [ "$had" != "$NB_UID:$NB_GID" ]; then
        _log_info "Update $NB_USER's UID:GID to $NB_UID:$NB_GID"
    fi
    if ! _write /etc/passwd "$(_passwd_with "$old" "$1")"; then
        _log_warn "/etc/passwd cannot be written to: $NB_USER ($NB_UID:$NB_GID) has no entry there, and programs that" \
            "ask for the user's name get none"
    fi
    # Their order: whoever is in a group by the old name is in it by the new one.
    _write /etc/group "$(_group_with "$old")" || _log_warn "/etc/group cannot be written to: the group $NB_GID may have no name"
    if [ -e /etc/shadow ]; then
        _write /etc/shadow "$(_shadow_with "$old")" || true # told by passwd already
    fi
}

# The user's line comes before those of other users with that number, so that the number has this name.
_passwd_with() {
    awk -F: -v old="$1" -v name="$NB_USER" -v uid="$NB_UID" -v gid="$NB_GID" -v home="$2" '
        $1 == "root" { print; next }
        !done { print name ":x:" uid ":" gid "::" home ":/bin/bash"; done = 1 }
        $1 != old && $1 != name { print }
    ' /etc/passwd
}

_group_with() {
    local name=${NB_GROUP:-$NB_USER} present taken
    present=$(_field /etc/group 2 "$NB_GID" 0)
    taken=$(_field /etc/group 0 "$name" 2)
    if [ -n "$present" ] && [ -z "${NB_GROUP-}" ] || [ "$NB_GID" = "$START_IMAGE_GID" ]; then
        name= # it has a name
    elif [ -n "$taken" ] && [ "$taken" != "$NB_GID" ]; then
        name=${name}_$NB_GID # another group has that name
    elif [ -n "$taken" ]; then
        name=
    fi
    awk -F: -v OFS=: -v old="$1" -v user="$NB_USER" -v name="$name" -v gid="$NB_GID" -v users="$START_USERS_GID" '
        function member(list, who) { return index("," list ",", "," who ",") > 0 }
        NR == 2 && name != "" { print name, "x", gid, "" }
        {
            if (old != user) {
                count = split($4, members, ","); $4 = ""
                for (i = 1; i <= count; i++) {
                    one = members[i] == old ? user : members[i]
                    if (!member($4, one)) $4 = $4 ($4 == "" ? "" : ",") one
                }
            }
            if ($3 == users && gid != users && !member($4, user)) $4 = $4 ($4 == "" ? "" : ",") user
            print
        }
    ' /etc/group
}

# sudo asks for a line here. Without a password: nobody can log in by one.
_shadow_with() {
    awk -F: -v old="$1" -v name="$NB_USER" '
        $1 != old && $1 != name { print }
        END { print name ":!:19000:0:99999:7:::" }
    ' /etc/shadow
}

# _make_home HOME: where it is missing, or has just been made by the engine for a mount or as the working folder, it gets
# what is in the image's home. What is mounted there is linked and not copied: it may be large. False where it cannot be.
_make_home() {
    local home=$1 mount rest
    if [ -e "$home" ] && { _is_mounted "$home" || [ "$(stat -c %u "$home")" != 0 ] || [ "$NB_UID" = 0 ]; }; then
        # A new volume belongs to root, and nobody could use it.
        if [ -z "$(ls -A "$home")" ]; then chown "$NB_UID:$NB_GID" "$home" 2>/dev/null; fi
        return 0
    fi
    _log_info "Attempting to copy $START_IMAGE_HOME to $home..."
    if ! _is_mounted "$START_IMAGE_HOME" && _copy_home "$home"; then
        while read -r _ _ _ _ mount rest; do
            printf -v mount '%b' "$mount"
            rest=$home/${mount#"$START_IMAGE_HOME/"}
            if [[ $mount == "$START_IMAGE_HOME"/* ]] && { [ ! -d "$rest" ] || rmdir "$rest"; }; then
                ln -sfn "$mount" "$rest"
            fi
        done </proc/self/mountinfo
        _log_info "Success!"
        return 0
    fi
    if [ -d "$home" ]; then rmdir "$home" 2>/dev/null; fi
    if [ ! -e "$home" ]; then
        _log_info "Attempting to symlink $START_IMAGE_HOME to $home..."
        if ln -s "$START_IMAGE_HOME" "$home" 2>/dev/null; then
            _log_info "Success creating symlink!"
            return 0
        fi
    fi
    _log_warn "$home can neither be filled from $START_IMAGE_HOME nor made a link to it: the home is $START_IMAGE_HOME"
    return 1
}

_copy_home() {
    local owner=()
    [ "$NB_UID" = 0 ] && owner=(--no-preserve=ownership)
    mkdir -p "$1" 2>/dev/null || return 1
    cp --archive --no-clobber --one-file-system "${owner[@]}" "$START_IMAGE_HOME/." "$1/" 2>/dev/null || return 1
    [ "$NB_UID" = 0 ] || find "$1" -xdev -exec chown --no-dereference "$NB_UID:$NB_GID" {} +
}

_is_mounted() {
    local place
    while read -r _ _ _ _ place _; do
        printf -v place '%b' "$place"
        [ "$place" != "$1" ] || return 0
    done </proc/self/mountinfo
    return 1
}

_follow_home() {
    if [ "$HOME" != "$START_IMAGE_HOME" ] && [[ $PWD/ == "$START_IMAGE_HOME"/* ]]; then
        local place=$HOME${PWD#"$START_IMAGE_HOME"}
        _log_info "Changing working directory to $place"
        cd -- "$place" || cd -- "$HOME" || cd /
    fi
}

_change_owners() {
    local options paths path
    if _is_on "${CHOWN_HOME-}"; then
        _change_owner "$HOME" "${CHOWN_HOME_OPTS-}"
    fi
    IFS=, read -ra paths <<<"${CHOWN_EXTRA-}"
    for path in "${paths[@]}"; do
        path=${path#"${path%%[![:space:]]*}"}
        path=${path%"${path##*[![:space:]]}"}
        if [ -n "$path" ]; then _change_owner "$path" "${CHOWN_EXTRA_OPTS-}"; fi
    done
}

# _change_owner PATH OPTIONS
_change_owner() {
    local options problem
    _log_info "Ensuring $1 is owned by $NB_UID:$NB_GID ${2:+(chown options: $2)}"
    read -ra options <<<"$2"
    if ! problem=$(chown "${options[@]}" "$NB_UID:$NB_GID" -- "$(readlink -f -- "$1")" 2>&1); then
        _log_warn "Not all of $1 could be given to $NB_UID:$NB_GID: ${problem##*$'\n'}"
    fi
}

_grant_sudo() {
    local rule=/etc/sudoers.d/added-by-start-script path=/etc/sudoers.d/path
    if ! _is_on "${GRANT_SUDO-}"; then
        rm -f "$rule" "$path" 2>/dev/null # of an image that was made from a container
        return
    fi
    _log_info "Granting $NB_USER passwordless sudo rights!"
    if ! {
        (umask 337 && printf '%s ALL=(ALL) NOPASSWD:ALL\n' "${NB_USER//@/\\@}" >"$rule.new") && mv -f "$rule.new" "$rule" &&
            (umask 337 && printf 'Defaults secure_path="%s"\n' "$(_sudo_path)" >"$path.new") && mv -f "$path.new" "$path"
    } 2>/dev/null; then
        _log_warn "/etc/sudoers.d cannot be written to: $NB_USER cannot use sudo"
    fi
}

_sudo_path() {
    printf '%s/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "${CONDA_DIR:-/opt/conda}"
}

# _fill_home [OWNER]: the defaults that a new home lacks.
_fill_home() {
    if [ -x /opt/environments/bin/fill-home ]; then
        /opt/environments/bin/fill-home "$HOME" "$@" || _log_warn "$HOME could not be filled with its defaults"
    fi
}

# Sets START_USER_SWITCH: the words that run a command as the user. None where the user is root.
start_user_switch() {
    local groups number
    START_USER_SWITCH=()
    if [ "$NB_UID" = 0 ]; then return; fi
    # By name, those of the user; and what the container was given with --group-add.
    groups=" $NB_GID $START_USERS_GID "
    for number in $(id -G "$NB_USER" 2>/dev/null) $(id -G); do
        [ "$number" = 0 ] || [[ $groups == *" $number "* ]] || groups+="$number "
    done
    read -ra groups <<<"$groups"
    _give_streams
    IFS=,
    START_USER_SWITCH=(setpriv --reuid "$NB_UID" --regid "$NB_GID" --groups "${groups[*]}")
    IFS=$' \t\n'
}

# Pipes and the terminal are root's: the user would not be able to open them as /dev/stdout or /dev/tty.
_give_streams() {
    local stream
    for stream in 0 1 2; do
        if [ -t "$stream" ] || [ -p "/proc/$$/fd/$stream" ]; then
            chown "$NB_UID" "/proc/$$/fd/$stream" 2>/dev/null
        fi
    done
}

# ---- started as another user

start_user_as_is() {
    local uid gid
    uid=$(id -u) gid=$(id -g)
    if _is_on "${GRANT_SUDO-}"; then
        _log_warn "container must be started as root to grant sudo permissions!"
    fi
    _check_home
    if ! whoami >/dev/null 2>&1; then
        _enter_this_user "$uid" "$gid"
    fi
    _check_wishes "$uid" "$gid"
    USER=$(whoami 2>/dev/null) || USER=$NB_USER
    export USER LOGNAME=$USER HOME
    _fill_home
}

# A number without a name: some programs end where there is none.
_enter_this_user() {
    local name=$NB_USER
    _log_info "There is no entry in /etc/passwd for our UID=$1. Attempting to fix..."
    if [ ! -w /etc/passwd ]; then
        if [ "$2" = 0 ]; then
            _log_warn "unable to fix missing /etc/passwd entry because it is on a read-only file system."
        else
            _log_warn "unable to fix missing /etc/passwd entry because we don't have write permission." \
                "Try setting gid=0 with \"--user=$1:0\"."
        fi
        return
    fi
    if [[ ! $name =~ ^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$ ]] || [ "$name" = root ]; then name=$START_IMAGE_USER; fi
    if [ "$name" = "$START_IMAGE_USER" ]; then
        _log_info "Renaming old $name user to nayvoj ($START_IMAGE_UID:$START_IMAGE_GID)"
    fi
    _write /etc/passwd "$(awk -F: -v OFS=: -v name="$name" -v uid="$1" -v gid="$2" -v home="$HOME" '
        $1 == name { $1 = "nayvoj" }
        { print }
        END { print name, "x", uid, gid, "", home, "/bin/bash" }
    ' /etc/passwd)"
    _log_info "Added new $name user ($1:$2). Fixed UID!"
    if [ "$name" != "$START_IMAGE_USER" ]; then
        _log_warn "user is $name but home is $HOME. You must run as root to rename the home directory!"
    fi
}

# What was asked for and only root can do.
_check_wishes() {
    if [ "$NB_USER" != "$START_IMAGE_USER" ] && [ "$NB_USER" != "$(id -un 2>/dev/null)" ]; then
        _log_warn "container must be started as root to change the desired user's name with NB_USER=\"$NB_USER\"!"
    fi
    if [ "$NB_UID" != "$START_IMAGE_UID" ] && [ "$NB_UID" != "$1" ]; then
        _log_warn "container must be started as root to change the desired user's id with NB_UID=\"$NB_UID\"!"
    fi
    if [ "$NB_GID" != "$START_IMAGE_GID" ] && [ "$NB_GID" != "$2" ]; then
        _log_warn "container must be started as root to change the desired user's group id with NB_GID=\"$NB_GID\"!"
    fi
}

# A home that cannot be written to is told, with what to do, and replaced: programs write to it when they start.
_check_home() {
    local home=${HOME:-$START_IMAGE_HOME} advice other
    if [ -d "$home" ] && [ -w "$home" ] && [ -x "$home" ]; then
        HOME=$home
        return
    fi
    advice="Try starting the container with group 'users' ($START_USERS_GID), e.g. using \"--group-add=users\"."
    if [ ! -d "$home" ]; then
        advice="There is no such directory."
    elif [[ " $(id -G) " == *" $START_USERS_GID "* ]]; then
        advice="It belongs to $(stat -c '%u:%g' "$home"), or its file system is read-only: mount a volume there that"
        advice+=" $(id -u):$(id -g) may write to."
    fi
    _log_warn "no write access to $home. $advice"
    other=/tmp/home-$(id -u)
    if [ -L "$other" ] || ! mkdir -p -m 700 "$other" 2>/dev/null || [ ! -O "$other" ] || [ ! -w "$other" ]; then
        other=$(mktemp -d 2>/dev/null) || { HOME=$home && return; }
    fi
    HOME=$other
    _log_info "HOME is $HOME for as long as this container is there"
    if [ "$PWD" = "$home" ]; then cd -- "$HOME"; fi
}
