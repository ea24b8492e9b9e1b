"""This module pages and exports the lists of the console."""

import csv
import io
import json
import math
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from string import ascii_letters, digits
from typing import Generic, Literal, TypeVar
from urllib.parse import urlencode

from flask import Flask, abort, current_app, g, request, stream_with_context
from werkzeug.wrappers import Response

from app import bounds, clock
from app.settings import Settings, Threads
from app.web.console.shared.filter_form import choice

T = TypeVar("T")
_EXTENSION = "recnice_exports"

Cell = str | int | float | bool | None
Format = Literal["csv", "json"]
_FORMATS: tuple[Format | None, ...] = (None, "csv", "json")

_FORMULA_STARTS = frozenset("=+-@")
"""The characters that begin a formula in a spreadsheet, which would run what an attacker wrote into a name."""
_BREAKS = frozenset("\t\r\n")
_PLAIN_STARTS = frozenset(ascii_letters + digits)  # of nearly every cell, which then needs no closer look
_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps would make an encoder for each row
_BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the code page of its region


class TooManyExports(Exception):  # noqa: N818
    """The error that the maximum number of exports is running: each occupies a thread until its client has read it."""


@dataclass(frozen=True)  # with slots, `Column[T](…)` could not be written
class Column(Generic[T]):
    """One column of a list of `T`: `name` is its key in JSON, `title` its heading on the page and in CSV."""

    name: str
    title: str
    value: Callable[[T], Cell]


@dataclass(frozen=True, slots=True)
class Pages:
    """A position in a list of `total` rows: page `number` of `last`, with the rows `start` to `end` (1-based).

    `is_at_least`: the rows were counted only up to a limit, so there are more than `total`.
    """

    total: int
    number: int
    is_at_least: bool = False

    @property
    def last(self) -> int:
        """The number of the last page; an empty list has one page."""
        return max(1, math.ceil(self.total / bounds.CONSOLE_PAGE_SIZE))

    @property
    def start(self) -> int:
        """The position of the page's first row, which may be after the end of the list."""
        return (self.number - 1) * bounds.CONSOLE_PAGE_SIZE + 1

    @property
    def end(self) -> int:
        """The position of the page's last row."""
        return min(self.total, self.number * bounds.CONSOLE_PAGE_SIZE)


def page_number() -> int:
    """Return the page number in `?page=`. Raises 404 for anything but a small positive number."""
    text = request.args.get("page", "1")
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        abort(404)
    return int(text)


def export_format() -> Format | None:
    """Return the format of an export in `?format=`; None if the page is requested.

    Raises 404 for another format, and TooManyExports, so call it before any work for the export.
    """
    form = choice("format", _FORMATS)
    if form:
        take_place()
    return form


def take_place() -> None:
    """Take a place among the exports for this request, if it has none. Raises TooManyExports."""
    if "export_places" not in g:
        places: threading.BoundedSemaphore = current_app.extensions[_EXTENSION]
        if not places.acquire(blocking=False):
            raise TooManyExports
        g.export_places = places


def release_at_end(answer: Response) -> Response:
    """Let the place of this request be free when the whole response is sent, or the client has disconnected."""
    if places := g.pop("export_places", None):
        answer.call_on_close(places.release)
    return answer


def export(name: str, columns: Sequence[Column[T]], rows: Iterable[T]) -> Response:
    """Return a whole list as a file, sent while `rows` yields it; call `export_format` before.

    `rows` is read inside the request's context. CSV (RFC 4180): UTF-8 with a byte order mark, every cell in quotes, an
    apostrophe before a text that a spreadsheet would read as a formula. JSON: an array of objects with the columns'
    names. The file is called `<name>-<today>`.
    """
    form = choice("format", _FORMATS) or "csv"
    if form == "csv":
        texts, type_of_file = _csv(columns, rows), "text/csv; charset=utf-8"
    else:
        texts, type_of_file = _json(columns, rows), "application/json"
    answer = Response(stream_with_context(texts), content_type=type_of_file)
    day = clock.utc_now().strftime("%Y-%m-%d")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}-{day}.{form}")
    return release_at_end(answer)


def address_with(**changes: str | int | None) -> str:
    """Return the current URL with other query parameters: None removes one, the rest stay."""
    kept = {name: values for name, values in request.args.lists() if name not in changes}
    query = urlencode(kept | {name: value for name, value in changes.items() if value is not None}, doseq=True)
    path = request.script_root + request.path
    return f"{path}?{query}" if query else path


def _portions(rows: Iterable[T]) -> Iterator[Iterator[T]]:
    """Yield the rows in portions that are sent at once; read each portion before requesting the next one."""
    remaining = iter(rows)
    for first in remaining:
        yield chain((first,), islice(remaining, bounds.EXPORT_ROWS_AT_ONCE - 1))


def _csv(columns: Sequence[Column[T]], rows: Iterable[T]) -> Iterator[str]:
    yield _BYTE_ORDER_MARK + _lines([[column.title for column in columns]])
    for portion in _portions(rows):
        yield _lines([_cell_text(column.value(row)) for column in columns] for row in portion)


def _lines(cells: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(cells)
    return text.getvalue()


def _cell_text(value: Cell) -> str:
    """Return the text of a cell. A number is never a formula, whatever its sign."""
    if isinstance(value, str):
        return "'" + value if value and value[0] not in _PLAIN_STARTS and _is_formula(value) else value
    return "" if value is None else str(value).lower()


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet could read a text as a formula.

    It may ignore blanks and invisible characters at the beginning, and accept full-width characters.
    """
    if text[:1] in _BREAKS:
        return True
    seen = (one for one in text if not one.isspace() and unicodedata.category(one) != "Cf")
    return unicodedata.normalize("NFKC", next(seen, " "))[:1] in _FORMULA_STARTS


def _json(columns: Sequence[Column[T]], rows: Iterable[T]) -> Iterator[str]:
    yield "["
    separator = "\n"
    for portion in _portions(rows):
        lines = [_encode({column.name: column.value(row) for column in columns}) for row in portion]
        yield separator + ",\n".join(lines)
        separator = ",\n"
    yield "\n]\n"


def init_app(app: Flask) -> None:
    """Give templates `address_with`, and limit the number of exports so that a thread stays free for other requests."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    at_once = min(bounds.EXPORTS_AT_ONCE, Threads.of(settings.threads).reading - 1)
    app.extensions[_EXTENSION] = threading.BoundedSemaphore(at_once)
    app.teardown_request(_release)
    app.add_template_global(address_with)


def _release(_error: BaseException | None) -> None:
    """Release the place of an export that was not sent."""
    if places := g.pop("export_places", None):
        places.release()
