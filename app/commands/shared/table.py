"""This module prints rows as a table on a terminal and as aligned text elsewhere."""

import sys
from collections.abc import Iterable, Sequence

import click


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under their column names. Control characters are escaped."""
    cells = [[_printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in ([name.upper() for name in columns], *cells):
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _printable(cell: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cell)
