"""This module declares the console's blueprint, to which every page registers itself.

Nothing else, so that pages need not import each other.
"""

from flask import Blueprint
from werkzeug.routing import IntegerConverter

from app import bounds


class RowConverter(IntegerConverter):
    """`<row:…>` in a route: the id of a row, of no more digits than a database holds; another address is no page."""

    regex = rf"[0-9]{{1,{bounds.NUMBER_DIGITS - 2}}}"


console = Blueprint("console", __name__)
console.record(lambda setup: setup.app.url_map.converters.update(row=RowConverter))
