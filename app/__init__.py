"""Recnice SCIM: `create_app` is the only place where the floors of the house are joined.

It configures and connects; it decides nothing about SCIM, storage or pages. Its imports stand inside, so that a command
that needs one floor (`recnice-scim version`) does not load the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: Settings) -> Flask:
    """The WSGI application for one data folder.

    `settings.data` must exist, be migrated (`app.store.db.migrate`) and settled (`app.store.shelf.settle`) before the
    first request. Raises `app.scim.custom.SchemaFileError` for schemas of one's own that cannot be used.
    """
    from flask import Flask

    from app import bounds, bundle
    from app.scim import custom
    from app.store import db, requests
    from app.web import console, failures, oauth_api, observed, proxy, scim_api, security

    app = Flask(__name__, static_folder=str(bundle.STATIC), template_folder=str(bundle.TEMPLATES))
    app.config.update(
        RECNICE_SETTINGS=settings,
        RECNICE_RESOURCE_TYPES=custom.read(settings.schemas),
        MAX_CONTENT_LENGTH=bounds.BODY_BYTES,
        SQLALCHEMY_DATABASE_URI=db.address(settings.database),
        SQLALCHEMY_ENGINE_OPTIONS=db.engine_options(),
        SQLALCHEMY_BINDS={requests.BIND: requests.engine_options(settings.requests_database)},
    )
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    db.db.init_app(app)
    security.init_app(app)
    scim_api.init_app(app)
    oauth_api.init_app(app)
    console.init_app(app)
    failures.init_app(app)
    app.wsgi_app = proxy.PublicAddress(app.wsgi_app, settings)  # type: ignore[method-assign]
    observed.init_app(app, settings)
    return app
