"""This module serves the help: the files of docs/admin and docs/reference."""

from collections.abc import Mapping

from flask import Flask, abort, current_app, render_template, send_file, url_for
from werkzeug.wrappers import Response

from app import bundled_files
from app.web.console.shared.blueprint import console
from app.web.console.system.help_rendering import CONSOLE_FOLDER, Addresses, Help

HEADINGS: Mapping[str, str] = {
    "admin": "Guides",
    f"admin/{CONSOLE_FOLDER}": "Pages of the console",
    "admin/problems": "Problems and how to fix them",
    "reference": "Reference",
}
"""The heading of each folder in the list of pages, in this order."""


def init_app(app: Flask) -> None:
    """Read every page once. Raises ValueError for a file that is not a valid page."""
    app.config["RECNICE_HELP"] = Help((bundled_files.HELP, bundled_files.REFERENCE), bundled_files.PICTURES)


@console.get("/help", endpoint="help")
def list_pages() -> str:
    """Show the list of pages, sorted by title."""
    pages = sorted(_help().pages.values(), key=lambda page: page.title.casefold())
    groups = [(heading, [page for page in pages if page.folder == folder]) for folder, heading in HEADINGS.items()]
    return render_template("help.html", groups=groups)


@console.get("/help/<path:name>")
def help_page(name: str) -> str:
    """Show one page; 404 for a name that is not in the list."""
    page = _help().pages.get(name) or abort(404)
    addresses = Addresses(
        page=lambda name: url_for("console.help_page", name=name),
        picture=lambda name: url_for("console.help_picture", name=name),
    )
    return render_template("help_page.html", page=page, text=_help().render(page, addresses))


@console.get("/help/pictures/<name>")
def help_picture(name: str) -> Response:
    """Return a picture of the pages; 404 for an unknown name."""
    path = _help().pictures.get(name) or abort(404)
    return send_file(path, mimetype="image/png")


def _help() -> Help:
    shelf: Help = current_app.config["RECNICE_HELP"]
    return shelf
