"""A provider that signs people in: honest by itself, and hostile in one way at a time when it is told to.

    authority = Authority(folder)
    with SigningProvider(authority).running() as provider: ...
    with SigningProvider(authority, tenant=TENANT).running() as entra, entra.proxy() as proxy: ...

The second stands as login.microsoftonline.com for whoever goes through `proxy.url` (HTTPS_PROXY) and trusts
`authority.ca_file`. It knows nothing of ours: no module of the appliance is imported here.
"""

import base64
import gzip
import hashlib
import hmac
import html
import json
import secrets
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.openid.certificates import Authority
from tests.openid.wires import Proxy, Server, serving

ENTRA_HOST = "login.microsoftonline.com"
TENANT = "6f0f2c1e-95a4-4d4e-8f43-0a6f5d3c9b21"
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT_ID = "0b9a7c52-6f3e-4c1a-9d55-7e1f1c2d3e4f"
CLIENT_SECRET = "q8Q~a secret/of+the client"
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
STRANGER_KEY = RSAKey.generate_key(2048, {"kid": "first"})
ED_KEY = OKPKey.generate_key("Ed25519", {"kid": "edwards", "use": "sig"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})

Reply = tuple[int, dict[str, str], bytes]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(claims: Any, key: Any = KEY, algorithm: str = "RS256", **header: Any) -> str:
    """An honest signature over whatever claims; `header` adds to the header, None takes away. Text goes as it is."""
    head = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **header}
    head = {name: value for name, value in head.items() if value is not None}
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    if "crit" in head:  # joserfc would refuse to make it
        return _by_hand(head, payload, key)
    with warnings.catch_warnings():
        if algorithm == "EdDSA":
            warnings.simplefilter("ignore", SecurityWarning)
        return jws.serialize_compact(head, payload, key, registry=registry)


def _by_hand(head: Any, payload: str, key: Any) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    start = f"{encoded(json.dumps(head).encode())}.{encoded(payload.encode())}"
    return f"{start}.{encoded(key.private_key.sign(start.encode(), PKCS1v15(), hashes.SHA256()))}"


def unsigned(claims: dict[str, Any]) -> str:
    head = encoded(json.dumps({"alg": "none", "kid": "first"}).encode())
    return f"{head}.{encoded(json.dumps(claims).encode())}."


def signed_with_public_key(claims: dict[str, Any], key: Any = KEY) -> str:
    """HS256 whose secret is what everybody knows: the old confusion."""
    head = encoded(json.dumps({"alg": "HS256", "kid": key.kid}).encode())
    start = f"{head}.{encoded(json.dumps(claims).encode())}"
    public = key.as_pem(private=False)
    return f"{start}.{encoded(hmac.digest(public, start.encode(), hashlib.sha256))}"


