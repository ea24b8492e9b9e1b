"""This module implements `licenses`, which prints the notices of everything that is bundled.

The executable has the text as one file: the start unpacks every file of the executable.
"""

import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
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
    *(
        "markdown-it-py",
        "marshmallow",
        "prometheus-client",
        "pyotp",
        "pyrage",
        "pysqlite3",
        "requests",
        "rich",
        "segno",
        "sqlalchemy",
        "tzdata",
        "waitress",
    ),
)
NOT_BUNDLED = ("pygments",)
"""What rich would color source code with; only its tables are used."""
_NOTICE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


def distributions() -> list[metadata.Distribution]:
    """Return the installed packages that the program requires, by name."""
    installed: dict[str, metadata.Distribution] = {}
    names = list(ROOTS)
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in installed or name in NOT_BUNDLED:
            continue
        try:
            installed[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required on another system only
        requirements = [one for one in installed[name].requires or [] if "extra ==" not in one]
        names += [re.split(r"[^A-Za-z0-9._-]", one)[0] for one in requirements]
    return [installed[name] for name in sorted(installed)]


def python_license() -> Path | None:
    """Return the path of the license of this Python."""
    places = (
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",  # Windows
        Path(f"/usr/share/doc/python3.{sys.version_info.minor}/copyright"),  # Debian
    )
    return next((path for path in places if path.is_file()), None)


def notices(others: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield the heading and the text of every notice; `others` has those of what is not a Python package."""
    path = python_license()
    yield f"Python {sys.version.split()[0]}", path.read_text("utf-8") if path else "Python Software Foundation License"
    for distribution in distributions():
        yield f"{distribution.name} {distribution.version}", "\n\n".join(_texts(distribution))
    yield from ((name, path.read_text("utf-8", errors="replace")) for name, path in sorted(others.items()))


def _texts(distribution: metadata.Distribution) -> Iterator[str]:
    """Yield the license files of a package; if it has none, the license fields of its metadata."""
    paths = [file for file in distribution.files or [] if _NOTICE.match(file.name) and ".dist-info" in str(file)]
    for path in paths:
        yield path.read_text("utf-8").strip()
    if not paths:
        fields = ("License-Expression", "License", "Author", "Home-page")
        yield "\n".join(f"{name}: {distribution.metadata[name]}" for name in fields if distribution.metadata[name])
        yield from (line for line in distribution.metadata.get_all("Classifier", []) if line.startswith("License"))


def text(others: Mapping[str, Path]) -> str:
    """Return all notices as one text."""
    line = "=" * 80
    return "".join(f"{line}\n{heading}\n{line}\n\n{notice.strip()}\n\n" for heading, notice in notices(others))


@click.command()
@data_unused
def licenses() -> None:
    """Print the license notices of everything that is bundled."""
    click.echo(bundled_files.LICENSES.read_text("utf-8") if bundled_files.FROZEN else text({}), nl=False)
