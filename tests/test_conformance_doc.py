"""docs/conformance.md names a test for every sentence, and each of these tests exists."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/conformance.md"
KEY_WORDS = {"MUST", "MUST NOT", "SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "REQUIRED", "MAY", "is"}
NOT_OFFERED = re.compile(r"not offered: .{20,}")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[([^`]+)\])?`")
SECTIONS = {
    rfc: tuple(re.findall(r"[0-9.]+", sections))
    for rfc, sections in (
        ("RFC 7643", "2.1 2.2 2.3 2.3.1 2.3.2 2.3.3 2.3.4 2.3.5 2.3.6 2.3.7 2.3.8 2.4 2.5 3 3.1 3.2 3.3 5 7"),
        (
            "RFC 7644",
            "3.1 3.2 3.3 3.3.1 3.4 3.4.1 3.4.2 3.4.2.1 3.4.2.2 3.4.2.3 3.4.2.4 3.4.2.5 3.4.3 3.5 3.5.1 3.5.2 3.5.2.1 "
            "3.5.2.2 3.5.2.3 3.6 3.7 3.7.1 3.7.2 3.7.3 3.7.4 3.8 3.9 3.10 3.11 3.12 3.13 3.14",
        ),
        ("RFC 9865", "2 2.1 3 4"),
    )
}
VECTOR_FILES = {
    "tests/scim/test_patch.py": "patches.json",
    "tests/scim/test_filter.py": "filters.json",
    "tests/scim/test_documents.py": "documents.json",
    "tests/scim/test_projection.py": "projections.json",
}


@cache
def rows(rfc: str) -> list[list[str]]:
    """The table's rows: section, key word, what is asked, what is done, tests."""
    text = DOCUMENT.read_text(encoding="utf-8")
    chapter = text.partition(f"## {rfc}")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


ROWS = [pytest.param(row, id=f"{rfc} {row[0]} {row[2]}") for rfc in SECTIONS for row in rows(rfc)]


@cache
def functions(path: str) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@cache
def vector_ids(name: str) -> set[str]:
    vectors = json.loads((ROOT / "tests/vectors" / name).read_text(encoding="utf-8"))
    groups = (
        [vectors] if isinstance(vectors, list) else [value for value in vectors.values() if isinstance(value, list)]
    )
    return {case["id"] for group in groups for case in group}


@pytest.mark.parametrize("rfc", SECTIONS)
def test_every_section_is_there_and_in_order(rfc):
    sections = [row[0] for row in rows(rfc)]
    assert tuple(dict.fromkeys(sections)) == SECTIONS[rfc]
    assert sections == sorted(sections, key=lambda section: [int(part) for part in section.split(".")])


@pytest.mark.parametrize("row", ROWS)
def test_a_sentence_is_proved_or_not_offered(row):
    assert len(row) == 5
    _, key_word, asked, done, tests = row
    assert key_word in KEY_WORDS and asked and done
    if tests == "—":
        assert NOT_OFFERED.match(done), "a test, or the reason why this is not offered"
        return
    named = NAMED.findall(tests)
    assert named and NAMED.sub("", tests).strip(", ") == ""
    for path, function, case in named:
        assert function in functions(path), f"{path}::{function}"
        if case:
            assert case in vector_ids(VECTOR_FILES[path]), case


def test_the_table_is_long():
    assert [len(rows(rfc)) >= least for rfc, least in (("RFC 7643", 50), ("RFC 7644", 110))] == [True, True]
