"""This module declares every error of a provider, with its text for administrators.

A sentence consists of fixed words, of the administrator's own settings and of strictly checked values (`safe_host`,
`safe_error`). It never contains other text from a provider.
"""

import re
from enum import Enum, StrEnum, auto
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
"""The fix for each of the most frequent errors, by Entra's own numbers."""


KEYS_AGAIN = (
    " The provider's keys were fetched less than a minute ago. If it has just changed them, this passes within a "
    "minute: try again then."
)
"""The text after the sentence about a token that newer keys may verify."""


class About(Enum):
    """The location of the fault.

    It is in a setting, here or at the provider, until an administrator changes it; in the provider or the connection to
    it at this moment, for every user; in one token; or in one sign-in.
    """

    SETTING = auto()
    PROVIDER = auto()
    TOKEN = auto()
    SIGN_IN = auto()


SETTING, PROVIDER, TOKEN, SIGN_IN = About


class ProviderCode(StrEnum):
    """The complete list of errors: each in kebab case, with its location and its sentence."""

    about: About
    sentence: str

    def __new__(cls, code: str, about: About, sentence: str) -> "ProviderCode":
        one = str.__new__(cls, code)
        one._value_ = code
        one.about = about
        one.sentence = sentence
        return one

    # --- settings of the administrator
    BAD_ADDRESS = (
        "bad-address",
        SETTING,
        "The provider's address must begin with https:// and name a host, without user, ? or #.",
    )
    BAD_TENANT = (
        "bad-tenant",
        SETTING,
        "The tenant must be the Directory (tenant) ID from Entra, such as 00000000-0000-0000-0000-000000000000: "
        "a domain name, common, organizations and consumers do not say whose people may sign in.",
    )
    BAD_CLOUD = "bad-cloud", SETTING, "This Microsoft cloud is not known here."
    BAD_CA_FILE = (
        "bad-ca-file",
        SETTING,
        "The file with further certificate authorities cannot be read as PEM certificates.",
    )

    # --- the connection to the provider
    UNREACHABLE = (
        "unreachable",
        PROVIDER,
        "There is no connection to {host}: check its name, the network and the proxy.",
    )
    NO_TRUST = (
        "no-trust",
        SETTING,
        "The connection to {host} is not trusted: its certificate is not valid for this name, "
        "or comes from an authority that is not known here.",
    )
    PROXY = "proxy", PROVIDER, "The proxy gave no connection to {host}: check HTTPS_PROXY and what the proxy allows."
    SLOW = "slow", PROVIDER, "{host} did not answer completely within {seconds} seconds."
    TOO_LARGE = "too-large", SETTING, "The {what} is larger than {size} bytes."
    REDIRECT = (
        "redirect",
        SETTING,
        "The {what} was answered with a redirect, and none is followed: enter the final address.",
    )
    HTTP_STATUS = "http-status", PROVIDER, "The {what} was answered with status {status}."
    NOT_JSON = "not-json", PROVIDER, "The {what} is not a JSON object."

    # --- the discovery document and the keys
    ISSUER_DIFFERS = (
        "issuer-differs",
        SETTING,
        "The discovery document belongs to another issuer: enter the issuer exactly as the provider writes it.",
    )
    BAD_ENDPOINT = "bad-endpoint", SETTING, "The discovery document has no usable https address as its {what}."
    OTHER_HOST = "other-host", SETTING, "The discovery document's {what} is on another host than the issuer."
    NO_CLIENT_AUTH = (
        "no-client-auth",
        SETTING,
        "The provider takes a client secret neither as client_secret_basic nor as client_secret_post.",
    )
    BAD_KEYS = (
        "bad-keys",
        SETTING,
        "The provider's list of keys cannot be used: it has no list, or one that is too long.",
    )
    NO_KEY = "no-key", SETTING, "The provider publishes no key that it could sign with in a way that is accepted here."

    # --- the signed token
    MALFORMED = "malformed", TOKEN, "The token does not have the form that it must have ({what})."
    UNKNOWN_KEY = "unknown-key", TOKEN, "The token is signed with a key that the provider does not publish."
    ALG_REFUSED = "alg-refused", TOKEN, "The token is signed in a way that is not accepted here."
    BAD_SIGNATURE = "bad-signature", TOKEN, "The token's signature is wrong."
    EXPIRED = "expired", TOKEN, "The token has expired: begin again, and check that the clock of this machine is right."
    NOT_YET = "not-yet", TOKEN, "The token is not valid yet: check that the clock of this machine is right."
    TOO_LONG_LIVED = "too-long-lived", TOKEN, "The token is valid for longer than is accepted here."
    WRONG_ISSUER = "wrong-issuer", TOKEN, "The token comes from another issuer."
    WRONG_AUDIENCE = "wrong-audience", TOKEN, "The token was made for another application."
    WRONG_TENANT = "wrong-tenant", TOKEN, "The token comes from another tenant."
    WRONG_SUBJECT = "wrong-subject", TOKEN, "The token belongs to another application of the issuer."
    WRONG_NONCE = "wrong-nonce", TOKEN, "The token belongs to another sign-in: begin again."
    SIGNED_IN_LONG_AGO = (
        "signed-in-long-ago",
        TOKEN,
        "The provider did not ask for a fresh sign-in: sign out there, begin again.",
    )
    NO_IDENTIFIER = "no-identifier", TOKEN, "The token has no identifier (jti), so its repetition could not be seen."

    # --- the flow
    WRONG_STATE = "wrong-state", SIGN_IN, "The answer belongs to another sign-in, or to none: begin again."
    SIGN_IN_REFUSED = "sign-in-refused", SIGN_IN, "The provider refused the sign-in ({error}). {hint}"
    NO_CODE = "no-code", SIGN_IN, "The provider sent no usable code."
    TOKEN_REFUSED = "token-refused", SIGN_IN, "The provider refused the token ({error}). {hint}"
    CLIENT_REFUSED = "client-refused", SETTING, "The provider does not accept this appliance ({error}). {hint}"
    NO_ID_TOKEN = (
        "no-id-token",
        SETTING,
        "The provider sent no ID token: the scope openid must be allowed for this application.",
    )


CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
"""The provider's errors for a wrong or expired client ID or secret, whichever user signs in (RFC 6749 §5.2)."""


class ProviderError(Exception):
    """One sentence for the administrator; `code` identifies the error for programs.

    `passes` means that the same request may succeed a minute later; a second sentence then says so.
    """

    def __init__(self, code: ProviderCode, passes: bool = False, **values: object) -> None:
        super().__init__(f"{code.sentence.format(**values).strip()}{KEYS_AGAIN if passes else ''}")
        self.code = code
        self.passes = passes
        self._values = values

    @property
    def about(self) -> About:
        """The location of the fault; a provider's status below 500 is not a temporary fault, except 408 and 429."""
        status = self._values.get("status")
        is_http = self.code is ProviderCode.HTTP_STATUS
        if is_http and isinstance(status, int) and status < 500 and status not in (408, 429):
            return About.SETTING
        return self.code.about

    def again(self) -> "ProviderError":
        """Return the same error, to be raised by another thread."""
        return ProviderError(self.code, self.passes, **self._values)


def safe_host(address: str) -> str:
    """Return the host of a URL, for a sentence; "the provider" if it has none that is safe."""
    try:
        host = urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return "the provider"
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        host = name
    return host if _HOST.fullmatch(host) else "the provider"


def safe_error(error: object, description: object) -> tuple[str, str]:
    """Return the safe part of an OAuth error, and the hint for it or ""."""
    shown = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no known reason"
    number = _ENTRA_ERROR.search(description) if isinstance(description, str) else None
    if number is None:
        return shown, ""
    return f"{shown}, {number[0]}", ENTRA_HINTS.get(number[0], "")
