#!/bin/sh
# install_os.sh UNIT LIST: install exactly the locked Debian packages, all in one transaction.
#
# LIST has a line "name version architecture sha256 path" for each. The files come from a cache of the builder or, by
# their path, from the site's mirrors or those of the root's own apt sources, or from PLATFORM_IMAGES_SNAPSHOTS; their
# hashes are those of the lock. What the mirrors have besides plays no part then: apt orders its work by the lists that it
# knows, so it is shown none.
# Where the mirrors no longer have a locked version, their present one is taken; each difference is printed and recorded
# in /opt/environments/record/drift/<unit>.txt, a line "name locked installed". With PLATFORM_IMAGES_STRICT the step ends
# there and lists them. A file that has the locked version but not the locked content is refused.
set -eu

unit=$1
list=$2
record=/opt/environments/record/drift
archives=/var/cache/platform-images-apt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    if [ -f /run/secrets/site ]; then . /run/secrets/site; fi
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 APT_CONFIG="$work/apt.conf"
    configure
    if [ -s "$list" ]; then
        dpkg-query -W -f='${Package}\n' | sort -u >"$work/before"
        download
        check_hashes
        if [ -s "$work/missing" ]; then take_present_ones; else install_files; fi
    fi
    record_drift
    clean
}

say() { printf '%s: %s\n' "$unit" "$1"; }

fail() {
    printf '%s: %s\n' "$unit" "$1" >&2
    exit 1
}

# Settings for this step alone: files are kept in a cache of the builder, downloads run as root, which may read the
# certificates of the site.
configure() {
    mkdir -p "$archives/partial" "$archives/lists/partial"
    # It makes a cache of all fonts, which is deleted below, and then sleeps two seconds.
    mkdir "$work/bin"
    ln -s /bin/true "$work/bin/fc-cache"
    rm -f "$archives"/*.deb.new
    {
        if [ -n "${PLATFORM_IMAGES_APT_EDITS-}" ] && [ -f /etc/apt/sources.list ]; then
            sed -E "$PLATFORM_IMAGES_APT_EDITS" /etc/apt/sources.list >"$work/sources.list"
            printf 'Dir::Etc::sourcelist "%s/sources.list";\n' "$work"
        fi
        printf 'Dir::Cache::archives "%s";\nDir::State::lists "%s/lists";\n' "$archives" "$archives"
        printf 'APT::Sandbox::User "root";\nAPT::Keep-Downloaded-Packages "true";\nAPT::Get::List-Cleanup "false";\n'
        printf 'Acquire::Retries "3";\nAcquire::Languages "none";\nAPT::Install-Recommends "false";\n'
        if [ -f /run/secrets/ca ]; then printf 'Acquire::https::CAInfo "/run/secrets/ca";\n'; fi
        printf 'DPkg::Path "%s/bin:/usr/sbin:/usr/bin:/sbin:/bin";\n' "$work"
        printf 'Dpkg::Use-Pty "0";\n#clear DPkg::Post-Invoke;\n#clear APT::Update::Post-Invoke;\n'
    } >"$APT_CONFIG"
}

file_of() { printf '%s/%s_%s_%s.deb' "$archives" "$1" "$(printf '%s' "$2" | sed 's/:/%3a/g')" "$3"; }

# What a mirror that is mounted for this step has. Its content is compared with the lock where that of the cache is.
take_mirrored() {
    if [ ! -d /mnt/mirror ]; then return; fi
    while read -r name version architecture sha256 path; do
        file=$(file_of "$name" "$version" "$architecture")
        if [ ! -f "$file" ] && [ -f "/mnt/mirror/$path" ]; then cp "/mnt/mirror/$path" "$file"; fi
    done <"$list"
}

# Every locked file that is not in the cache, from each mirror in turn, then from each snapshot of the archive; what none
# has is listed in $work/missing.
# apt-helper keeps no file with another hash than it was told. Where the mirrors are is known before their lists are.
download() {
    take_mirrored
    apt-get --print-uris update | sed -n "s,^'\\(.*\\)/dists/.*,\\1,p" | sort -u >"$work/mirrors"
    for snapshot in ${PLATFORM_IMAGES_SNAPSHOTS-}; do printf '%s\n' "$snapshot"; done >>"$work/mirrors"
    while read -r mirror; do
        while read -r name version architecture sha256 path; do
            file=$(file_of "$name" "$version" "$architecture")
            if [ ! -f "$file" ]; then printf '%s\n%s\nSHA256:%s\n' "${mirror%/}/$path" "$file.new" "$sha256"; fi
        done <"$list" >"$work/wanted"
        if [ ! -s "$work/wanted" ]; then break; fi
        say "fetching $(($(wc -l <"$work/wanted") / 3)) packages"
        xargs -n 300 /usr/lib/apt/apt-helper -o Acquire::Retries=1 download-file <"$work/wanted" >>"$work/log" 2>&1 ||
            true
        for file in "$archives"/*.deb.new; do
            if [ -f "$file" ]; then mv "$file" "${file%.new}"; fi
        done
    done <"$work/mirrors"
    while read -r name version architecture sha256 path; do
        if [ ! -f "$(file_of "$name" "$version" "$architecture")" ]; then printf '%s\n' "$name"; fi
    done <"$list" >"$work/missing"
}

mismatch() {
    fail "hash mismatch: $1 has the locked version but not the locked content
  expected sha256 $2
  found sha256    $3"
}

# The cache belongs to the builder and may be old or damaged: each file is compared with the lock before it is used.
check_hashes() {
    while read -r name version architecture sha256 path; do
        file=$(file_of "$name" "$version" "$architecture")
        if [ -f "$file" ]; then printf '%s  %s\n' "$sha256" "$file"; fi
    done <"$list" >"$work/sums"
    if [ ! -s "$work/sums" ] || sha256sum --check --quiet --strict "$work/sums" >"$work/bad" 2>/dev/null; then return; fi
    bad=$(sed 's/: FAILED.*//' "$work/bad" | head -n 1)
    expected=$(awk -v file="$bad" '$2 == file {print $1}' "$work/sums")
    found=$(sha256sum "$bad" | cut -d ' ' -f 1)
    rm -f "$bad"
    mismatch "${bad##*/}" "$expected" "$found"
}

