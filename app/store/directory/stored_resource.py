"""This module declares a stored resource as it is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.scim.document_text import name_in
from app.scim.resource_types import name_of
from app.store.directory.tables import resource

COLUMNS = tuple(
    resource.c[name]
    for name in ("id", "type", "position", "document", "version", "created", "last_modified", "members", "filled")
)


@dataclass(slots=True)  # frozen, it would take three times as long to create
class Record:
    """A stored resource. `document` is the JSON text that is sent, without `meta` and values from memberships.

    `created` and `last_modified` are in the form of `app.clock.to_wire`; `members` is how many a group has, `filled` is
    that of `tables.resource`. `groups` is JSON text without brackets, the values of a user's `groups`; "" for none,
    None if they were not read along.
    """

    id: str
    type: str
    position: int
    document: str
    version: int
    created: str
    last_modified: str
    members: int = 0
    filled: int = 0
    groups: str | None = field(default=None, compare=False)
    known_content: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> Mapping[str, Any]:
        """The document as a read-only object, parsed once, when it is first read."""
        if self.known_content is None:
            self.known_content = json.loads(self.document)
        return self.known_content

    @property
    def name(self) -> str:
        """The name of the resource; the document is not parsed for it."""
        return name_in(self.document) if self.known_content is None else name_of(self.known_content)


def to_record(row: Any) -> Record:
    """Return a row of `COLUMNS` as a Record."""
    return Record(*row)
