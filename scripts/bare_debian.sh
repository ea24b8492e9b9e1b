#!/bin/bash
# Run this project's last commit on a bare Debian: a new root file system with only python3, git, make and ca-certificates.
#
#   scripts/bare_debian.sh run            start `make run` and wait until the server answers
#   scripts/bare_debian.sh test           run `make test`
#   scripts/bare_debian.sh COMMAND...     run any command line in the project's folder
#
# Needs root and debootstrap. These variables change the run:
#   USER_KIND=root|sudo|plain   the user inside: root (default), or a user with or without sudo
#   RELEASE=bookworm            the Debian release
#   MIRROR=URL                  the source of its packages (default: the one in this machine's apt sources)
#   KEEP=DIR                    keep the root file system in DIR; the next run with this DIR continues in it
set -euo pipefail
: "${1:?usage: scripts/bare_debian.sh run|test|COMMAND...}" "${USER_KIND:=root}" "${RELEASE:=bookworm}" "${KEEP:=}"
[ "$(id -u)" = 0 ] || { echo "This script needs root." >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "missing: debootstrap (apt-get install debootstrap)" >&2; exit 2; }

user=root home=/root path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin packages=ca-certificates,git,make,python3
[ "$USER_KIND" = root ] || user=developer home=/srv/developer path=/usr/local/bin:/usr/bin:/bin
[ "$USER_KIND" != sudo ] || packages+=,sudo

root=${KEEP:-$(mktemp -d)}
[ -n "$KEEP" ] || trap 'rm -rf --one-file-system "$root"' EXIT
if [ ! -d "$root/srv/project" ]; then
    sources=$(grep -rhE '^(deb|URIs:) ' /etc/apt/sources.list* || true)
    mirror=${MIRROR:-$(grep -oE 'https?://[^ ]+/debian/?( |$)' <<<"$sources" | head -1 || true)}
    mkdir -p "$root"
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include=$packages "$RELEASE" "$root" ${mirror% } >"$root/log" ||
        { tail -3 "$root/log" >&2; exit 2; }
    # apt-get and pip inside reach what they reach outside: the same names, proxies and certificates.
    cp -rL --parents /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/apt/apt.conf.d "$root"
    rm -f "$root"/etc/apt/apt.conf.d/*docker*
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc"
    chmod 755 "$root"
    chmod 1777 "$root/dev/shm"
    [ "$user" = root ] || chroot "$root" useradd --create-home --home-dir "$home" "$user"
    [ "$USER_KIND" != sudo ] || echo "$user ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$user"
    # With hard links, chown would also change this repository's own files.
    git clone -q --no-hardlinks "$(dirname "$0")/.." "$root/srv/project"
    chroot "$root" chown -R "$user:" /srv/project
fi

case "$1" in
    run)
        # shellcheck disable=SC2016
        command='
            port=$(python3 -c "import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])")
            make run LISTEN=127.0.0.1:$port & server=$!
            while kill -0 $server 2>/dev/null; do
                python3 -c "import urllib.request as u; u.urlopen(\"http://127.0.0.1:$port/healthz\")" 2>/dev/null &&
                    echo "The server answers." && exit
                sleep 1
            done
            wait $server' ;;
    test) command="make test" ;;
    *) command=$* ;;
esac
mapfile -t network < <(env | grep -iE '^(https?_proxy|no_proxy|PIP_INDEX_URL|PIP_CERT)=')
# All mounts and processes of the command end with their namespaces. The outer shell stays, because it is process 1 there: only
# process 1 can reap orphans, and a test waits for the end of one.
unshare --mount --pid --fork --kill-child --root="$root" --wd=/srv/project --mount-proc=/proc \
    bash -c 'mount -t devpts devpts /dev/pts; "$@" || exit $?' - \
    env -i "HOME=$home" "PATH=$path" LANG=C.UTF-8 "${network[@]}" \
    /usr/sbin/runuser -u "$user" -- bash -c "$command"
