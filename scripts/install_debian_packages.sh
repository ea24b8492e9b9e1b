#!/bin/bash
# Install those of the named Debian packages whose content this machine lacks: as root, or with sudo that needs no password.
#
#   [PYTHON=python3] scripts/install_debian_packages.sh PACKAGE...
#
# Status 0: all of them are present. Status 1: one line on stderr names the missing ones and the command that installs them.
set -uo pipefail
: "${PYTHON:=python3}"

# The content decides, because it can have another source than a Debian package.
is_present() {
    case "$1" in
        python*-venv) "$PYTHON" -c 'import ensurepip' ;;
        libpython*) "$PYTHON" -c 'from PyInstaller.depend.bindepend import get_python_library_path as path; path()' ;;
        libatomic1) "$PYTHON" -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' ;;
        binutils) command -v objdump ;;
        apache2-bin) PATH=$PATH:/usr/sbin command -v apache2 ;;
        systemd) command -v systemd-analyze ;;
        *) PATH=$PATH:/usr/sbin command -v "$1" ;; # An ordinary user's PATH lacks the folder of nginx.
    esac >/dev/null 2>&1
}

find_missing() {
    missing=()
    for package in "${packages[@]}"; do is_present "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ]
}

# Debian has such a package for each version of Python: python3.11-venv, libpython3.11.
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1
packages=("${@/python3/python$version}")
find_missing || exit 0
if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]} (Debian's names; this system has no apt-get)" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if "${as_root[@]}" true 2>/dev/null; then
    echo "installing Debian packages: ${missing[*]}"
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    # A broken list of another vendor does not prevent an installation from Debian's.
    "${as_root[@]}" update || true
    "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
    find_missing || exit 0
fi
echo "missing: ${missing[*]} (as root: apt-get install --no-install-recommends ${missing[*]})" >&2
exit 1
