"""This module signs and reads paging cursors (RFC 9865 §2).

The server stores nothing for them.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from flask import current_app
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from app import bounds
from app.scim.errors import Code, ScimError, shown
from app.scim.resource_types import ResourceType
from app.scim.search_request import Place, Search
from app.web.scim import query_parameters

_BOUND = ("filter", "sortBy", "sortOrder")


class Query:
    """One list query of a client, whose cursors are invalid for any other list, filter or order.

    The query is part of the salt, so the signature of another query's cursor does not match.
    """

    def __init__(self, types: tuple[ResourceType, ...], parameters: Mapping[str, str]) -> None:
        self.parameters = parameters
        bound = [[one.name for one in types], *(parameters.get(name, "") for name in _BOUND)]
        self.salt = "cursor " + json.dumps(bound)

    @property
    def _serializer(self) -> URLSafeTimedSerializer:
        assert current_app.secret_key is not None
        return URLSafeTimedSerializer(current_app.secret_key, salt=self.salt)

    def cursor(self, place: Place, count: int) -> str:
        """Return the cursor of a place, in unreserved characters of a URL."""
        return str(self._serializer.dumps([place.key, place.position, count]))

    def by_cursor(self, search: Search) -> Search:
        """Return the search from the place of the client's cursor; an empty cursor means the beginning of the list.

        The page size is that of the first page. Raises invalidCursor, expiredCursor, invalidCount.
        """
        count = self._count()
        token = self.parameters["cursor"]
        if not token:
            return replace(search, start_index=None, count=bounds.PAGE_SIZE if count is None else count)
        try:
            key, position, first_count = self._serializer.loads(token, max_age=bounds.CURSOR_S)
        except SignatureExpired:
            expected = f"one that is at most {bounds.CURSOR_S} seconds old; begin anew"
            raise ScimError(Code.EXPIRED_CURSOR, "cursor", expected) from None
        except BadData:
            expected = "nothing, or the nextCursor of the same query's answer before"
            raise ScimError(Code.INVALID_CURSOR, "cursor", expected) from None
        if count not in (None, first_count):
            raise ScimError(Code.INVALID_COUNT, "count", f"{first_count} as on the first page", count)
        return replace(search, start_index=None, count=first_count, after=Place(key, position))

    def _count(self) -> int | None:
        """Return the `count` of the query; None without one.

        By cursor, a `count` above the maximum is refused (RFC 9865 §2.4); a negative one is 0 (§2), as by index.
        """
        count = query_parameters.whole(self.parameters, "count")
        if count is not None and count > bounds.PAGE_SIZE_MAXIMUM:
            raise ScimError(Code.INVALID_COUNT, "count", f"0 to {bounds.PAGE_SIZE_MAXIMUM}", shown(count))
        return None if count is None else max(count, 0)
