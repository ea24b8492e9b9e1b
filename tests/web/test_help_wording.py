"""What the help calls a button, a field or a page is what the console calls it, letter for letter.

Everything that stands in **bold** or in *italics* there is such a name, or one of those that are declared here.
"""

import ast
import html
import re
from collections.abc import Iterator
from functools import cache

import pytest

from app import bundled_files
from app.administration.single_sign_on.user_lookup import Reason
from app.openid.errors import ProviderCode

APP = bundled_files.TEMPLATES.parent / "app"
PAGES = (*sorted((bundled_files.HELP / "console").glob("*.md")), bundled_files.HELP / "entra-single-sign-on.md")
CODED = "## When a user cannot sign in"

ENTRA = {
    "Accounts in this organizational directory only",
    "Add optional claim",
    "App registrations",
    "Assignment required?",
    "Certificates & secrets",
    "Client secrets",
    "New registration",
    "Register",
    "Token configuration",
}
"""What stands on Entra's screens, and is not named by the console."""
EMPHASIS = {
    "A request ID",
    "A skipped value",
    "The ID of a user or group",
    "Recnice sign-in",
    "The app registration for sign-in is not the app that provisions.",
    "Administrator disabled",
    "Phone lost",
    "The other record",
    "Viewer",
    "When Entra tries again.",
}
"""What only stands out."""


def said(file: str) -> set[str]:
    """Every name in a page of the help; ways through Entra's menus are taken apart."""
    text = re.sub(r"```.*?```", "", file, flags=re.DOTALL)
    spans = re.findall(r"\*\*([^*]+)\*\*|(?<![*\w])\*([^*]+)\*(?![*\w])", text)
    return {" ".join(part.split()) for bold, italic in spans for part in (bold or italic).split("›")}


@cache
def shown() -> str:
    """Every text of the console, from its templates and from what its modules say."""
    return "\n".join((*_of_templates(), *_of_modules()))


def _of_templates() -> Iterator[str]:
    for file in bundled_files.TEMPLATES.glob("*.html"):
        text = re.sub(r'<span class="unseen">.*?</span>|\{#.*?#\}', "", file.read_text("utf-8"), flags=re.DOTALL)
        text = re.sub(r"\{%.*?%\}", "\n", text, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]*>", "", text)).replace("{{ provider }}", "Microsoft")
        yield re.sub(r"[ \t]+", " ", text)


def _of_modules() -> Iterator[str]:
    for folder in ("web/console", "administration", "observation", "jobs", "backup"):
        for file in (APP / folder).rglob("*.py"):
            tree = ast.parse(file.read_text("utf-8"))
            docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                    yield node.value
                elif isinstance(node, ast.keyword) and node.arg:  # the detail of an audit entry
                    yield node.arg.replace("_", " ").capitalize()


def is_shown(name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", shown()) is not None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_the_help_names_is_on_screen(path):
    unknown = said(path.read_text("utf-8")) - ENTRA - EMPHASIS
    assert not {name for name in unknown if not is_shown(name)}


def test_what_is_declared_here_is_needed():
    names = set().union(*(said(path.read_text("utf-8")) for path in PAGES))
    assert names >= ENTRA | EMPHASIS
    assert not {name for name in ENTRA | EMPHASIS if is_shown(name)}


def test_the_codes_of_a_refused_sign_in_are_those_that_the_audit_has():
    section = (
        (bundled_files.HELP / "entra-single-sign-on.md").read_text("utf-8").partition(CODED)[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    reasons = {reason.value for reason in Reason if reason}
    assert reasons <= told <= reasons | {code.value for code in ProviderCode}
