"""Texts for readers use plain words: CONTRIBUTING.md has the style, and the words below are those that it replaces.

`make lint` runs this file too (decision 47).
"""

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import commands

ROOT = Path(__file__).resolve().parent.parent
INSTEAD = {
    r"knock(s|ed|ing)?": "request, connect, receive",
    r"(came|comes?) (in|back|by it|again|anew|often)": "sign in, be received, recur",
    r"what came|who(ever)? (came|comes?)": "what was received",
    r"lets? (him|her|them|somebody|nobody|everybody|people|one)? ?in": "can sign in, is allowed",
    r"(right|wrong) (scim )?keys?": "valid key, invalid key",
    r"stop(s|ped|ping)? (a|the|this|that|old|another) (old )?(key|secret|client)": "revoke",
    r"ma(k|d)es? (an?|another|the|new|first) (new |first )?(key|secret|client|operator|recovery codes?)": "create",
    r"show(s|n|ed)? (a|the|its|no) (right |wrong )?(key|token|secret)": "send",
    r"hands? over|hand-over": "rotate, replace",
    r"retires?d?": "deactivate automatically",
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again",
    r"by itself|by themselves": "automatically",
    r"any more": "no longer",
    r"at first": "by default",
    r"whoever|whomever": "name the actor",
    r"(some|no|every|any)body('s)?": "name the actor: user, client, administrator",
    r"strangers?": "unauthenticated client",
    r"stands? (in|here|there|on|until|as)": "is",
    r"(is|are|was) told": "say what is known or displayed",
    r"has not( yet)? (a|the|this|that|any)": "does not have",
    r"need be no(t)?": "can be normal",
    r"concerned": "affected",
    r"beside": "in addition to, separate",
    r"(un)?fold(s|ed)?( together)?": "collapse, expand",
    r"(set|put|sets|puts) aside|heed(s|ed)?": "ignore",
    r"letter case": "case-insensitive",
    r"telephone": "phone",
    r"set-up": "setup",
    r"look-ups?": "lookup",
    r"entity tags?": "ETag",
    r"rehears(e|es|al|als|ed)": "simulation",
    r"sealed": "encrypted",
    r"appliances?": "server, Recnice SCIM",
    r"request numbers?|request's number": "request ID",
    r"Enterprise applications": "Enterprise apps",
    r"probes?": "connection check",
    r"for good": "permanently",
    r"please|simply|sorry": "leave it out",
    r"\w+n't|it's|you're|that's|we're": "no contractions",
}
"""What is not written, and what is written instead. Where one of them is Entra's own word, change the pattern."""

PATTERN = re.compile(r"(?<![\w/.-])(?:" + "|".join(f"(?:{one})" for one in INSTEAD) + r")(?![\w-])", re.IGNORECASE)
LITERALS = ("app/web/console", "app/commands", "app/observation/problem_kinds", "app/observation/attributes")


def texts() -> Iterator[tuple[str, str]]:
    """Every place that a reader sees, and its text."""
    for path in sorted((ROOT / "templates").glob("*.html")):
        yield _name(path), _of_template(path.read_text("utf-8"))
    pages = [
        page
        for folder in ("docs/admin", "docs/operate", "docs/reference")
        for page in sorted((ROOT / folder).rglob("*.md"))
    ]
    for path in (ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "docs/security.md", *pages):
        text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", path.read_text("utf-8"), flags=re.DOTALL)
        yield _name(path), " ".join(text.split())
    yield from _of_commands(commands, "recnice-scim")
    for path in sorted((ROOT / "app").rglob("*.py")):
        yield f"{_name(path)}, docstrings", _of_docstrings(path.read_text("utf-8"))
    for folder in LITERALS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield _name(path), " · ".join(_of_module(path.read_text("utf-8")))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _of_template(text: str) -> str:
    """The text between the elements, and what the template's expressions say."""
    text = re.sub(r"\{#.*?#\}", " ", text, flags=re.DOTALL)
    said = [
        words for code in re.findall(r"\{[{%](.*?)[}%]\}", text, re.DOTALL) for words in re.findall(r'"([^"]*)"', code)
    ]
    text = re.sub(r"\{[{%].*?[}%]\}", " ", text, flags=re.DOTALL)
    return (
        " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()) + " · " + " · ".join(w for w in said if " " in w)
    )


def _of_commands(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    helps = [command.help or "", *(getattr(one, "help", None) or "" for one in command.params)]
    yield name, " · ".join(" ".join(one.split()) for one in helps)
    if isinstance(command, click.Group):
        for below, sub in command.commands.items():
            yield from _of_commands(sub, f"{name} {below}")


def _of_docstrings(code: str) -> str:
    """The docstrings without what names code; `probe` is a word of the code."""
    tree = ast.walk(ast.parse(code))
    alone = (node.value.value for node in tree if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    said = " ".join(re.sub(r"`[^`]*`", " ", text) for text in alone if isinstance(text, str))
    return re.sub(r"\bprobes?\b", "check", " ".join(said.split()))


def _of_module(code: str) -> Iterator[str]:
    """The string literals with more than one word, without docstrings."""
    tree = ast.parse(code)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in alone
        ):
            yield node.value


def instead(word: str) -> str:
    return next(plain for pattern, plain in INSTEAD.items() if re.fullmatch(pattern, word, re.IGNORECASE))


def test_no_text_has_a_word_that_has_a_plain_one() -> None:
    found = {
        place: {text[max(0, match.start() - 40) : match.end() + 40]: instead(match[0]) for match in matches}
        for place, text in texts()
        if (matches := list(PATTERN.finditer(text)))
    }
    assert found == {}
