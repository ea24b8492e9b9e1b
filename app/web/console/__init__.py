"""This package serves the console, as pages rendered on the server.

Each module is a group of pages.
"""

# ruff: noqa: F401
# Importing a module of pages registers its routes on the blueprint.

import hashlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import IO

from flask import Flask, Request, url_for

from app import bounds
from app.scim.resource_types import ResourceType
from app.web.console.access import (
    account,
    administrators,
    audit,
    ip_allow_list,
    oauth_clients,
    profile,
    provider_sign_in,
    reauthentication,
    roles,
    setup,
    sign_in,
    single_sign_on,
    two_factor,
)
from app.web.console.directory import attributes, resource_list, resource_page, search_page, users_to_confirm
from app.web.console.monitoring import activity, problems, status
from app.web.console.shared import formats, list_paging, menu
from app.web.console.shared.blueprint import console
from app.web.console.shared.error_pages import refuse
from app.web.console.system import client_documentation, health_endpoints, help, renamed_pages
from app.web.resource_urls import Endpoints

__all__ = ["init_app", "refuse"]


def init_app(app: Flask) -> None:
    """Register the console's pages, and what its templates use, on the application."""
    app.register_blueprint(console)
    app.jinja_env.globals.update(bounds=bounds)
    app.request_class = RequestInMemory
    _add_resource_routes(app)
    _add_asset_urls(app)
    provider_sign_in.init_app(app)
    formats.init_app(app)
    list_paging.init_app(app)
    help.init_app(app)
    menu.init_app(app)
    activity.init_app(app)


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


def _add_resource_routes(app: Flask) -> None:
    """Add a list and a page for every resource type that the application has."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    for resource_type in types:
        endpoints = Endpoints.of(resource_type)
        app.add_url_rule(endpoints.path, endpoints.list, resource_list.view_of(resource_type))
        app.add_url_rule(f"{endpoints.path}/<resource_id>", endpoints.single, resource_page.view_of(resource_type))


def _add_asset_urls(app: Flask) -> None:
    """Give templates `asset("console.css")`, a URL that changes with the file."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    @app.template_global()
    def asset(name: str) -> str:
        return url_for("static", filename=name, v=version(name))
