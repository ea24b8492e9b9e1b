"""This module serves the OAuth page."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from flask import abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.audit import Actor
from app.administration.credentials import oauth_clients
from app.administration.credentials.oauth_clients import Client, Credential, NewSecret
from app.administration.errors import Refused
from app.settings import Settings
from app.web.console.shared.error_pages import with_refusal
from app.web.oauth import token_endpoint as oauth_api
from app.web.security import browser_session
from app.web.service_routing import TOKEN_ENDPOINT

STOPS: Mapping[str, Callable[[str, Actor], None]] = {
    "client": oauth_clients.stop_client,
    "secret": oauth_clients.stop_secret,
    "federated-credential": oauth_clients.stop_trust,
}
"""The functions that revoke each kind, by the word in the URL."""


class _Stopped(NamedTuple):
    """A client or a credential that is to be revoked. `is_last`: the client has no other credential."""

    client: Client
    name: str
    last_used: str | None
    is_last: bool


def oauth() -> Response:
    """Show the OAuth page."""
    return _page()


def create_client() -> Response:
    """Create a client and display its secret once, in the response itself."""
    try:
        return _page(oauth_clients.create_client(request.form.get("name", ""), browser_session.actor()))
    except Refused as refused:
        return _page(refused=refused)


def create_secret(client_id: str) -> Response:
    """Create another secret of a client and display it once, in the response itself."""
    try:
        return _page(oauth_clients.create_secret(client_id, browser_session.actor()))
    except Refused as refused:
        return _page(refused=refused)


def add_federated_credential(client_id: str) -> Response:
    """Add a federated credential to a client."""
    claims = {name: request.form.get(name, "") for name in ("issuer", "subject", "audience")}
    try:
        oauth_clients.add_trust(client_id, **claims, by=browser_session.actor(), signers=oauth_api.signers())
    except Refused as refused:
        return _page(refused=refused, typed=claims | {"client_id": client_id})
    return redirect(url_for("console.oauth"), 303)


def confirm_revoke_credential(kind: str, id: str) -> str:
    """Ask for confirmation before a client, a secret or a federated credential is revoked."""
    credential = _find(kind, id) or abort(404)
    return render_template("revoke_credential.html", kind=kind, id=id, credential=credential)


def revoke_credential(kind: str, id: str) -> Response:
    """Revoke a client, a secret or a federated credential immediately."""
    stop = STOPS.get(kind) or abort(404)
    try:
        stop(id, browser_session.actor())
    except Refused as refused:
        return _page(refused=refused)
    return redirect(url_for("console.oauth"), 303)


def _find(kind: str, id: str) -> _Stopped | None:
    """Return what is to be revoked; None if it does not exist or is already revoked."""
    for client in oauth_clients.list_clients():
        if client.stopped:
            continue
        if kind == "client" and client.id == id:
            return _Stopped(client, client.name, client.last_used, is_last=True)
        is_last = len(client.credentials) == 1
        by_kind: dict[str, Sequence[Credential]] = {"secret": client.secrets, "federated-credential": client.trusts}
        for one in by_kind.get(kind, ()):
            if one.id == id and not one.stopped:
                return _Stopped(client, one.label, one.last_used, is_last)
    return None


def _page(
    new: NewSecret | None = None, refused: Refused | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    clients = oauth_clients.list_clients()
    token_endpoint = settings.public_url + TOKEN_ENDPOINT
    return with_refusal(
        "oauth.html",
        refused,
        tenant_url=settings.tenant_url,
        token_endpoint=token_endpoint,
        audiences=(oauth_clients.ENTRA_AUDIENCE, token_endpoint),
        clients=clients,
        may_make_more=sum(not one.stopped for one in clients) < bounds.OAUTH_CLIENTS,
        new=new,
        typed=typed or {},
    )
