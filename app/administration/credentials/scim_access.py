"""This module decides whether a SCIM request may proceed, by its IP address and its bearer token."""

from typing import NamedTuple

from app.administration.credentials.bearer_token_check import Bearer, judge_bearer
from app.administration.ip_allow_list import enforcement
from app.administration.ip_allow_list.enforcement import SourcePolicy
from app.store.database import directory_database


class Access(NamedTuple):
    """The current IP allow list, and the verified bearer token; of an IP address that is not allowed it is invalid."""

    policy: SourcePolicy
    bearer: Bearer


def judge(token: str, address: str) -> Access:
    """Judge a request by its token, "" for none, and its IP address. Raises UNAVAILABLE: such a request fails."""
    with directory_database.reading() as connection:
        policy = enforcement.read_policy(connection)
        bearer = judge_bearer(connection, token) if token and policy.allows(address) else Bearer()
        return Access(policy, bearer)
