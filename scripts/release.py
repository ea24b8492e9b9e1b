"""Write the files of a release into dist/release: `make release`.

`check` refuses what cannot be released, before anything is built. `write` copies and describes the executable.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "dist" / "release"
BUNDLED = "BUNDLED.txt"
CHANGES = "CHANGES.md"
CHECKSUMS = "SHA256SUMS"
CONTAINERFILE = "Containerfile"
MAN_PAGE = "recnice-scim.1"


class ReleaseError(Exception):
    """This state of the source cannot be released: one line for the developer."""


def changes(changelog: str, version: str) -> str:
    """Return a version's section of the changelog without its heading.

    Raises:
        ReleaseError: when the changelog has no dated section of the version, or an empty one.
    """
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    found = re.search(heading + r"(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ReleaseError(f"CHANGELOG.md: expected a section '## [{version}] - YYYY-MM-DD' with entries")
    return found[1].strip() + "\n"


def refuse_dirty_tree(folder: Path) -> None:
    """Raise ReleaseError when a file is changed or untracked: a release is built from a commit."""
    status = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True)
    if status.stdout:
        raise ReleaseError(f"not committed: {', '.join(line[3:] for line in status.stdout.splitlines())}")


def executable_name(version: str) -> str:
    """Return the file name of the executable, such as `recnice-scim-0.2.0-linux-x86_64`."""
    return f"recnice-scim-{version}-{sys.platform}-{platform.machine().lower()}"


def bundled(notices: str) -> str:
    """Return a line for each part that the executable's own `licenses` names, with the license where it is known."""
    parts = re.findall(r"^={80}\n(.+)\n={80}$", notices, re.MULTILINE)
    lines = [part + _license(words[0]) if len(words := part.split()) == 2 else part for part in parts]
    return "\n".join(lines) + "\n"


def _license(name: str) -> str:
    """Return `: ` and the license of an installed package, "" when it is not known."""
    try:
        package = metadata.metadata(name)
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    classified = [
        line.rpartition(" :: ")[2] for line in package.get_all("Classifier", []) if line.startswith("License")
    ]
    known = package["License-Expression"] or "; ".join(classified) or package["License"] or ""
    return f": {known.splitlines()[0]}" if known else ""


def write(executable: Path, folder: Path, version: str, section: str, notices: str) -> list[Path]:
    """Write the files of a release into a new folder, and return them."""
    from scripts import man_page

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = [
        folder / executable_name(version),
        folder / CHANGES,
        folder / BUNDLED,
        folder / CONTAINERFILE,
        folder / MAN_PAGE,
    ]
    shutil.copy2(executable, files[0])
    files[1].write_text(section, encoding="utf-8")
    files[2].write_text(bundled(notices), encoding="utf-8")
    image = (ROOT / "scripts" / CONTAINERFILE).read_text(encoding="utf-8")
    files[3].write_text(re.sub("(?m)^ARG EXECUTABLE=.*", f"ARG EXECUTABLE={files[0].name}", image), encoding="utf-8")
    files[4].write_text(man_page.page(), encoding="utf-8")
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (folder / CHECKSUMS).write_text(sums, encoding="utf-8")
    return [*files, folder / CHECKSUMS]


def main(step: str) -> None:
    """Do one step of a release.

    Raises:
        ReleaseError: when the source cannot be released, or the executable is of another version.
    """
    from app.version import VERSION

    section = changes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)
    refuse_dirty_tree(ROOT)
    if step == "check":
        return
    executable = ROOT / "dist" / "recnice-scim"
    if VERSION not in (shown := _ask(executable, "version")).split():
        raise ReleaseError(f"{executable}: expected version {VERSION}, got {shown!r}")
    for path in write(executable, RELEASE, VERSION, section, _ask(executable, "licenses")):
        print(path.relative_to(ROOT))


def _ask(executable: Path, command: str) -> str:
    return subprocess.run([executable, command], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    try:
        main(sys.argv[1])
    except ReleaseError as error:
        sys.exit(f"release: {error}")
