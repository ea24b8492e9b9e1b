"""A data folder on a network file system is refused in one line, unless the settings accept it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app import file_systems
from tests.conftest import Appliance, with_values

MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:40 / /srv rw,relatime shared:2 master:3 - nfs4 files:/srv rw,vers=4.2
31 30 0:41 / /srv/local rw - xfs /dev/vdb rw
32 27 0:42 / /mnt/our\040files rw - cifs //files/x rw
33 27 0:43 / /var/lib rw - nfs files:/old rw
34 27 0:44 / /var/lib rw - ext4 /dev/vdc rw
35 27 0:45 / /media/eva/far rw - fuse.sshfs eva@far: rw

not a line of a mount
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/media/eva/recnice-data", "ext4"),
        ("/srv", "nfs4"),
        ("/srv/recnice/data", "nfs4"),
        ("/srv/local/data", "xfs"),
        ("/srvx/data", "ext4"),
        ("/mnt/our files/data", "cifs"),
        ("/var/lib/recnice", "ext4"),
        ("/media/eva/far/data", "fuse.sshfs"),
    ],
)
def test_the_innermost_and_last_mount_counts(path: str, kind: str) -> None:
    assert file_systems.type_of(Path(path), MOUNTS) == kind
    assert (kind in file_systems.NETWORK_TYPES) is (kind not in ("ext4", "xfs"))


def test_without_mounts_no_type_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert file_systems.network_type(tmp_path) == ""
    monkeypatch.setattr(file_systems, "MOUNTS", str(tmp_path / "none"))
    assert file_systems.network_type(tmp_path) == ""
    assert file_systems.type_of(tmp_path, "") == ""


def test_a_data_folder_on_a_share_is_refused(new_appliance: Callable[..., Appliance], tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"27 1 254:0 / / rw - ext4 /dev/vda rw\n30 27 0:40 / {tmp_path} rw - nfs4 files:/srv rw\n")
    appliance = new_appliance(program=with_values(file_systems__MOUNTS=str(mounts)))
    refused = appliance.command("serve", "--listen", "127.0.0.1:0")
    assert (refused.returncode, refused.stderr.count("\n")) == (78, 1)
    assert "is on a network file system (nfs4)" in refused.stderr and "network_folder" in refused.stderr
    assert not appliance.data.exists()
    appliance.flags = ("--network-folder",)
    assert appliance.start().stop() == 0
