"""This module serves the help: the files of docs/admin, docs/operate and docs/reference."""

import threading
import zipfile

from flask import abort, current_app, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response

from app import bundled_files
from app.web.console.system.help_rendering import Addresses, Help

INDEX = "index"
"""The page that lists all others, by subject."""

_EXTENSION = "recnice_help"
_reading = threading.Lock()


def help_page(name: str = INDEX) -> str | Response:
    """Show one page, or the index; 404 for a name that no page has. Until 0.3, pages of `operate/` had no folder."""
    pages = _help().pages
    if name not in pages and f"operate/{name}" in pages:
        return redirect(url_for("console.help_page", name=f"operate/{name}"), 308)
    page = pages.get(name) or abort(404)
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
    """Return all pages, which the first request reads. Raises ValueError for a file that is not a valid page."""
    with _reading:
        if _EXTENSION not in current_app.extensions:
            if bundled_files.FROZEN:
                with zipfile.ZipFile(bundled_files.HELP_ARCHIVE) as archive:
                    archive.extractall(bundled_files.ROOT)
            current_app.extensions[_EXTENSION] = Help(bundled_files.HELP_FOLDERS, bundled_files.PICTURES)
    pages: Help = current_app.extensions[_EXTENSION]
    return pages
