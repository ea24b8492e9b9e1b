"""This module serves the page that ServiceProviderConfig names as documentationUri.

The page is public, since a client's developer has no account here. It contains declarations only, never stored data.
"""

from flask import current_app, render_template

from app.scim import discovery_documents
from app.settings import Settings
from app.web.service_routing import DOCUMENTATION, ROOT, TOKEN_ENDPOINT


def documentation() -> str:
    """Show the URL, key, limits, and every attribute of every resource type."""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    base = settings.public_url + ROOT
    token_endpoint = settings.public_url + TOKEN_ENDPOINT
    return render_template(
        "documentation.html",
        base=base,
        offered=discovery_documents.service_provider_config(
            base, settings.public_url + DOCUMENTATION, token_endpoint, has_cursors=settings.cursor_paging
        ),
        resource_types=current_app.config["RECNICE_RESOURCE_TYPES"],
        is_listed=discovery_documents.is_listed,
    )
