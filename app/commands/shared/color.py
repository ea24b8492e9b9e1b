"""This module colors what is good and bad on a terminal; the words say the same without color."""

import os
import sys
from typing import Literal

import click

Color = Literal["green", "yellow", "red"]


def colored(text: str, color: Color) -> str:
    """Return the text in a color if standard output is a terminal, unless NO_COLOR is set or TERM is dumb."""
    is_plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if is_plain else click.style(text, color)
