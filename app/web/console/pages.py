"""This module imports the console's pages and connects them to an application."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, url_for
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
    _add_asset_urls(app)
    provider_sign_in.init_app(app)
    formats.init_app(app)
    menu.init_app(app)
    activity.init_app(app)
    app.view_functions.update({route.endpoint: route.view() for route in routes(app.config["RECNICE_RESOURCE_TYPES"])})


def _add_asset_urls(app: Flask) -> None:
    """Give templates `asset("console.css")`, a URL that changes with the file."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    def asset(name: str) -> str:
        return url_for("static", filename=name, v=version(name))

    app.jinja_env.globals.update(asset=asset)
