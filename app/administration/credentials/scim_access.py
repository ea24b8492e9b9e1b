"""This module decides whether a SCIM request may proceed, by its IP address and its bearer token."""

from typing import NamedTuple

from app.administration.credentials.bearer_token_check import Bearer, judge_bearer
from app.administration.credentials.secret_hash import hash_secret
from app.administration.ip_allow_list import enforcement
from app.administration.ip_allow_list.enforcement import SourcePolicy
from app.store.database import directory_database
from app.store.database.directory_database import Connection
from app.store.database.remembered_reads import NotRemembered, Recollection, number_of


class Access(NamedTuple):
    """The IP allow list, and the verified bearer token; of an IP address that is not allowed it is invalid.

    `generation` is the number of the state in which they were read (app/store/database/remembered_reads.py).
    """

    policy: SourcePolicy
    bearer: Bearer
    generation: int


def judge(token: str, address: str) -> Access:
    """Judge a request by its token, "" for none, and its IP address. Raises UNAVAILABLE: such a request fails."""
    with directory_database.reading_once() as connection:
        return _judge(connection, token, address)


def recall(token: str, address: str) -> Access | None:
    """Return what `judge` would have returned in a recent state, without the database; None if that is not known.

    It may be outdated, so the operation has to require its `generation`. The access of a valid SCIM Key is remembered
    as a whole, by the hash of the key.
    """
    memory = directory_database.file.memory
    number, values = memory.pair
    key = recall, hash_secret(token)
    access: Access | None = values.get(key)
    if access is not None and access.policy.allows(address):
        return access
    try:
        access = _judge(Recollection(memory), token, address)
    except NotRemembered:
        return None
    if access.bearer.is_valid and not access.bearer.may_expire and access.generation == number:
        values[key] = access
    return access


def _judge(connection: Connection, token: str, address: str) -> Access:
    policy = enforcement.read_policy(connection)
    bearer = judge_bearer(connection, token) if token and policy.allows(address) else Bearer()
    return Access(policy, bearer, number_of(connection))