class SigningProvider:
    """Everything about it can be set while it runs.

    user            claims of the one who signs in, beside the protocol's own
    shows_page      the authorize endpoint shows a page with one link instead of sending back at once
    says_when_asked auth_time is in the ID token where max_age was asked for (OpenID Connect Core §2), and only there
    refuses         an OAuth error that authorize sends back instead of a code
    claims_change   the last word about the claims of an ID token
    sign            how the claims become a token
    keys            what is published; `signing_key` signs
    document_change the last word about the discovery document
    token_change    the last word about the token endpoint's answer (status, object)
    faults          by endpoint ("discovery", "jwks", "token", …) a function that answers instead: see `Faults`
    asked           every request as (endpoint, headers)
    now             the provider's clock, seconds since 1970
    """

    def __init__(self, authority: Authority, tenant: str = "", host: str = ENTRA_HOST) -> None:
        self.authority = authority
        self.tenant = tenant
        self.host = host
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET
        self.redirect_uris: set[str] | None = None
        self.user: dict[str, Any] = {
            "sub": "ada-subject",
            "name": "Ada Lovelace",
            "preferred_username": "ada@example.org",
        }
        if tenant:
            self.user |= {"oid": "8c1d3a8e-6d15-4f0e-b5a7-0d9c5a2f4e11", "tid": tenant}
        self.signing_key: Any = KEY
        self.keys: list[Any] = [KEY.as_dict(private=False)]
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: sign(claims, self.signing_key)
        self.claims_change: Callable[[dict[str, Any]], Any] = lambda claims: claims
        self.document_change: Callable[[dict[str, Any]], Any] = lambda document: document
        self.token_change: Callable[[int, dict[str, Any]], tuple[int, dict[str, Any]]] = lambda *one: one
        self.faults: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.now: Callable[[], float] = time.time
        self.shows_page = False
        self.refuses = ""
        self.says_when_asked = False
        self.codes: dict[str, dict[str, str]] = {}
        self.port = 0

    @property
    def issuer(self) -> str:
        return f"https://{self.host}/{self.tenant}/v2.0" if self.tenant else f"https://127.0.0.1:{self.port}/realm"

    @property
    def base(self) -> str:
        return self.issuer.removesuffix("/v2.0")

    @property
    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.base}/oauth2/v2.0/token",
            "jwks_uri": f"{self.base}/discovery/v2.0/keys",
            "end_session_endpoint": f"{self.base}/oauth2/v2.0/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def count(self, endpoint: str) -> int:
        return sum(name == endpoint for name, _ in self.asked)

    def claims(self, **more: Any) -> dict[str, Any]:
        """What an honest token of this moment says; a claim that is None is left out."""
        now = int(self.now())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "nbf": now, "exp": now + 3600, **self.user}
        return {name: value for name, value in {**claims, **more}.items() if value is not None}

    @contextmanager
    def running(self) -> Iterator["SigningProvider"]:
        context = self.authority.server_context("127.0.0.1", "localhost", self.host)
        with serving(Server(_handler(self), context)) as server:
            self.port = server.port
            yield self

    @contextmanager
    def proxy(self) -> Iterator[Proxy]:
        """A proxy that leads Entra's name to this provider."""
        with Proxy({self.host: self.port, "127.0.0.1": self.port}).running() as proxy:
            yield proxy

    # --- the endpoints: each gives (status, headers, body)

    def discovery(self, _: dict[str, str], __: dict[str, str]) -> Reply:
        return _json(200, self.document_change(self.document))

    def jwks(self, _: dict[str, str], __: dict[str, str]) -> Reply:
        return _json(200, {"keys": self.keys})

    def authorize(self, sent: dict[str, str], _: dict[str, str]) -> Reply:
        back = sent.get("redirect_uri", "")
        is_known = self.redirect_uris is None or back in self.redirect_uris
        if sent.get("client_id") != self.client_id or not is_known or sent.get("response_type") != "code":
            return 400, {"Content-Type": "text/plain"}, b"unknown client or redirect address"
        if self.refuses:
            answer = {"error": self.refuses, "state": sent["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = sent
            answer = {"code": code, "state": sent["state"]}
        address = f"{back}?{urlencode(answer)}"
        if self.shows_page:
            name = html.escape(str(self.user.get("name")))
            link = f'<a id="sign-in" href="{html.escape(address)}">Sign in as {name}</a>'
            page = f'<!doctype html><html lang="en"><title>Provider</title><h1>Provider of a test</h1>{link}</html>'
            return 200, {"Content-Type": "text/html; charset=utf-8"}, page.encode()
        return 302, {"Location": address}, b""

    def token(self, sent: dict[str, str], headers: dict[str, str]) -> Reply:
        status, answer = self._token(sent, headers)
        return _json(*self.token_change(status, answer))

    def _token(self, sent: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        shown = (sent.get("client_id"), sent.get("client_secret"))
        if headers.get("authorization", "").startswith("Basic "):
            name, _, secret = base64.b64decode(headers["authorization"][6:]).decode().partition(":")
            shown = (unquote_plus(name), unquote_plus(secret))
        if shown != (self.client_id, self.client_secret):
            text = "AADSTS7000215: Invalid client secret provided. <b>Ensure</b> it is the secret value."
            return 401, {"error": "invalid_client", "error_description": text}
        asked = self.codes.pop(sent.get("code", ""), None)
        if sent.get("grant_type") != "authorization_code" or asked is None:
            return 400, {"error": "invalid_grant", "error_description": "AADSTS54005: redeemed already"}
        challenge = encoded(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        is_right = asked.get("code_challenge") == challenge and asked.get("code_challenge_method") == "S256"
        if not is_right or asked["redirect_uri"] != sent.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "AADSTS501481: verifier or redirect address"}
        times = {"auth_time": int(self.now())} if self.says_when_asked and "max_age" in asked else {}
        claims = self.claims_change(self.claims(nonce=asked.get("nonce"), **times))
        token = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 3600}
        return 200, {**token, "id_token": self.sign(claims), "scope": asked.get("scope")}

    def logout(self, sent: dict[str, str], _: dict[str, str]) -> Reply:
        if back := sent.get("post_logout_redirect_uri"):
            return 302, {"Location": back}, b""
        return 200, {"Content-Type": "text/html; charset=utf-8"}, b"<!doctype html><title>Signed out</title>Signed out"


ENDPOINTS = {
    "openid-configuration": "discovery",
    "keys": "jwks",
    "authorize": "authorize",
    "token": "token",
    "logout": "logout",
}


def _json(status: int, answer: Any) -> Reply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return status, {"Content-Type": "application/json", "Set-Cookie": "kept=1; Path=/"}, body


def _handler(provider: SigningProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True  # head and body are two packets: the second would wait 40 ms for an answer

        def do_GET(self) -> None:  # noqa: N802
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:  # noqa: N802
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def _answer(self, form: str) -> None:
            endpoint = ENDPOINTS.get(urlsplit(self.path).path.rpartition("/")[2], "")
            headers = {name.lower(): value for name, value in self.headers.items()}
            provider.asked.append((endpoint, headers))
            if fault := provider.faults.get(endpoint):
                self.close_connection = True
                fault(self)
                return
            sent = {name: values[0] for name, values in parse_qs(form).items()}
            found = getattr(provider, endpoint)(sent, headers) if endpoint else (404, {}, b"")
            reply(self, *found)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def reply(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Faults:
    """What an endpoint can do instead of answering: `provider.faults["jwks"] = Faults.hangs`."""

    @staticmethod
    def hangs(handler: BaseHTTPRequestHandler) -> None:
        handler.server.stopping.wait(60)  # type: ignore[attr-defined]

    @staticmethod
    def closes(handler: BaseHTTPRequestHandler) -> None:
        pass

    @staticmethod
    def trickles_head(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        Faults._trickle(handler)

    @staticmethod
    def trickles_body(handler: BaseHTTPRequestHandler) -> None:
        """A good answer, complete after ten seconds."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 202\r\n\r\n{")
        Faults._trickle(handler, 200)
        handler.wfile.write(b"}")

    @staticmethod
    def _trickle(handler: BaseHTTPRequestHandler, pieces: int = 10_000) -> None:
        for _ in range(pieces):
            if handler.server.stopping.wait(0.05):  # type: ignore[attr-defined]
                break
            handler.wfile.write(b" ")

    @staticmethod
    def is_endless(handler: BaseHTTPRequestHandler) -> None:
        """100 MB of JSON."""
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100000002\r\n\r\n"')
        for _ in range(1000):
            handler.wfile.write(b"x" * 100_000)

    @staticmethod
    def is_bomb(handler: BaseHTTPRequestHandler) -> None:
        """A few kilobytes that become many megabytes."""
        body = gzip.compress(b'{"issuer": "' + b"x" * 20_000_000 + b'"}')
        reply(handler, 200, {"Content-Encoding": "gzip", "Content-Type": "application/json"}, body)

    @staticmethod
    def replies(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
        return lambda handler: reply(handler, status, headers, body)


def trusting(authority: Authority) -> ssl.SSLContext:
    """The client's side of TLS for a test's own visits to the provider."""
    return ssl.create_default_context(cafile=str(authority.ca_file))