install_files() {
    say "installing $(wc -l <"$list") packages"
    sed 's/.*  //' "$work/sums" >"$work/files"
    mkdir -p "$work/lists/partial"
    apt_install -o Dir::State::lists="$work/lists" $(cat "$work/files")
}

apt_install() {
    apt-get -q -y -o DPkg::Options::=--force-unsafe-io -o DPkg::Options::=--force-confdef \
        -o DPkg::Options::=--force-confold install "$@" >"$work/log" 2>&1 ||
        fail "the packages could not be installed:
$(tail -n 30 "$work/log")"
}

# The mirrors have moved on: locked versions where they have them, their present ones for the rest.
take_present_ones() {
    if [ -n "${PLATFORM_IMAGES_STRICT-}" ]; then
        fail "$(wc -l <"$work/missing") locked packages are not to be had, and a strict build takes no others:
$(awk 'NR == FNR {missing[$1] = 1; next} $1 in missing {print "  " $1 " " $2}' "$work/missing" "$list")"
    fi
    say "$(wc -l <"$work/missing") packages are not to be had in the locked version; reading the mirrors' lists"
    apt-get -q update >"$work/log" 2>&1 && ! grep -E '^(W: Failed to fetch|E:|Err:)' "$work/log" >/dev/null ||
        fail "apt-get update failed:
$(grep -E '^(W|E|Err)' "$work/log" | tail -n 20)"
    awk '{print $1}' "$list" | xargs apt-cache madison | awk -F ' *[|] *' '{sub(/^ +/, "", $1); print $1}' |
        sort -u >"$work/known"
    while read -r name version architecture sha256 path; do
        if ! grep -q -x -F -e "$name" "$work/missing"; then
            file_of "$name" "$version" "$architecture"
            printf '\n'
        elif grep -q -x -F -e "$name" "$work/known"; then
            printf '%s\n' "$name"
        fi
    done <"$list" >"$work/chosen"
    if ! apt-get -s -q -y install $(cat "$work/chosen") >"$work/log" 2>&1; then
        say "the locked versions do not fit together with the present ones; taking the present ones of all"
        awk 'NR == FNR {known[$1] = 1; next} $1 in known {print $1}' "$work/known" "$list" >"$work/chosen"
    fi
    # what now comes with a locked version must be what was locked
    apt_install --download-only $(cat "$work/chosen")
    check_hashes
    apt_install $(cat "$work/chosen")
}

# What is installed now against the lock; a package that came besides is drift as well.
record_drift() {
    mkdir -p "$record"
    file=$record/$(printf '%s' "$unit" | tr / -).txt
    : >"$work/drift"
    if [ -s "$list" ]; then drift | sort >"$work/drift"; fi
    # In a patch the released image has this file, and where there is still no drift it stays as it is.
    if ! cmp -s "$work/drift" "$file"; then cp "$work/drift" "$file"; fi
    if [ -s "$file" ]; then
        say "$(wc -l <"$file") packages are not the locked ones (name, locked, installed):"
        cat "$file"
    fi
}

drift() {
    dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Version}\n' | awk '/^ii/ {print $2 " " $3}' | sort >"$work/after"
    awk -v before="$work/before" -v list="$list" '
        BEGIN {
            while ((getline line < before) > 0) old[line] = 1
            while ((getline line < list) > 0) { split(line, word, " "); locked[word[1]] = word[2] }
        }
        { installed[$1] = $2; if (!($1 in old) && !($1 in locked)) print $1 " - " $2 }
        END { for (name in locked) if (installed[name] != locked[name])
                  print name " " locked[name] " " (name in installed ? installed[name] : "-") }
    ' "$work/after"
}

# What differs from build to build, or is of no use in an image.
clean() {
    rm -rf /var/lib/apt/lists/*_* /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old \
        /var/lib/dpkg/*-old /var/cache/fontconfig/* /var/cache/man/* \
        /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- \
        /var/lib/dbus/machine-id /root/.wget-hsts /run/adduser
    find /var/log -type f -delete
    if [ -s /etc/machine-id ]; then : >/etc/machine-id; fi
    rm -rf "$work"
    sh /mnt/settle.sh /
}

main
