"""This module implements `licenses`, which prints the notices of everything that is bundled."""

import re
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

from app import bundled_files
from app.commands.shared.options import data_unused

# Only direct imports of this program: their metadata names the packages that they require.
ROOTS = (
    *(
        "alembic",
        "argon2-cffi",
        "authlib",
        "click",
        "cryptography",
        "flask",
        "flask-sqlalchemy",
        "flask-wtf",
        "joserfc",
    ),
    *("markdown-it-py", "marshmallow", "pyotp", "pysqlite3", "requests", "rich", "segno", "sqlalchemy", "waitress"),
)
_NOTICE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


def distributions() -> list[metadata.Distribution]:
    """Return the installed packages that the program requires, by name. The build copies their metadata."""
    installed: dict[str, metadata.Distribution] = {}
    names = list(ROOTS)
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in installed:
            continue
        try:
            installed[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required on another system only
        requirements = [one for one in installed[name].requires or [] if "extra ==" not in one]
        names += [re.split(r"[^A-Za-z0-9._-]", one)[0] for one in requirements]
    return [installed[name] for name in sorted(installed)]


def python_license() -> Path | None:
    """Return the path of Python's license: in the bundle, or in this Python, from which the build copies it."""
    places = (
        bundled_files.PYTHON_LICENSE,
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",  # Windows
        Path(f"/usr/share/doc/python3.{sys.version_info.minor}/copyright"),  # Debian
    )
    return next((path for path in places if path.is_file()), None)


def notices() -> Iterator[tuple[str, str]]:
    """Yield the heading and the text of every notice."""
    path = python_license()
    yield f"Python {sys.version.split()[0]}", path.read_text("utf-8") if path else "Python Software Foundation License"
    for distribution in distributions():
        yield f"{distribution.name} {distribution.version}", "\n\n".join(_texts(distribution))
    for path in sorted(bundled_files.NOTICES.glob("*.txt")):
        yield path.stem, path.read_text("utf-8", errors="replace")
    for path in sorted((bundled_files.STATIC / "vendor").rglob("*")):
        if path.is_file() and _NOTICE.search(path.name):
            yield str(path.relative_to(bundled_files.STATIC)), path.read_text("utf-8")


def _texts(distribution: metadata.Distribution) -> Iterator[str]:
    """Yield the license files of a package; if it has none, the license fields of its metadata."""
    paths = [file for file in distribution.files or [] if _NOTICE.match(file.name) and ".dist-info" in str(file)]
    for path in paths:
        yield path.read_text("utf-8").strip()
    if not paths:
        fields = ("License-Expression", "License", "Author", "Home-page")
        yield "\n".join(f"{name}: {distribution.metadata[name]}" for name in fields if distribution.metadata[name])
        yield from (line for line in distribution.metadata.get_all("Classifier", []) if line.startswith("License"))


@click.command()
@data_unused
def licenses() -> None:
    """Print the license notices of everything that is bundled."""
    for heading, text in notices():
        click.echo(f"{'=' * 80}\n{heading}\n{'=' * 80}\n\n{text.strip()}\n")
