"""This module declares the refusals of the token endpoint (RFC 6749 §5.2)."""

from collections.abc import Mapping
from enum import StrEnum

from app import bounds
from app.scim.errors import RETRY_AFTER_S

FORM = "application/x-www-form-urlencoded"
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RETRY = {"Retry-After": str(RETRY_AFTER_S)}


class TokenCode(StrEnum):
    """A reason why a client gets no token: HTTP status, OAuth's `error`, sentence, and headers of the response.

    No sentence depends on which clients exist, or repeats what was sent.
    """

    status: int
    error: str
    sentence: str
    headers: Mapping[str, str]

    def __new__(
        cls, code: str, status: int, error: str, sentence: str, headers: Mapping[str, str] | None = None
    ) -> "TokenCode":
        self = str.__new__(cls, code)
        self._value_ = code
        self.status, self.error, self.sentence, self.headers = status, error, sentence, headers or {}
        return self

    IN_URL = "in-url", 400, "invalid_request", "Expected the parameters in the body, not in the address"
    NO_FORM = "no-form", 400, "invalid_request", f"Expected a body of the type {FORM}"
    MALFORMED_FORM = "malformed-form", 400, "invalid_request", "The form cannot be read"
    REPEATED = "repeated", 400, "invalid_request", "Expected each parameter at most once"
    SEVERAL_PROOFS = "several-proofs", 400, "invalid_request", "Expected one way of client authentication, not several"
    NO_GRANT_TYPE = "no-grant-type", 400, "invalid_request", "Expected grant_type"
    OTHER_GRANT = "other-grant", 400, "unsupported_grant_type", f"Expected the grant type {CLIENT_CREDENTIALS}"
    NO_ASSERTION = (
        "no-assertion",
        400,
        "invalid_request",
        f"Expected client_assertion, and {JWT_BEARER} as client_assertion_type",
    )
    SEVERAL_CLIENTS = "several-clients", 400, "invalid_request", "Expected one client identifier, not two"
    UNREADABLE = "unreadable", 400, "invalid_request", "The request cannot be read"
    INVALID_CLIENT = (
        "invalid-client",
        401,
        "invalid_client",
        "Expected a client that is known here and its proof",
        {"WWW-Authenticate": 'Basic realm="Recnice SCIM", charset="UTF-8"'},
    )
    SOURCE_REFUSED = "source-refused", 403, "access_denied", "{detail}"
    NOT_ALLOWED = "not-allowed", 405, "invalid_request", "Expected POST", {"Allow": "POST, OPTIONS"}
    TOO_LARGE = "too-large", 413, "invalid_request", f"Expected at most {bounds.TOKEN_REQUEST_BYTES} bytes"
    TOO_OFTEN = "too-often", 429, "temporarily_unavailable", "Too many failures"
    INTERNAL = "internal", 500, "server_error", "The log tells more under the number {number}"
    SIGNER_AWAY = (
        "signer-away",
        503,
        "temporarily_unavailable",
        "What the assertion was signed with cannot be looked up just now",
        _RETRY,
    )
    UNAVAILABLE = "unavailable", 503, "temporarily_unavailable", "The service cannot use its database just now", _RETRY


class NoToken(Exception):  # noqa: N818
    """A refusal of a token request, with the values for its code's sentence."""

    def __init__(self, code: TokenCode, headers: Mapping[str, str] | None = None, **values: object) -> None:
        super().__init__(code.sentence.format(**values))
        self.code = code
        self.headers = {**code.headers, **(headers or {})}
