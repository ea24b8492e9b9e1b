"""This module loads the values of a group's `members` and of a user's `groups`, as JSON text in portions.

See also: app/store/directory/membership_rows.py (the rows), app/scim/projection.py (what is sent of them).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from app import bounds
from app.scim.resource_types import ResourceType
from app.store.database.directory_database import Connection
from app.store.directory import membership_rows
from app.store.directory.stored_resource import Record


def load(connection: Connection, resource_type: ResourceType, records: Sequence[Record]) -> Mapping[str, Iterable[str]]:
    """Return the values of `members` or `groups`, whichever the resources of this type have, by the resources' ids."""
    if not resource_type.has_members:
        groups = membership_rows.groups_of(connection, [one.id for one in records])
        return {one.id: (groups[one.id],) if one.id in groups else () for one in records}
    kept = _Portions()
    return {one.id: kept.add(membership_rows.members_of(connection, one.id)) if one.members else () for one in records}


class _Portions:
    """Portions of JSON text, in a file if they are long: a response may have a million members.

    They are read in the transaction, and sent after it, since a slow client must not keep a transaction open.
    """

    def __init__(self) -> None:
        self.lines = SpooledTemporaryFile(bounds.ANSWER_IN_MEMORY_LENGTH)  # noqa: SIM115

    def __del__(self) -> None:
        self.lines.close()

    def add(self, portions: Iterable[str]) -> "_Slice":
        """Write some portions, and return them as something that can be iterated over again and again."""
        start = self.lines.tell()
        # JSON text has no line breaks.
        return _Slice(self, start, sum(1 for portion in portions if self.lines.write(f"{portion}\n".encode())))


@dataclass(frozen=True, slots=True)
class _Slice:
    """Some of the portions, from a place in the file on."""

    whole: _Portions
    start: int
    count: int

    def __iter__(self) -> Iterator[str]:
        self.whole.lines.seek(self.start)
        for _ in range(self.count):
            yield self.whole.lines.readline()[:-1].decode()
