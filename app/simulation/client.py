"""This module sends Entra's HTTP requests over one connection.

Redirects are not followed, as Entra does not follow them.
"""

import http.client
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from app import bounds
from app.simulation import simulation_header
from app.simulation.ledger import Ledger

Parameters = Mapping[str, str | int]
CLOSED_MEANWHILE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class UnreachableError(Exception):
    """No answer was received: no server listens there, the name or the certificate is wrong, or it took too long."""


@dataclass(frozen=True)
class Answer:
    """A received answer. `document` is the JSON object of the body, {} if the body is not one."""

    about: str
    request: str
    status: int
    headers: Mapping[str, str]
    text: str
    document: Mapping[str, Any]
    ledger: Ledger

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def check(self, is_met: bool, expected: str, received: object) -> bool:
        """Count one check and return whether it is met. `received` is reported as JSON, shortened."""
        self.ledger.note_check(is_met, self.about, self.request, expected, "" if is_met else describe(received))
        return is_met


def describe(received: object) -> str:
    """Return a received value in one line."""
    text = received if isinstance(received, str) else json.dumps(received, ensure_ascii=False, default=str)
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= bounds.SIMULATED_EXCERPT else text[: bounds.SIMULATED_EXCERPT] + "…"


class EntraClient:
    """A client for one Tenant URL, such as https://scim.example.com/scim/?aadOptscim062020."""

    def __init__(self, tenant_url: str, key: str, ledger: Ledger) -> None:
        url = urlsplit(tenant_url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connect = partial(kind, url.hostname or "", url.port, timeout=bounds.SIMULATED_ANSWER_S)
        self._connection = self._connect()
        self._host = url.netloc
        self._path = url.path.rstrip("/")
        self._flag = url.query
        self._authorization = f"Bearer {key}"
        self._ledger = ledger
        self._sent = 0

    def send(self, method: str, path: str, about: str, query: Parameters | None = None, body: Any = None) -> Answer:
        """Send one request; record its time and answer in the current stage. Raises UnreachableError.

        Spaces in a query are sent as `+` and as `%20` in turn: Entra sends both.
        """
        self._sent += 1
        words = urlencode(query or {}, quote_via=quote_plus if self._sent % 2 else quote)
        target = self._path + path + "?" * bool(words or self._flag) + "&".join(filter(None, [words, self._flag]))
        headers = {"Authorization": self._authorization, simulation_header.HEADER: simulation_header.VALUE}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/scim+json; charset=utf-8"
            content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        began = time.perf_counter()
        try:
            response, text = self._exchange(method, target, content, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnreachableError(f"{self._host}: {method} {path}: {error or type(error).__name__}") from None
        except KeyboardInterrupt:
            self.close()  # Cleaning up needs a connection without a pending answer.
            raise
        self._ledger.note_request((time.perf_counter() - began) * 1000)
        request = f"{method} {path}" + (
            "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
        )
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(about, request, response.status, received, text, _json_of(text), self._ledger)

    def _exchange(
        self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, str]:
        is_reused = self._connection.sock is not None
        send = partial(self._once, method, target, content, dict(headers))
        try:
            return send()
        except CLOSED_MEANWHILE:
            # The server had closed an idle connection. A POST is not repeated: it may have been executed.
            if not is_reused or method == "POST":
                raise
        self.close()
        return send()

    def _once(self, *request: Any) -> tuple[http.client.HTTPResponse, str]:
        self._connection.request(*request)
        response = self._connection.getresponse()
        raw = response.read(bounds.SIMULATED_ANSWER_BYTES + 1)
        if len(raw) > bounds.SIMULATED_ANSWER_BYTES:
            raise http.client.HTTPException(f"an answer over {bounds.SIMULATED_ANSWER_BYTES} bytes")
        return response, raw.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Close the connection; the next request opens another.

        A closed HTTPConnection keeps the lines of an interrupted request, and sends them before the next one.
        """
        self._connection.close()
        self._connection = self._connect()


def _json_of(text: str) -> Mapping[str, Any]:
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict):
            return document
    return {}
