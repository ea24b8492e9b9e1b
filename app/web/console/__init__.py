"""The web console: what an operator sees and does, as plain pages drawn on the server.

Each file is a group of pages. Not here: who may see them (app/web/security.py) and the rules behind them
(app/administration, app/provisioning).
"""

# ruff: noqa: F401
# Pages are imported for their routes, which are on the blueprint once a page's file is read.

from flask import Flask

from app import bounds
from app.web import uploads
from app.web.console import (
    account,
    activity,
    assets,
    attributes,
    audit,
    auth,
    confirm,
    documentation,
    health,
    help,
    listing,
    menu,
    oauth,
    operators,
    problems,
    profile,
    resources,
    roles,
    search,
    second_factor,
    setup,
    sign_in,
    single_sign_on,
    sources,
    status,
    unconfirmed,
    words,
)
from app.web.console.blueprint import console
from app.web.console.refusals import refuse

__all__ = ["init_app", "refuse"]


def init_app(app: Flask) -> None:
    """Put the console's pages, and the words and bounds that its templates use, on the application."""
    app.register_blueprint(console)
    app.jinja_env.globals.update(bounds=bounds)
    resources.init_app(app)
    auth.init_app(app)
    words.init_app(app)
    uploads.init_app(app)
    assets.init_app(app)
    listing.init_app(app)
    help.init_app(app)
    menu.init_app(app)
    activity.init_app(app)
