"""This module puts the files of the service in their places, and removes them.

A file that is replaced is kept as `NAME.previous`. A killed process leaves the former file or the new one.
"""

import filecmp
import os
import shutil
from pathlib import Path

from app.service import unit_file

EXECUTABLE_MODE = 0o755
FILE_MODE = 0o644


class InstalledFiles:
    """The files of the service below a root folder, which is "/" except for the image of another machine."""

    def __init__(self, root: Path) -> None:
        units = root / "etc/systemd/system"
        unit = f"{unit_file.NAME}.service"
        self.executable = root / unit_file.EXECUTABLE.relative_to("/")
        self.unit = units / unit
        self.start_link = units / "multi-user.target.wants" / unit
        self.account = root / f"etc/sysusers.d/{unit_file.NAME}.conf"

    def has_other_executable(self, source: Path) -> bool:
        """Return whether another executable than `source` is installed."""
        return self.executable.exists() and not filecmp.cmp(self.executable, source, shallow=False)

    def stage(self, source: Path) -> Path:
        """Copy an executable next to its place, where every account can run it, and return the path of the copy."""
        self.executable.parent.mkdir(parents=True, exist_ok=True)
        staged = self.executable.with_name(f"{self.executable.name}.new")
        copy = staged.with_name(f"{staged.name}.partial")  # the source may be what a killed upgrade staged
        shutil.copyfile(source, copy)
        _finish(copy, EXECUTABLE_MODE)
        os.replace(copy, staged)
        return staged

    def write(self, unit: str, account: str) -> None:
        """Write the unit and the account, and let the machine start the service."""
        for path, text in ((self.unit, unit), (self.account, account)):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            new = path.with_name(f"{path.name}.new")
            new.write_text(text, encoding="utf-8")
            _finish(new, FILE_MODE)
            replace(new, path)
            new.unlink()
        self.start_link.parent.mkdir(parents=True, exist_ok=True)
        if not self.start_link.is_symlink():
            self.start_link.symlink_to(f"../{self.unit.name}")

    def remove(self) -> None:
        """Remove all files, also those that were replaced."""
        for path in (self.start_link, self.unit, self.account, self.executable):
            path.unlink(missing_ok=True)
            previous(path).unlink(missing_ok=True)


def previous(path: Path) -> Path:
    """Return where the file is kept that was replaced by `path`."""
    return path.with_name(f"{path.name}.previous")


def replace(new: Path, path: Path, is_kept: bool = True) -> None:
    """Let `path` be the file `new`, which also stays under its own name; keep the replaced file if `is_kept`."""
    if is_kept and path.exists():
        previous(path).unlink(missing_ok=True)
        os.link(path, previous(path))
    link = path.with_name(f"{path.name}.link")
    link.unlink(missing_ok=True)
    os.link(new, link)
    os.replace(link, path)
    link.unlink(missing_ok=True)  # os.replace leaves it where both are one file already


def _finish(path: Path, mode: int) -> None:
    """Set the mode, and write the content to the disk."""
    path.chmod(mode)
    with path.open("rb") as file:
        os.fsync(file.fileno())
