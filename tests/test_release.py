"""A release: what is refused, and what its folder has."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from scripts import release

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [0.2.0] - 2026-12-01

### Added

- One thing.

## [0.1.0] - 2026-11-23

- All of it.

## [0.0.1] - 2026-11-01
"""
LINE = "=" * 80
NOTICES = "".join(
    f"{LINE}\n{part}\n{LINE}\n\nCopyright …\n\n" for part in ("Flask 3.1.3", "PyInstaller boot loader", "libssl3")
)


def test_the_changes_of_a_version_are_its_section():
    assert release.changes(CHANGELOG, "0.2.0") == "### Added\n\n- One thing.\n"
    assert release.changes(CHANGELOG, "0.1.0") == "- All of it.\n"


@pytest.mark.parametrize("version", ["0.3.0", "Unreleased", "0.0.1", "0.2"])
def test_a_version_without_changes_is_refused(version: str):
    with pytest.raises(release.ReleaseError, match="CHANGELOG.md"):
        release.changes(CHANGELOG, version)


def test_a_tree_that_is_not_committed_is_refused(tmp_path: Path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    release.refuse_dirty_tree(tmp_path)
    (tmp_path / "new.py").write_text("", encoding="utf-8")
    with pytest.raises(release.ReleaseError, match="new.py"):
        release.refuse_dirty_tree(tmp_path)


def test_a_release_has_the_executable_its_changes_what_is_bundled_and_checksums(tmp_path: Path):
    executable = tmp_path / "recnice-scim"
    executable.write_bytes(b"program")
    executable.chmod(0o755)
    folder = tmp_path / "release"
    release.write(executable, folder, "0.1.0", "- All of it.\n", NOTICES)
    paths = release.write(executable, folder, "0.2.0", "- One thing.\n", NOTICES)
    assert {path.name for path in paths} == {path.name for path in folder.iterdir()}
    assert paths[0].name.startswith("recnice-scim-0.2.0-linux-") and paths[0].stat().st_mode & 0o111
    for line in (folder / release.CHECKSUMS).read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (folder / release.MAN_PAGE).read_text("utf-8").startswith(".TH RECNICE")
    assert (folder / release.CHANGES).read_text("utf-8") == "- One thing.\n"
    assert f"\nARG EXECUTABLE={paths[0].name}\n" in (folder / release.CONTAINERFILE).read_text("utf-8")
    assert (folder / release.BUNDLED).read_text(
        "utf-8"
    ) == "Flask 3.1.3: BSD-3-Clause\nPyInstaller boot loader\nlibssl3\n"
