"""This module lists the IP addresses whose requests the allow list refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app import bounds
from app.scim.errors import Code
from app.store.request_log import log_database, request_rows
from app.store.request_log.request_rows import RequestFilter


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """An IP address, how many of its requests were refused, and the time (wire form) and request ID of the last one."""

    address: str
    count: int
    last: str
    number: str


def refused_sources(since: str) -> Sequence[RefusedSource]:
    """Return the refused addresses among the newest `bounds.REFUSALS_READ` refusals since a moment, newest first."""
    with log_database.reading() as connection:
        newest = request_rows.page(connection, RequestFilter(since=since, is_refused=True), limit=bounds.REFUSALS_READ)
    by_address: dict[str, RefusedSource] = {}
    for one in newest:
        if one.error_code is Code.SOURCE_REFUSED:
            last = by_address.get(one.address, RefusedSource(one.address, 0, one.at, one.number))
            by_address[one.address] = replace(last, count=last.count + 1)
    return list(by_address.values())
