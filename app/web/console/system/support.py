"""This module serves the support bundle, which the index of the help offers."""

from flask import Response, current_app

from app import clock
from app.settings import Settings
from app.web.security import browser_session


def support_bundle() -> Response:
    """Return the ZIP without the check of the whole database, which the command makes."""
    from app.support.support_bundle import SupportBundle  # imports SQLAlchemy's ORM, 12 MiB that no page needs

    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    bundle = SupportBundle(settings, current_app.config["RECNICE_RESOURCE_TYPES"], current_app.config["SECRET_KEY"])
    answer = Response(bundle.to_zip(browser_session.actor(), has_check=False), content_type="application/zip")
    name = f"recnice-support-{clock.utc_now():%Y-%m-%d}.zip"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
