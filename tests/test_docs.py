"""The documents say what is so: their tables, links, file names and layers agree with the code."""

import os
import re
from pathlib import Path

import pytest

from app import bundled_files
from scripts.document_tables import CONTRIBUTING, ROOT, TABLES, with_tables

README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
DOCUMENTS = [README, CHANGELOG, CONTRIBUTING, ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
OFFLINE = (*bundled_files.HELP_FOLDERS, bundled_files.PICTURES)
SITE = ROOT / "docs"
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
HOST_PATH = re.compile(r"(?<![\w.])/(work|root|Users|home)/[a-z]")
NOT_OURS = {".git", ".venv", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
NOT_READ = {"build", "dist", "recnice-data", "pictures"}


@pytest.fixture(params=DOCUMENTS, ids=NAMES)
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_the_tables_are_what_the_program_declares(path: Path):
    assert with_tables(path) == path.read_text(encoding="utf-8"), "make tables writes them anew"


def links(document: Path) -> list[str]:
    """Return the links of a document that lead to files."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    every = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"\bsrc(?:set)?=\"([^\"]+)\"", text)
    return [link for link in every if "://" not in link]


def test_every_link_leads_somewhere(document):
    for link in links(document):
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{link}: no such file"
        if document.is_relative_to(SITE):
            assert target.resolve().is_relative_to(SITE), f"{link}: not in docs/, of which the site is built"
        if any(document.is_relative_to(folder) for folder in bundled_files.HELP_FOLDERS):
            assert any(target.resolve().is_relative_to(folder) for folder in OFFLINE), f"{link}: not shipped offline"
        if heading:
            assert heading in headings(target), f"{link}: no such heading"


def headings(path: Path) -> set[str]:
    """The anchors of a document's headings, as a page shows them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def test_every_file_and_function_that_is_named_exists(document):
    for path, name in re.findall(r"`((?:app|tests|scripts)/[\w/.]+)(?::(\w+))?`", document.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path
        if name:
            assert re.search(rf"^ *(def|class) {name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


@pytest.mark.parametrize("heading", ["Threats and defenses", "What is promised", "Faults"])
def test_each_promise_names_its_tests(heading: str):
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)[2:]
    assert len(rows) >= 10
    for row in rows:
        tests = row.rpartition(" | ")[2]
        assert re.search(r"`tests/[\w/]+\.py:test_\w+`", tests) or "(#" in tests, row


def test_each_file_of_faults_is_listed():
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    for path in (ROOT / "tests/faults").glob("test_*.py"):
        assert f"`tests/faults/{path.name}:" in text, path.name


def test_every_decision_is_listed_and_has_its_four_parts():
    listed = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    decisions = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        title = re.match(r"# (\d+)\. (.+)\n", text)
        assert title and f"- [{title[1]}]({path.name}) {title[2]}\n" in listed, path.name
        for part in ("Situation.", "Choice.", "What it costs.", "What would reopen it."):
            assert f"**{part}**" in text, f"{path.name}: {part}"


def test_licenses_begins_with_what_the_requirements_name():
    from app.commands.licenses import ROOTS

    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    assert [line.partition("=")[0] for line in lines if not line.startswith("#")] == list(ROOTS)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_no_index_is_named(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pins = re.findall(r"^[\w.-]+==.+(?:\n +--hash=sha256:[0-9a-f]{64}.*)+", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\w", text, re.MULTILINE)) > 10


def test_the_build_names_files_of_the_program_that_exist():
    """build.spec is run by PyInstaller alone, so neither mypy nor a test would see a name that is gone."""
    text = (ROOT / "build.spec").read_text(encoding="utf-8")
    names = set(re.findall(r"bundled_files\.([A-Z_]+)", text))
    assert {"HELP_FOLDERS", "PICTURES"} <= names
    for name in names:
        assert hasattr(bundled_files, name), name
    for folder in OFFLINE:
        assert folder.relative_to(ROOT).as_posix() in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_changelog_knows_this_version():
    from app.version import VERSION

    assert re.search(rf"^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", CHANGELOG.read_text(), re.MULTILINE)


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = set(folders) - NOT_OURS - NOT_READ
        for path in (Path(folder, name) for name in set(names) - NOT_OURS):
            text = path.read_bytes().decode("utf-8", "ignore")
            found = HOST_PATH.search(text.replace("/Users/a", ""))
            assert not found, f"{path.relative_to(ROOT)}: {found[0] if found else ''}"
