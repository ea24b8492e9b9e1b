"""This module refuses SCIM and token requests from IP addresses that are not allowed, before it checks their key."""

from contextlib import suppress

from flask import Flask, current_app, request

from app.administration.ip_allow_list.enforcement import CurrentPolicy, SeenSources
from app.ip_addresses import read_address
from app.scim.errors import Code, ScimError

_EXTENSION = "recnice_sources"


def init_app(app: Flask) -> None:
    """Give the application its own policy and its own record of seen IP addresses."""
    app.extensions[_EXTENSION] = CurrentPolicy(), SeenSources()


def require_allowed() -> None:
    """Raise SOURCE_REFUSED (403) for a request from an IP address that is not on the enforced list."""
    policy, _ = _of_application()
    if not policy.read().allows(request.remote_addr or ""):
        raise ScimError(Code.SOURCE_REFUSED, "Source", "an address from which SCIM is allowed here")


def note() -> None:
    """Record the IP address of a request; call this once its key or secret is known to be valid. Never raises."""
    policy, seen = _of_application()
    with suppress(ScimError):  # the database is busy; the client will send more requests
        if policy.read().is_watched and (address := read_address(request.remote_addr or "")):
            seen.note(address)


def _of_application() -> tuple[CurrentPolicy, SeenSources]:
    of_application: tuple[CurrentPolicy, SeenSources] = current_app.extensions[_EXTENSION]
    return of_application
