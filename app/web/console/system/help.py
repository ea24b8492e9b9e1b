"""This module serves the help: the files of docs/admin and docs/reference."""

from flask import Flask, abort, current_app, render_template, send_file, url_for
from werkzeug.wrappers import Response

from app import bundled_files
from app.web.console.system.help_rendering import Addresses, Help

INDEX = "index"
"""The page that lists all others, by subject."""


def init_app(app: Flask) -> None:
    """Read every page once. Raises ValueError for a file that is not a valid page."""
    app.config["RECNICE_HELP"] = Help((bundled_files.HELP, bundled_files.REFERENCE), bundled_files.PICTURES)


def help_page(name: str = INDEX) -> str:
    """Show one page, or the index; 404 for a name that no page has."""
    page = _help().pages.get(name) or abort(404)
    addresses = Addresses(
        page=lambda name: url_for("console.help_page", name=name),
        picture=lambda name: url_for("console.help_picture", name=name),
    )
    return render_template("help_page.html", page=page, text=_help().render(page, addresses), index=INDEX)


def help_picture(name: str) -> Response:
    """Return a picture of the pages; 404 for an unknown name."""
    path = _help().pictures.get(name) or abort(404)
    return send_file(path, mimetype="image/png")


def _help() -> Help:
    pages: Help = current_app.config["RECNICE_HELP"]
    return pages
