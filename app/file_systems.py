"""This module finds out whether a folder is on a network file system (Linux).

SQLite's WAL needs memory that all its processes share, and locks that hold. Over a network there is no such memory, and
locks may be missing: two hosts could damage the database (https://sqlite.org/wal.html).
"""

import re
from pathlib import Path

MOUNTS = "/proc/self/mountinfo"
NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "coda", "davfs"),
        *("ceph", "glusterfs", "lustre", "beegfs", "gpfs", "orangefs"),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.goofys", "fuse.davfs", "fuse.smbnetfs"),
        *("fuse.ceph", "fuse.ceph-fuse", "fuse.glusterfs", "fuse.juicefs", "fuse.curlftpfs"),
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_type(folder: Path) -> str:
    """Return the type of the network file system that the folder is on, such as `nfs4`; "" for any other.

    The folder need not exist.
    """
    try:
        mounts = Path(MOUNTS).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux
        return ""
    kind = type_of(folder.resolve(), mounts)
    return kind if kind in NETWORK_TYPES else ""


def type_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that an absolute path is on; "" if unknown.

    `mounts` is the text of /proc/self/mountinfo (proc(5)): the mount point is the fifth field, the type follows ` - `.
    Of several mounts at one point, the last one covers the others.
    """
    types: dict[Path, str] = {}
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) > 4 and source:
            point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
            types[Path(point)] = source.partition(" ")[0]
    return next((types[place] for place in (path, *path.parents) if place in types), "")
