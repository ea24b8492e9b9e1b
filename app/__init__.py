"""This package is Recnice SCIM; `create_app` is the only place that connects the layers.

It configures and connects; it decides nothing about SCIM, storage or pages. It imports inside the function, so that a
command that needs one layer (`recnice-scim version`) does not load the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: Settings, *, has_hot_routes: bool = True) -> Flask:
    """Return the WSGI application for one data folder.

    Before the first request, `settings.data` must exist, its database must be migrated (`directory_database.migrate`)
    and its derived rows rebuilt (`rebuild_derived_rows.rebuild`).
    Without `has_hot_routes`, Flask answers all requests, which tests compare.
    Raises `SchemaFileError` for custom schemas that cannot be used.
    """
    from flask import Flask

    from app import bounds, bundled_files
    from app.jobs import job_list, scheduler
    from app.restoration.console_restore import ConsoleRestore
    from app.scim import custom_schemas
    from app.store.database import directory_database
    from app.store.request_log import log_database
    from app.web import console, error_responses, public_url, service_routing
    from app.web.connection_echo import ConnectionEcho
    from app.web.hot_routes import HotRoutes
    from app.web.oauth import token_endpoint
    from app.web.request_log import middleware
    from app.web.scim import resource_endpoints
    from app.web.security import request_authentication

    app = Flask(__name__, static_folder=str(bundled_files.STATIC), template_folder=str(bundled_files.TEMPLATES))
    app.config.update(
        RECNICE_SETTINGS=settings,
        RECNICE_RESOURCE_TYPES=custom_schemas.read(settings.schemas),
        MAX_CONTENT_LENGTH=bounds.BODY_BYTES,
    )
    app.url_rule_class = service_routing.UrlRule
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    directory_database.file.init_app(app, directory_database.existing_address(settings.database))
    log_database.file.init_app(app, directory_database.existing_address(settings.requests_database))
    scheduler.init_app(app, settings, job_list.JOBS)
    request_authentication.init_app(app)
    resource_endpoints.init_app(app)
    token_endpoint.init_app(app)
    console.init_app(app)
    error_responses.init_app(app)
    if has_hot_routes:
        app.wsgi_app = HotRoutes(app, settings)  # type: ignore[method-assign]
    app.wsgi_app = public_url.PublicAddress(app.wsgi_app, settings)  # type: ignore[method-assign]
    middleware.init_app(app, settings)
    app.wsgi_app = ConnectionEcho(app.wsgi_app, settings, app.config["SECRET_KEY"])  # type: ignore[method-assign]
    ConsoleRestore(settings).init_app(app)
    return app
