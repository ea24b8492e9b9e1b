"""This module imports the console's pages and connects them to an application."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, request, url_for
from jinja2 import ModuleLoader

from app import bounds, bundled_files
from app.web.console.access import provider_sign_in
from app.web.console.monitoring import activity
from app.web.console.shared import formats, menu
from app.web.security.page_routes import routes


def init_app(app: Flask) -> None:
    """Register what templates use, then the views; the application may have answered requests to other services."""
    if bundled_files.FROZEN:
        app.jinja_env.loader = ModuleLoader(bundled_files.TEMPLATES)  # the build compiles them
    app.jinja_env.globals.update(bounds=bounds)
    _add_urls(app)
    provider_sign_in.init_app(app)
    formats.init_app(app)
    menu.init_app(app)
    activity.init_app(app)
    app.view_functions.update({route.endpoint: route.view() for route in routes(app.config["RECNICE_RESOURCE_TYPES"])})


def _add_urls(app: Flask) -> None:
    """Give templates `asset("console.css")`, a URL that changes with the file, and `url_for`.

    Flask takes 40 µs to build a URL, and a page has about thirty that are always the same.
    """
    folder = Path(app.static_folder or "")

    @cache
    def asset_below(_script_root: str, name: str) -> str:
        version = hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]
        return url_for("static", filename=name, v=version)

    @cache
    def page_below(_script_root: str, endpoint: str) -> str:
        return url_for(endpoint)

    def page(endpoint: str, **values: Any) -> str:
        return url_for(endpoint, **values) if values else page_below(request.script_root, endpoint)

    app.jinja_env.globals.update(asset=lambda name: asset_below(request.script_root, name), url_for=page)
