"""This module sends one request to a provider: verified TLS, limits on time and size.

It is heavy, so it is imported only inside functions (json_fetch.py, code_flow.py). A socket timeout applies to each
received piece, so a server that sends a byte a second would never reach it. The request therefore runs in its own
thread, and the waiting thread cuts the connection when the whole time is over.
"""

import queue
import socket
import ssl
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from app import bounds
from app.openid.errors import ProviderCode, ProviderError, safe_host
from app.openid.json_object import read_object

CHUNK_BYTES = 65_536


def bind(session: requests.Session, address: str, what: str, ca_file: Path | None) -> None:
    """Let a session send one request, to `address`, within the bounds. `what` names the answer in sentences.

    The environment's proxies apply; its ~/.netrc and its certificate bundles do not.
    """
    session.trust_env = False
    session.proxies = dict(get_environ_proxies(address))
    for adapter in session.adapters.values():
        adapter.close()
    session.adapters.clear()
    session.mount("https://", BoundedAdapter(what, _Wire(), ca_file))


class _Wire:
    """The connections of one request, so that another thread can cut them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def watch(self, one: socket.socket) -> None:
        with self._lock:
            self._sockets.append(one)
            if self._is_cut:
                _shut(one)

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for one in self._sockets:
                _shut(one)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(one, socket.SHUT_RDWR)  # not SSLSocket's own, which would break the reading thread


def _context(wire: _Wire, ca_file: Path | None) -> ssl.SSLContext:
    """Return a context for verified TLS 1.2 or newer; urllib3 adds certifi's authorities."""

    class Watched(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            wire.watch(self)
            super().do_handshake(block)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = Watched
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ValueError):
            raise ProviderError(ProviderCode.BAD_CA_FILE) from None
    return context


class BoundedAdapter(HTTPAdapter):
    """An adapter that sends one request and returns the complete answer, a JSON object, or raises ProviderError."""

    def __init__(self, what: str, wire: _Wire, ca_file: Path | None) -> None:
        self._what = what
        self._wire = wire
        self._ssl = _context(wire, ca_file)
        super().__init__(max_retries=0)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, True, None)
        return host, {**pool, "ssl_context": self._ssl}

    def send(self, request: requests.PreparedRequest, *_: Any, **of: Any) -> requests.Response:
        outcome: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put(self._exchange(request, of.get("proxies")))
            except Exception as error:
                outcome.put(error)

        threading.Thread(target=work, name="provider", daemon=True).start()
        try:
            result = outcome.get(timeout=bounds.PROVIDER_ANSWER_S)
        except queue.Empty:
            self._wire.cut()
            host = safe_host(request.url or "")
            raise ProviderError(ProviderCode.SLOW, host=host, seconds=bounds.PROVIDER_ANSWER_S) from None
        if isinstance(result, Exception):
            raise _as_provider_error(result, safe_host(request.url or "")) from None
        return result

    def _exchange(self, request: requests.PreparedRequest, proxies: Any) -> requests.Response:
        # One second more than the waiting thread allows, so that that thread reports the timeout.
        limit = bounds.PROVIDER_ANSWER_S + 1
        try:
            response = super().send(request, stream=True, timeout=limit, verify=True, proxies=proxies)
            try:
                if 300 <= response.status_code < 400:
                    raise ProviderError(ProviderCode.REDIRECT, what=self._what)
                content = self._read(response)
            finally:
                response.close()
        finally:
            self.close()
        is_refusal = request.method == "POST" and 400 <= response.status_code < 500  # sent as JSON (RFC 6749 §5.2)
        try:
            if response.status_code == 200 or is_refusal:
                read_object(content)
                response._content = content
                return response
        except ValueError:
            if not is_refusal:
                raise ProviderError(ProviderCode.NOT_JSON, what=self._what) from None
        raise ProviderError(ProviderCode.HTTP_STATUS, what=self._what, status=response.status_code)

    def _read(self, response: requests.Response) -> bytes:
        """Return the body after decompression."""
        content = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            content += chunk
            if len(content) > bounds.PROVIDER_ANSWER_BYTES:
                raise ProviderError(ProviderCode.TOO_LARGE, what=self._what, size=bounds.PROVIDER_ANSWER_BYTES)
        return bytes(content)


def _as_provider_error(error: Exception, host: str) -> Exception:
    """Return a connection error as a sentence; an internal error stays unchanged."""
    if isinstance(error, requests.exceptions.SSLError):
        return ProviderError(ProviderCode.NO_TRUST, host=host)
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return ProviderError(ProviderCode.PROXY, host=host)
    if isinstance(error, requests.exceptions.Timeout):
        return ProviderError(ProviderCode.SLOW, host=host, seconds=bounds.PROVIDER_ANSWER_S)
    if isinstance(error, requests.RequestException | OSError | ValueError | HTTPException):
        return ProviderError(ProviderCode.UNREACHABLE, host=host)
    return error
