"""This module prints what a command lists: as a table, which breaks no word on a terminal, or as JSON."""

import functools
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, NamedTuple

import click

ROWS_TOGETHER = 1_000
"""The rows that get common widths of columns. A longer list is printed in parts, so that its memory is bounded."""
HEADINGS = {
    "last_address": "from",
    "last_simulated": "last simulation",
    "last_simulated_address": "from",
    "prefix": "begins with",
    "second_factor": "2FA",
    "size_bytes": "size",
}
"""The headings in a table of those keys of JSON whose heading is not the key with spaces."""
_GAP = "  "


class Shown(NamedTuple):
    """A value of JSON that has another text in a table."""

    value: object
    text: str


Row = Sequence[str | float | Shown | None]


def or_never(time: str | None) -> Shown:
    """Return a time, which a table calls never if there is none."""
    return Shown(time or None, time or "never")


class JsonOption(click.Option):
    """The option `--json` of a command, with the keys of what it prints in its help."""

    def __init__(self, declarations: Sequence[str], keys: Sequence[str], is_array: bool) -> None:
        self.keys = tuple(keys)
        self.is_array = is_array
        form = "an array of objects" if is_array else "an object"
        super().__init__(declarations, is_flag=True, help=f"Print JSON: {form} with {', '.join(keys)}.")


def printing_json(*keys: str, is_array: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--json` to a command, which gets the argument `is_json`, and prints an object with these keys, or many."""
    return click.option("--json", "is_json", cls=JsonOption, keys=keys, is_array=is_array)


def listing(*keys: str) -> Callable[[Callable[..., Iterable[Row]]], Callable[..., Any]]:
    """Print the rows that a command yields, one value for each key: as a table, or with `--json` as an array."""

    def decorate(command: Callable[..., Iterable[Row]]) -> Callable[..., Any]:
        @printing_json(*keys, is_array=True)
        @functools.wraps(command)
        def run(is_json: bool, **arguments: Any) -> None:
            show(keys, command(**arguments), is_json=is_json)

        return run

    return decorate


def show(keys: Sequence[str], rows: Iterable[Row], is_json: bool = False) -> None:
    """Print rows while they arrive: as a table with a heading for each key, or as a JSON array of objects."""
    if is_json:
        _show_array(objects(keys, rows))
        return
    headings = [HEADINGS.get(key, key.replace("_", " ")).upper() for key in keys]
    cells = ([_text(cell) for cell in row] for row in rows)
    part = [headings, *islice(cells, ROWS_TOGETHER)]
    lines = _terminal_lines if sys.stdout.isatty() else _lines
    while part:
        for line in lines(headings, part):
            click.echo(line)
        part = list(islice(cells, ROWS_TOGETHER))


def show_object(content: Mapping[str, object]) -> None:
    """Print a JSON object."""
    import json

    click.echo(json.dumps(content, indent=1))


def objects(keys: Sequence[str], rows: Iterable[Row]) -> Iterator[dict[str, object]]:
    """Yield for each row the object that JSON has of it."""
    for row in rows:
        values = (cell.value if isinstance(cell, Shown) else cell for cell in row)
        yield dict(zip(keys, values, strict=True))


def _show_array(rows: Iterable[Mapping[str, object]]) -> None:
    """Print a JSON array, one object a line."""
    import json

    before = "["
    for row in rows:
        click.echo(f"{before}\n {json.dumps(row)}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def _text(cell: str | float | Shown | None) -> str:
    """Return a cell as text of one line; control characters are escaped."""
    if isinstance(cell, Shown):
        text = cell.text
    elif isinstance(cell, str):
        text = cell
    elif cell is None or isinstance(cell, bool):
        text = "yes" if cell else "-"
    else:
        text = f"{cell:,}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines(_headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _terminal_lines(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table that is as wide as the terminal, or of one value a line if words do not fit."""
    from textwrap import wrap

    least = [max(len(word) for cell in column for word in cell.split(" ")) for column in zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns - len(_GAP) * (len(widths) - 1)
    if sum(least) > room:
        yield from _records(headings, rows)
        return
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
        widths[widest] -= 1
    for row in rows:
        parts = [
            wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
            for cell, width in zip(row, widths, strict=True)
        ]
        for words in zip_longest(*parts, fillvalue=""):
            yield _GAP.join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()


def _records(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield for each row its values below each other, and an empty line."""
    width = max(map(len, headings))
    for row in rows:
        if row is not headings:
            yield from (f"{heading:<{width}}{_GAP}{cell}".rstrip() for heading, cell in zip(headings, row, strict=True))
            yield ""
