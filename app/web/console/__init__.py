"""This package serves the console, as pages rendered on the server.

Its URLs are known from the start. Its pages are imported at the first request for one, or a moment after the start, so
that the server sooner answers Entra after a start (docs/decisions/0054-imports-at-the-first-use.md).
"""

import logging
import threading
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, current_app, request
from werkzeug.wrappers import Response

from app.web.console.shared import list_paging
from app.web.console.system import health_endpoints
from app.web.security import page_routes

LOAD_AFTER_S = 1.0
ALERTS_AFTER_S = 3.0

log = logging.getLogger(__name__)
_EXTENSION = "recnice_pages"
_loading = threading.Lock()
"""One lock for all pages: threads that import the same packages from different ends could each see half of them."""


def init_app(app: Flask) -> None:
    """Register the URLs of the console's pages on the application."""
    app.request_class = RequestInMemory
    app.url_map.converters.update(row=page_routes.RowConverter)
    for route in page_routes.routes(app.config["RECNICE_RESOURCE_TYPES"]):
        app.add_url_rule(route.path, route.endpoint, _first_view, methods=route.methods)
    health_endpoints.init_app(app)
    list_paging.init_app(app)


def refuse(error: Exception) -> Response:
    """Return the page for a refusal, or for an error, which is logged."""
    load_pages(current_app)
    from app.web.console.shared import error_pages

    return error_pages.refuse(error)


def _first_view(**arguments: Any) -> Any:
    """Answer the first request for a page; a view after that is the page's own."""
    load_pages(current_app)
    return current_app.view_functions[request.endpoint or ""](**arguments)


def load_pages(app: Flask) -> None:
    """Import the pages, and put their views in the place of `_first_view`."""
    with _loading:
        if _EXTENSION not in app.extensions:
            from app.web.console import pages

            pages.init_app(app)
            app.extensions[_EXTENSION] = pages


def load_in_background(app: Flask) -> None:
    """Load the pages and their templates soon: a page must not open files when the process has no descriptor left."""

    def load() -> None:
        try:
            load_pages(app)
            app.extensions[_EXTENSION].load_templates(app)
        except Exception:
            log.exception("the pages could not be loaded in advance")

    timer = threading.Timer(LOAD_AFTER_S, load)
    timer.daemon = True
    timer.start()


def send_alerts_in_background(app: Flask) -> Callable[[], None]:
    """Start the thread that sends alerts soon, with the pages loaded, and return the function that ends it."""
    stops: list[Callable[[], None]] = []

    def start() -> None:
        load_pages(app)
        from app.web.console.system import alert_thread

        stops.append(alert_thread.start(app).stop)

    timer = threading.Timer(ALERTS_AFTER_S, start)
    timer.daemon = True
    timer.start()

    def stop() -> None:
        timer.cancel()
        for one in stops:
            one()

    return stop


class RequestInMemory(Request):
    """A request whose uploads stay in memory, where the limits of forms keep them small.

    Werkzeug would write larger files to the system's temporary folder.
    """

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()
