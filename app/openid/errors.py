"""Everything that can go wrong with a provider, and the one sentence that an administrator reads about it.

A sentence is made of fixed words, of the administrator's own settings and of what has been checked letter by letter
(`safe_host`, `safe_error`). What a provider sent as text is never in it.
"""

import re
from enum import StrEnum
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9.\-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_ERROR = re.compile(r"[a-z_]{1,40}")
_ENTRA_ERROR = re.compile(r"\bAADSTS[0-9]{4,7}\b")

ENTRA_HINTS = {
    "AADSTS7000215": "The client secret is wrong: copy the secret's Value from Entra, not its Secret ID.",
    "AADSTS7000222": "The client secret has expired: make a new one in Entra and store its Value here.",
    "AADSTS50011": "The redirect address is not registered: add it in Entra under Authentication, as it is shown.",
    "AADSTS700016": "Entra does not know this client ID in this tenant: copy the Application (client) ID again.",
    "AADSTS90002": "Entra does not know this tenant: copy the Directory (tenant) ID again.",
    "AADSTS54005": "The code was used before: begin the sign-in again.",
    "AADSTS70008": "The code was used too late: begin the sign-in again.",
}
"""What to do about the errors that are met most, by Entra's own numbers."""


class Code(StrEnum):
    """What went wrong, in kebab case, and the sentence for it. The one list of them."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> "Code":
        one = str.__new__(cls, code)
        one._value_ = code
        one.sentence = sentence
        return one

    # --- what an administrator typed
    BAD_ADDRESS = (
        "bad-address",
        "The provider's address must begin with https:// and name a host, without user, ? or #.",
    )
    BAD_TENANT = (
        "bad-tenant",
        "The tenant must be the Directory (tenant) ID from Entra, such as 00000000-0000-0000-0000-000000000000: "
        "a domain name, common, organizations and consumers do not say whose people may sign in.",
    )
    BAD_CLOUD = "bad-cloud", "This Microsoft cloud is not known here."
    BAD_CA_FILE = "bad-ca-file", "The file with further certificate authorities cannot be read as PEM certificates."

    # --- the way to the provider
    UNREACHABLE = "unreachable", "There is no connection to {host}: check its name, the network and the proxy."
    NO_TRUST = (
        "no-trust",
        "The connection to {host} is not trusted: its certificate is not valid for this name, "
        "or comes from an authority that is not known here.",
    )
    PROXY = "proxy", "The proxy gave no connection to {host}: check HTTPS_PROXY and what the proxy allows."
    SLOW = "slow", "{host} did not answer completely within {seconds} seconds."
    TOO_LARGE = "too-large", "The {what} is larger than {size} bytes."
    REDIRECT = "redirect", "The {what} was answered with a redirect, and none is followed: enter the final address."
    HTTP_STATUS = "http-status", "The {what} was answered with status {status}."
    NOT_JSON = "not-json", "The {what} is not a JSON object."

    # --- the discovery document and the keys
    ISSUER_DIFFERS = (
        "issuer-differs",
        "The discovery document belongs to another issuer: enter the issuer exactly as the provider writes it, "
        "also with or without a slash at its end.",
    )
    BAD_ENDPOINT = "bad-endpoint", "The discovery document has no usable https address as its {what}."
    OTHER_HOST = "other-host", "The discovery document's {what} is on another host than the issuer."
    NO_CLIENT_AUTH = (
        "no-client-auth",
        "The provider takes a client secret neither as client_secret_basic nor as client_secret_post.",
    )
    BAD_KEYS = "bad-keys", "The provider's list of keys cannot be used: it has no list, or one that is too long."
    UNKNOWN_KEY = "unknown-key", "The token is signed with a key that the provider does not publish."

    # --- what it signed
    MALFORMED = "malformed", "The token does not have the form that it must have ({what})."
    ALG_REFUSED = "alg-refused", "The token is signed in a way that is not accepted here."
    BAD_SIGNATURE = "bad-signature", "The token's signature is wrong."
    EXPIRED = "expired", "The token has expired: begin again, and check that the clock of this machine is right."
    NOT_YET = "not-yet", "The token is not valid yet: check that the clock of this machine is right."
    TOO_LONG_LIVED = "too-long-lived", "The token is valid for longer than is accepted here."
    WRONG_ISSUER = "wrong-issuer", "The token comes from another issuer."
    WRONG_AUDIENCE = "wrong-audience", "The token was made for another application."
    WRONG_TENANT = "wrong-tenant", "The token comes from another tenant."
    WRONG_SUBJECT = "wrong-subject", "The token belongs to another application of the issuer."
    WRONG_NONCE = "wrong-nonce", "The token belongs to another sign-in: begin again."
    SIGNED_IN_LONG_AGO = (
        "signed-in-long-ago",
        "The provider did not ask for a fresh sign-in: sign out there, begin again.",
    )
    NO_IDENTIFIER = "no-identifier", "The token has no identifier (jti), so its repetition could not be seen."

    # --- the flow
    WRONG_STATE = "wrong-state", "The answer belongs to another sign-in, or to none: begin again."
    SIGN_IN_REFUSED = "sign-in-refused", "The provider refused the sign-in ({error}). {hint}"
    NO_CODE = "no-code", "The provider sent no usable code."
    TOKEN_REFUSED = "token-refused", "The provider refused the token ({error}). {hint}"
    NO_ID_TOKEN = "no-id-token", "The provider sent no ID token: the scope openid must be allowed for this application."


class ProviderError(Exception):
    """One sentence for the administrator; `code` tells programs what it is about."""

    def __init__(self, code: Code, **values: object) -> None:
        super().__init__(code.sentence.format(**values).strip())
        self.code = code
        self._values = values

    def again(self) -> "ProviderError":
        """The same, to be raised by another thread."""
        return ProviderError(self.code, **self._values)


def safe_host(address: str) -> str:
    """The host of an address, for a sentence; "the provider" where it has none that can be shown."""
    try:
        host = urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return "the provider"
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        host = name
    return host if _HOST.fullmatch(host) else "the provider"


def safe_error(error: object, description: object) -> tuple[str, str]:
    """An OAuth error as (what may be shown of it, what to do about it)."""
    shown = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no known reason"
    found = _ENTRA_ERROR.search(description) if isinstance(description, str) else None
    if found is None:
        return shown, ""
    return f"{shown}, {found[0]}", ENTRA_HINTS.get(found[0], "")
