"""This module refuses SCIM and token requests from IP addresses that are not allowed, before it checks their key."""

from flask import Flask

from app import current_application
from app.administration.ip_allow_list.enforcement import SeenSources, SourcePolicy
from app.ip_addresses import read_address
from app.scim.errors import Code, ScimError

_EXTENSION = "recnice_sources"


def init_app(app: Flask) -> None:
    """Give the application its own record of seen IP addresses."""
    app.extensions[_EXTENSION] = SeenSources()


def require_allowed(policy: SourcePolicy, address: str) -> None:
    """Raise SOURCE_REFUSED (403) for a request from an IP address that is not on the enforced list."""
    if not policy.allows(address):
        raise ScimError(Code.SOURCE_REFUSED, "Source", "an address from which SCIM is allowed here")


def note(policy: SourcePolicy, address: str) -> None:
    """Record the IP address of a request; call this once its key or secret is known to be valid. Never raises."""
    if policy.is_watched and (client := read_address(address)):
        seen: SeenSources = current_application.extension(_EXTENSION)
        seen.note(client)
