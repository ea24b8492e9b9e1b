"""The console's blueprint, to which every page adds itself. Nothing else, so that pages need not import each other."""

from flask import Blueprint

console = Blueprint("console", __name__)
