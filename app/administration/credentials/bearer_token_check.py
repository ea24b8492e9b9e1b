"""This module judges a bearer token of a SCIM request: a SCIM Key or an access token."""

from dataclasses import dataclass

from app.administration.credentials.access_tokens import judge_token, note_token_use
from app.administration.credentials.key_last_use import note_key_use
from app.administration.credentials.scim_keys import judge_key
from app.administration.credentials.secret_format import ACCESS_TOKEN
from app.request_record import KeyFault


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever shows it: `author` says on whose behalf they act (`key 1a2b3c4d`, `client 1a2b3c4d5e6f`), "" for nobody.

    `id`: of the key or client, told of a stopped one too. `credential`: what was used, for `note_use`.
    """

    author: str = ""
    id: str = ""
    credential: str = ""
    fault: KeyFault = ""

    @property
    def is_right(self) -> bool:
        return bool(self.author)

    @property
    def was_right(self) -> bool:
        """An access token that has ended was right once, and its client may fetch another."""
        return self.fault == "expired"


def judge_bearer(text: str) -> Bearer:
    """Whose a text is, or what is wrong with it. Any text may come."""
    if text[: len(ACCESS_TOKEN.beginning)].lower() == ACCESS_TOKEN.beginning:
        access = judge_token(text)
        author = f"client {access.client_id}" if access.is_right else ""
        return Bearer(author, access.client_id, access.credential, access.fault)
    verdict = judge_key(text)
    return Bearer(f"key {verdict.key.id}" if verdict.key else "", verdict.key_id, verdict.key_id, verdict.fault)


def note_use(bearer: Bearer, address: str, *, is_simulated: bool = False) -> None:
    """Remember that it was used now, from this address; at most one try a minute. Never raises.

    The use of a key by a simulation is kept apart. Of a token nothing is: when it was fetched, that was noted.
    """
    if not bearer.author.startswith("client "):
        note_key_use(bearer.credential, address, is_simulated=is_simulated)
    elif not is_simulated:
        note_token_use(bearer.credential, address)
