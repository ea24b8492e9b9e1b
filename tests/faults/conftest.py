"""What tests of faults have in common: a small disk for the data folder."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import Appliance
from tests.needed import NO_DISK


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of so many bytes at `folder`, such as "4m"; skips the test where none can be mounted."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip(NO_DISK)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Use up all that is free on the disk of a folder; return the file to delete."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(bytes(65_536))
    return file


@pytest.fixture
def on_small_disk(
    new_appliance: Callable[..., Appliance], with_key: Appliance, tmp_path: Path
) -> Iterator[Callable[..., Appliance]]:
    """Makes a running appliance whose data folder is the only one on a small disk, with a key."""
    with small_disk(tmp_path / "disk", "24m") as disk:

        def make(**of: object) -> Appliance:
            made = new_appliance(key=with_key.key, data=disk / "recnice", **of)
            shutil.copytree(with_key.data, made.data)
            return made.start()

        yield make
