"""The addresses whose requests were refused because the allow list has not got them.

Not here: the list (app/administration/sources.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app import bounds
from app.observation.kinds_of_access import is_from_elsewhere
from app.store import requests
from app.store.requests import Wanted


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """An address, how many of its requests were refused, and the last of them: when (wire form) and its number."""

    address: str
    count: int
    last: str
    number: str


def refused_sources(since: str) -> Sequence[RefusedSource]:
    """Those of the newest `bounds.REFUSALS_READ` refused requests since a moment, the last one first."""
    with requests.reading() as connection:
        newest = requests.page(connection, Wanted(since=since, is_refused=True), limit=bounds.REFUSALS_READ)
    found: dict[str, RefusedSource] = {}
    for one in newest:
        if is_from_elsewhere(one):
            last = found.get(one.address, RefusedSource(one.address, 0, one.at, one.number))
            found[one.address] = replace(last, count=last.count + 1)
    return list(found.values())
