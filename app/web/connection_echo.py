"""This module answers the probes of the connection test: it says what arrived of a request with a valid token.

Every other request passes. A probe is not recorded, and reaches neither the database nor the pages.
"""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app import bounds
from app.connection_test import probe_token
from app.scim.errors import Code, ScimError
from app.settings import Settings
from app.web.public_url import PublicAddress, refusal
from app.web.security import response_headers

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
_TEST_HEADER = "HTTP_" + probe_token.TEST_HEADER.upper().replace("-", "_")


class ConnectionEcho:
    """The WSGI middleware around all others: `app.wsgi_app = ConnectionEcho(app.wsgi_app, settings, secret)`."""

    def __init__(self, application: WSGIApplication, settings: Settings, secret: bytes) -> None:
        self._application = application
        self._public = PublicAddress(application, settings)
        self._secret = secret
        self._headers = response_headers.scim_headers(settings)
        self._lock = threading.Lock()
        self._minute, self._count = 0, 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        probe = probe_token.read(self._secret, path)
        if probe is None or environ["REQUEST_METHOD"] not in METHODS:
            return self._application(environ, start_response)
        if not self._may_answer():
            wait = {"Retry-After": "60"}
            headers, body = refusal(path, ScimError(Code.TOO_OFTEN, sentence="Too many connection tests", headers=wait))
            start_response("429 Too Many Requests", headers)
            return [body]
        token, status = probe
        body = json.dumps(self._arrived(environ, token)).encode()
        headers = [*self._headers, ("Content-Type", "application/scim+json"), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def _may_answer(self) -> bool:
        """Count this probe; False for too many in a minute."""
        with self._lock:
            minute = int(time.monotonic() // 60)
            if minute != self._minute:
                self._minute, self._count = minute, 0
            self._count += 1
            return self._count <= bounds.PROBES_A_MINUTE

    def _arrived(self, environ: WSGIEnvironment, token: str) -> dict[str, object]:
        path, peer = environ["PATH_INFO"], environ.get("REMOTE_ADDR", "")
        body = hashlib.sha256()
        length = 0
        left = int(environ.get("CONTENT_LENGTH") or (bounds.PROBE_BODY_BYTES if _is_terminated(environ) else 0))
        while left > 0 and (part := environ["wsgi.input"].read(min(left, bounds.BODY_IN_MEMORY_BYTES))):
            body.update(part)
            length += len(part)
            left -= len(part)
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        is_forwarded = "HTTP_X_FORWARDED_FOR" in environ
        is_trusted = self._public.apply(environ)
        return {
            "serial": secrets.token_hex(8),
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "query": environ.get("QUERY_STRING", ""),
            "length": length,
            "sha256": body.hexdigest(),
            "host": environ.get("HTTP_HOST", ""),
            "scheme": environ.get("wsgi.url_scheme", ""),
            "client": environ.get("REMOTE_ADDR", ""),
            "peer": peer,
            "is_trusted": is_trusted,
            "is_forwarded": is_forwarded,
            "authorization": {f"Bearer {token}": "intact", "": "missing"}.get(authorization, "changed"),
            "header_bytes": len(environ.get(_TEST_HEADER, "")),
        }


def _is_terminated(environ: WSGIEnvironment) -> bool:
    return "wsgi.input_terminated" in environ
