"""This module imports the console's pages and connects them to an application."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, request, url_for
from jinja2 import DictLoader, ModuleLoader

from app import bounds, bundled_files
from app.version import VERSION
from app.web.console.access import provider_sign_in
from app.web.console.monitoring import activity, guard
from app.web.console.shared import formats, menu
from app.web.console.system import appearance
from app.web.security.page_routes import routes


def init_app(app: Flask) -> None:
    """Register what templates use, then the views; the application may have answered requests to other services."""
    app.jinja_env.loader = (
        ModuleLoader(bundled_files.TEMPLATES)  # the build compiles them
        if bundled_files.FROZEN
        else DictLoader({path.name: path.read_text(encoding="utf-8") for path in bundled_files.TEMPLATES.iterdir()})
    )
    app.jinja_env.globals.update(bounds=bounds, theme=appearance.theme, version=VERSION)
    _add_urls(app)
    provider_sign_in.init_app(app)
    formats.init_app(app)
    menu.init_app(app)
    activity.init_app(app)
    guard.init_app(app)
    app.view_functions.update({route.endpoint: route.view() for route in routes(app.config["RECNICE_RESOURCE_TYPES"])})


def load_templates(app: Flask) -> None:
    """Load what templates need, so that no page opens a file for them: `init_app` has read their texts from source."""
    names = ["sentence.html"]  # its compilation imports modules
    if bundled_files.FROZEN:
        names = bundled_files.TEMPLATE_NAMES.read_text(encoding="utf-8").splitlines()
    for name in names:
        app.jinja_env.get_template(name)


def _add_urls(app: Flask) -> None:
    """Give templates `asset("console.css")`, a URL that changes with the file, and `url_for`.

    Flask takes 40 µs to build a URL, and a page has about thirty that are always the same.
    """
    folder = Path(app.static_folder or "")
    versions = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in folder.rglob("*")
        if path.is_file()
    }

    @cache
    def asset_below(_script_root: str, name: str) -> str:
        return url_for("static", filename=name, v=versions[name])

    @cache
    def page_below(_script_root: str, endpoint: str) -> str:
        return url_for(endpoint)

    def page(endpoint: str, **values: Any) -> str:
        return url_for(endpoint, **values) if values else page_below(request.script_root, endpoint)

    app.jinja_env.globals.update(asset=lambda name: asset_below(request.script_root, name), url_for=page)
