"""This module renders the help's Markdown to HTML with working links."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

CONSOLE_FOLDER = "console"
"""The folder whose files have the names of the console's pages: `console/status.md` is the page `status`."""
DARK = "-dark"
"""The suffix of pictures for dark screens: `status-dark.png` is the dark variant of `status.png`."""

_TITLE = re.compile(r"# (.+)\n")
_COMMENT = re.compile(r"^ *<!-- .* -->\n", re.MULTILINE)  # around generated tables, before untested commands


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page of the help: its `name` in URLs, its `path` below docs, its title and its Markdown."""

    name: str
    path: str
    title: str
    text: str

    @property
    def folder(self) -> str:
        """The folder below docs, such as `admin/console`."""
        return posixpath.dirname(self.path)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The functions that return the URL of a page by its name and of a picture by its file name."""

    page: Callable[[str], str]
    picture: Callable[[str], str]


class Help:
    """Every page and picture that ships with the program, as the first request read them.

    `folders` and `pictures` are siblings. Page names from the first folder omit the folder's name. A name that was not
    read then is never a page, whatever is on the disk. Raises ValueError for a file without a title and for two
    of the same name.
    """

    def __init__(self, folders: Sequence[Path], pictures: Path) -> None:
        self.pictures: Mapping[str, Path] = {path.name: path for path in sorted(pictures.glob("*.png"))}
        self.pages: Mapping[str, HelpPage] = _read(folders)
        self._pictures_path = pictures.name
        self._by_path = {page.path: page for page in self.pages.values()}
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        for kind, rule in (("table_open", _table_open), ("table_close", _table_close), ("image", _picture)):
            self._markdown.add_render_rule(kind, rule)
        for kind in ("fence", "code_block"):
            self._markdown.add_render_rule(kind, _code)

    def render(self, page: HelpPage, addresses: Addresses) -> Markup:
        """Return a page as HTML; raw HTML is escaped, and a link to a file that does not ship becomes plain text."""
        env: dict[str, Any] = {"tables": 0, "help": self, "addresses": addresses}
        tokens = self._markdown.parse(page.text, env)
        _name_headings(tokens)
        for token in tokens:
            self._lead(page, token.children or [], addresses)
        return Markup(self._markdown.renderer.render(tokens, self._markdown.options, env))

    def _lead(self, page: HelpPage, tokens: Sequence[Token], addresses: Addresses) -> None:
        """Replace each link to another file by the URL of its page."""
        open_links: list[Token] = []
        for token in tokens:
            if token.type == "link_open":
                address = self._address(page, str(token.attrGet("href")), addresses)
                token.attrSet("href", address)
                token.hidden = not address
                open_links.append(token)
            elif token.type == "link_close":
                token.hidden = open_links.pop().hidden
            elif token.type == "image":
                path, _ = _target(page, str(token.attrGet("src")))
                token.attrSet("src", posixpath.basename(path) if path.startswith(self._pictures_path) else "")

    def _address(self, page: HelpPage, link: str, addresses: Addresses) -> str:
        if urlsplit(link).scheme or link.startswith("#"):
            return link
        path, heading = _target(page, link)
        target = self._by_path.get(path)
        return addresses.page(target.name) + (f"#{heading}" if heading else "") if target else ""


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub creates it, so that a link works in both places."""
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


def _read(folders: Sequence[Path]) -> dict[str, HelpPage]:
    pages: dict[str, HelpPage] = {}
    for file in (file for folder in folders for file in sorted(folder.rglob("*.md"))):
        path = file.relative_to(folders[0].parent).as_posix()
        text = _COMMENT.sub("", file.read_text(encoding="utf-8"))
        name = path.removesuffix(".md").removeprefix(f"{folders[0].name}/").removeprefix(f"{CONSOLE_FOLDER}/")
        title = _TITLE.match(text)
        if title is None or name in pages:
            raise ValueError(f"{path}: expected a title in its first line and a name of its own")
        pages[name] = HelpPage(name, path, title[1], text)
    return pages


def _target(page: HelpPage, link: str) -> tuple[str, str]:
    """Return the path below docs of a relative link, and the heading that it names."""
    path, _, heading = link.partition("#")
    return posixpath.normpath(posixpath.join(page.folder, path)), heading


def _name_headings(tokens: Sequence[Token]) -> None:
    seen: dict[str, int] = {}
    for token, words in zip(tokens, tokens[1:], strict=False):
        if token.type == "heading_open":
            name = slug(words.content)
            token.attrSet("id", f"{name}-{seen[name]}" if name in seen else name)
            seen[name] = seen.get(name, 0) + 1


def _table_open(self: RendererHTML, tokens: Sequence[Token], idx: int, options: object, env: dict[str, Any]) -> str:
    """Open a table that scrolls separately, also by keyboard, with its own name for screen readers."""
    env["tables"] += 1
    return f'<div class="scrolls" role="group" tabindex="0" aria-label="Table {env["tables"]}"><table>\n'


def _table_close(self: RendererHTML, tokens: Sequence[Token], idx: int, options: object, env: dict[str, Any]) -> str:
    return "</table></div>\n"


def _code(self: RendererHTML, tokens: Sequence[Token], idx: int, options: object, env: dict[str, Any]) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'


def _picture(self: RendererHTML, tokens: Sequence[Token], idx: int, options: object, env: dict[str, Any]) -> str:
    """Return a picture that ships, with its dark variant for dark screens; otherwise its alternative text."""
    help_: Help = env["help"]
    address: Callable[[str], str] = env["addresses"].picture
    name, words = str(tokens[idx].attrGet("src")), tokens[idx].content
    if name not in help_.pictures:
        return str(escape(words))
    dark = name.removesuffix(".png") + DARK + ".png"
    source = Markup('<source media="(prefers-color-scheme: dark)" srcset="{}">').format(address(dark))
    picture = Markup('<picture>{}<img src="{}" alt="{}" loading="lazy"></picture>')
    return str(picture.format(source if dark in help_.pictures else "", address(name), words))
