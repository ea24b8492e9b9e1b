"""What travels in the one-file executable: the packages of requirements.txt, each with its notice, and nothing else."""

import io
import os
import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path, PurePath

import pytest

from tests.conftest import ROOT, run

pytestmark = [
    pytest.mark.executable,
    pytest.mark.skipif(
        not os.environ.get("RECNICE_PROGRAM"), reason="only the executable has an archive (RECNICE_PROGRAM=…)"
    ),
]
BESIDE_PACKAGES = re.compile(r"_sysconfigdata|_?pyimod|_?pyi_rth")
PINNED = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def archived_modules(executable: Path) -> set[str]:
    """The top names of all modules in the archive, compiled ones among them."""
    from PyInstaller.archive.readers import CArchiveReader

    archive = CArchiveReader(str(executable))
    pure = archive.open_embedded_archive("PYZ.pyz").toc
    compiled = [name for name, entry in archive.toc.items() if entry[4] == "b" and ".so" in name]
    of_packages = [name for name in compiled if not re.match(r"python[0-9.]+/|lib[^/]*\.so\.", name)]
    return {name.partition(".")[0] for name in (*pure, *(PurePath(one).parts[0] for one in of_packages))}


def test_the_archive_has_the_pinned_packages_and_their_notices(program: list[str]):
    pins = set(PINNED.findall((ROOT / "requirements.txt").read_text("utf-8")))
    own = {"app", "templates", *sys.stdlib_module_names}
    modules = {name for name in archived_modules(Path(program[0])) - own if not BESIDE_PACKAGES.match(name)}
    packages = metadata.packages_distributions()
    archived = {canonical(name) for module in modules for name in packages.get(module, [f"unknown: {module}"])}
    assert archived - pins == set()
    headings = re.findall(r"^={80}\n(\S+) \S+\n={80}$", run(program, "licenses").stdout, re.MULTILINE)
    assert archived - set(map(canonical, headings)) == set()
    assert {"flask", "sqlalchemy", "cryptography", "marshmallow", "waitress"} <= archived


def test_the_archive_has_the_time_zones(program: list[str]):
    """A system may have none; tests/process/test_schedules.py reads such an archive."""
    from PyInstaller.archive.readers import CArchiveReader

    content = CArchiveReader(program[0]).extract("time-zones.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as zones:
        assert {"Europe/Berlin", "Australia/Lord_Howe", "UTC"} <= set(zones.namelist())


def test_what_is_no_python_package_has_its_notice_too(program: list[str]):
    headings = re.findall(r"^={80}\n(\S+).*\n={80}$", run(program, "licenses").stdout, re.MULTILINE)
    for beginning in ("Python", "PyInstaller", "libssl", "zlib", "libffi"):
        assert any(heading.startswith(beginning) for heading in headings), beginning
