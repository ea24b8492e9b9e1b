"""This module verifies the bearer token of a SCIM request: a SCIM Key or an access token."""

from dataclasses import dataclass

from app.administration.credentials.access_tokens import judge_token, note_token_use
from app.administration.credentials.key_last_use import note_key_use
from app.administration.credentials.scim_keys import judge_key
from app.administration.credentials.secret_format import ACCESS_TOKEN
from app.request_record import KeyFault
from app.store.database.directory_database import Connection


@dataclass(frozen=True, slots=True)
class Bearer:
    """The result of verifying a bearer token. `author` is `key 1a2b3c4d`, `client 1a2b3c4d5e6f`, or "" if invalid.

    `id`: of the key or client, also of a revoked one. `credential`: what was used, for `note_use`.
    """

    author: str = ""
    id: str = ""
    credential: str = ""
    fault: KeyFault = ""

    @property
    def is_valid(self) -> bool:
        return bool(self.author)

    @property
    def may_expire(self) -> bool:
        """Whether it is valid only for some time, as an access token is."""
        return not self.author.startswith("key ")

    @property
    def has_expired(self) -> bool:
        """Whether it is an expired access token, which its client can replace."""
        return self.fault == "expired"


def judge_bearer(connection: Connection, text: str) -> Bearer:
    """Verify a bearer token. Accepts any text."""
    if text[: len(ACCESS_TOKEN.beginning)].lower() == ACCESS_TOKEN.beginning:
        token, fault = judge_token(connection, text)
        if token is None:
            return Bearer(fault=fault)
        return Bearer("" if fault else f"client {token.client_id}", token.client_id, token.credential, fault)
    key, fault = judge_key(connection, text)
    return Bearer("" if fault else f"key {key.id}", key.id, key.id, fault) if key else Bearer(fault=fault)


def note_use(bearer: Bearer, address: str, *, is_simulated: bool = False) -> None:
    """Store the last use of a bearer token from this IP address, at most once a minute. Never raises.

    The last use of a key by a simulation is stored separately. A simulation with an access token is not stored.
    """
    if not bearer.author.startswith("client "):
        note_key_use(bearer.credential, address, is_simulated=is_simulated)
    elif not is_simulated:
        note_token_use(bearer.credential, address)
