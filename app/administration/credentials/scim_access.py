"""This module decides whether a SCIM request may proceed, by its IP address and its bearer token."""

from typing import NamedTuple

from app.administration.credentials.bearer_token_check import Bearer, judge_bearer
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

    It may be outdated, so the operation has to require its `generation`.
    """
    try:
        return _judge(Recollection(directory_database.file.memory), token, address)
    except NotRemembered:
        return None


def _judge(connection: Connection, token: str, address: str) -> Access:
    policy = enforcement.read_policy(connection)
    bearer = judge_bearer(connection, token) if token and policy.allows(address) else Bearer()
    return Access(policy, bearer, number_of(connection))
