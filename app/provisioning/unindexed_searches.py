"""This module limits how many searches read each resource of a large type at the same time.

Each takes a processor for as long as the type is large, and all other readers would wait for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from app import bounds
from app.administration.concurrency_limit import Limits, Places
from app.scim.errors import unavailable
from app.scim.search_request import Search
from app.store.database import directory_database
from app.store.directory import resource_counts

_places = Places(
    lambda: Limits(
        bounds.UNINDEXED_SEARCHES_AT_ONCE, bounds.UNINDEXED_SEARCHES_WAITING, bounds.UNINDEXED_SEARCH_WAIT_S
    ),
    lambda: unavailable("Too many searches without an index are in progress"),
)


@contextmanager
def limited(search: Search) -> Iterator[None]:
    """Hold a place while a search reads each resource of a large type. Raises UNAVAILABLE if none becomes free."""
    if _is_large(search):
        with _places.taken():
            yield
    else:
        yield


def _is_large(search: Search) -> bool:
    names = {name for name, _ in search.unindexed}
    if not names:
        return False
    with directory_database.reading() as connection:
        counts = resource_counts.count_all(connection)
    return sum(counts[name].total for name in names) > bounds.UNINDEXED_RESOURCES
