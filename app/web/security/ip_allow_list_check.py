"""This module refuses SCIM requests from IP addresses that are not allowed, before their key is looked at."""

from contextlib import suppress

from flask import Flask, current_app, request

from app.administration.ip_allow_list.enforcement import CurrentPolicy, SeenSources
from app.ip_addresses import read_address
from app.scim.errors import Code, ScimError

_EXTENSION = "recnice_sources"


def init_app(app: Flask) -> None:
    """Give the application a policy and a memory of its own."""
    app.extensions[_EXTENSION] = CurrentPolicy(), SeenSources()


def require_allowed() -> None:
    """Raise SOURCE_REFUSED (403) for a request from an address that the list, enforced, has not."""
    policy, _ = _of_application()
    if not policy.read().allows(request.remote_addr or ""):
        raise ScimError(Code.SOURCE_REFUSED, "Source", "an address from which SCIM is allowed here")


def note() -> None:
    """Remember where a request came from; to be called once it has shown a right key or secret. Never raises."""
    policy, seen = _of_application()
    with suppress(ScimError):  # the database is busy; who came meanwhile comes again
        if policy.read().is_watched and (address := read_address(request.remote_addr or "")):
            seen.note(address)


def _of_application() -> tuple[CurrentPolicy, SeenSources]:
    found: tuple[CurrentPolicy, SeenSources] = current_app.extensions[_EXTENSION]
    return found
