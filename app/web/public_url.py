"""This module applies the public URL: sub-path, trusted proxies' forwarded headers, allowed Host names.

It is plain WSGI around the application, and the only module that reads forwarded headers. It builds no URLs: those are
always built from the setting `public_url`, never from a request.
"""

import json
import logging
import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app import bounds
from app.ip_addresses import Address, NetworkSet, read_address, split_host
from app.scim.errors import Code, ScimError
from app.settings import EVERY_ADDRESS, Settings
from app.web.request_log import record_draft
from app.web.service_routing import ROOT, ROOT_V2, is_scim

IGNORED = "recnice.ignored_proxy"

_X_FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
_X_FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
_FORWARDED = frozenset(
    (
        _X_FORWARDED_FOR,
        _X_FORWARDED_PROTO,
        "HTTP_FORWARDED",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PORT",
        "HTTP_X_FORWARDED_PREFIX",
        "HTTP_X_FORWARDED_SCHEME",
        "HTTP_X_FORWARDED_SERVER",
        "HTTP_X_FORWARDED_SSL",
        "HTTP_X_REAL_IP",
        "HTTP_X_ORIGINAL_URL",
        "HTTP_X_REWRITE_URL",
    )
)
HEALTH = "/healthz"
CALLBACK = "/auth/callback"
"""The path below the public URL to which providers redirect after a sign-in; it is registered there in exactly this
form."""
_DOUBLED_SLASH = re.compile(rf"\A({ROOT_V2}|{ROOT})//+")

log = logging.getLogger("recnice.proxy")


def without_base(path: str, base_path: str) -> str:
    """Return a path without the sub-path of the public URL, whether or not a proxy already removed it.

    Several slashes after the SCIM root count as one: a client whose Tenant URL ends in a slash requests `/scim//Users`.
    """
    if base_path and (path == base_path or path.startswith(base_path + "/")):
        path = path.removeprefix(base_path)
    return (_DOUBLED_SLASH.sub(r"\1/", path) if "//" in path else path) or "/"


def refusal(path: str, error: ScimError) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of a refusal before the application: a SCIM Error below /scim, else one line of text."""
    if is_scim(path):
        body, kind = json.dumps(error.to_scim()).encode(), "application/scim+json"
    else:
        body, kind = f"{error.detail}\n".encode(), "text/plain; charset=utf-8"
    headers = [
        *error.headers.items(),
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return headers, body


class PublicAddress:
    """The WSGI middleware that applies the public URL: `app.wsgi_app = PublicAddress(app.wsgi_app, settings)`.

    After it, REMOTE_ADDR is the client's IP address and `wsgi.url_scheme` the client's scheme, as far as a trusted
    proxy states them. No forwarded header is left, SCRIPT_NAME is the path of the public URL, and the Host is allowed.

    `environ[IGNORED]` exists once forwarded headers from a private IP address were ignored: a tuple of the IP addresses
    that could be added to `trusted_proxy`. A public one is never proposed, since any client can send such headers.
    """

    def __init__(self, application: WSGIApplication, settings: Settings) -> None:
        self._application = application
        self._trusted = NetworkSet(settings.trusted_proxy)
        self._base_path = settings.base_path
        self._hosts = names_of(settings)
        self._is_allowed = lru_cache(bounds.HOSTS_REMEMBERED)(self._is_allowed_host)
        self._ignored: tuple[str, ...] = ()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._take_sub_path(environ)
        self._take_forwarded(environ)
        if not self._is_allowed(environ.get("HTTP_HOST")):
            expected = "the host of the public URL (setting public_url) or an address of this machine"
            record_draft.of(environ).error = error = ScimError(Code.WRONG_HOST, "Host", expected)
            headers, body = refusal(environ["PATH_INFO"], error)
            start_response("400 Bad Request", headers)
            return [body]
        if self._ignored:
            environ[IGNORED] = self._ignored
        return self._application(environ, start_response)

    def apply(self, environ: WSGIEnvironment) -> bool:
        """Apply sub-path and forwarded headers; return whether the sender is a trusted proxy."""
        peer = read_address(environ.get("REMOTE_ADDR", ""))
        self._take_sub_path(environ)
        self._take_forwarded(environ)
        return peer is not None and peer in self._trusted

    def _take_sub_path(self, environ: WSGIEnvironment) -> None:
        if self._base_path:
            environ["SCRIPT_NAME"] = self._base_path
        environ["PATH_INFO"] = without_base(environ.get("PATH_INFO", ""), self._base_path)

    def _take_forwarded(self, environ: WSGIEnvironment) -> None:
        """Apply `X-Forwarded-For` and `X-Forwarded-Proto` of a trusted proxy.

        Every other forwarded header is dropped unread, also `Forwarded` (RFC 7239): two forms could disagree.
        """
        if environ.keys().isdisjoint(_FORWARDED):
            return
        forwarded = {name: environ.pop(name) for name in _FORWARDED if name in environ}
        peer = read_address(environ.get("REMOTE_ADDR", ""))
        if peer is None or peer not in self._trusted:
            self._note_ignored(peer)
            return
        client = str(client_of(peer, forwarded.get(_X_FORWARDED_FOR, ""), self._trusted))
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = client
        environ.pop("REMOTE_PORT", None)
        scheme = forwarded.get(_X_FORWARDED_PROTO, "").strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme

    def _note_ignored(self, peer: Address | None) -> None:
        if peer is None or not peer.is_private or str(peer) in self._ignored:
            return
        if len(self._ignored) == bounds.PROXY_HINTS:
            return
        self._ignored += (str(peer),)
        log.warning(
            "forwarded headers from %s are ignored; if that is your reverse proxy, add to recnice.toml: "
            'trusted_proxy = ["%s"]',
            peer,
            peer,
        )

    def _is_allowed_host(self, host: str | None) -> bool:
        """Return whether a Host is allowed: one of this server's names, any IP address, or a missing header.

        Another site can point its own name to this server (DNS rebinding), but it cannot use an IP address as its name.
        """
        if host is None:
            return True
        parts = split_host(host)
        name = parts[0].lower().rstrip(".") if parts else ""
        return name in self._hosts or read_address(name) is not None


def names_of(settings: Settings) -> frozenset[str]:
    """Return the allowed Host names: the public URL's, the one in the setting `listen`, localhost, and this host's."""
    public = urlsplit(settings.public_url).hostname or ""
    machine = socket.gethostname().lower()
    names = {public, settings.listen[0].lower(), "localhost", machine, machine.partition(".")[0]}
    return frozenset(names.difference(EVERY_ADDRESS, {""}))


def client_of(peer: Address, forwarded_for: str, trusted: NetworkSet) -> Address:
    """Return the rightmost IP address in `X-Forwarded-For` that is not a trusted proxy.

    Reading stops at an invalid entry. Each proxy appends on the right, so entries left of an untrusted IP address are
    only claims of that client.
    """
    client = peer
    for word in reversed(forwarded_for.split(",")):
        address = read_address(word.strip())
        if address is None:
            break
        client = address
        if address not in trusted:
            break
    return client
