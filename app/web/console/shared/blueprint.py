"""This module declares the console's blueprint, on which every page registers its routes.

It contains nothing else, so that pages do not import each other.
"""

from flask import Blueprint
from werkzeug.routing import IntegerConverter

from app import bounds


class RowConverter(IntegerConverter):
    """The converter `<row:…>`: a row's id with no more digits than the database allows; any other path is 404."""

    regex = rf"[0-9]{{1,{bounds.NUMBER_DIGITS - 2}}}"


console = Blueprint("console", __name__)
console.record(lambda setup: setup.app.url_map.converters.update(row=RowConverter))
