"""This package serves the console, as pages rendered on the server.

Each file is a group of pages.
"""

# ruff: noqa: F401
# Pages are imported for their routes, which are on the blueprint once a page's file is read.

from flask import Flask

from app import bounds
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
from app.web.console.directory import attributes, routes, search_page, users_to_confirm
from app.web.console.monitoring import activity, problems, status
from app.web.console.shared import formats, list_paging, menu, static_urls, uploads
from app.web.console.shared.blueprint import console
from app.web.console.shared.error_pages import refuse
from app.web.console.system import client_documentation, health_endpoints, help

__all__ = ["init_app", "refuse"]


def init_app(app: Flask) -> None:
    """Put the console's pages, and the words and bounds that its templates use, on the application."""
    app.register_blueprint(console)
    app.jinja_env.globals.update(bounds=bounds)
    routes.init_app(app)
    provider_sign_in.init_app(app)
    formats.init_app(app)
    uploads.init_app(app)
    static_urls.init_app(app)
    list_paging.init_app(app)
    help.init_app(app)
    menu.init_app(app)
    activity.init_app(app)
