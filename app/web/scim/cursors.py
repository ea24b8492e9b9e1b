"""This module signs and reads paging cursors (RFC 9865 §2).

Nothing is kept on the server for them.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from flask import current_app
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from app import bounds
from app.scim import errors
from app.scim.errors import shown
from app.scim.resource_types import ResourceType
from app.scim.search_request import Place, Search
from app.web.scim import query_parameters

_BOUND = ("filter", "sortBy", "sortOrder")


class Query:
    """One list as a client asked for it, whose cursors fit no other list, filter or order.

    That is in the salt, so that the signature of another query's cursor is wrong.
    """

    def __init__(self, types: tuple[ResourceType, ...], given: Mapping[str, str]) -> None:
        self.given = given
        bound = [[one.name for one in types], *(given.get(name, "") for name in _BOUND)]
        self.salt = "cursor " + json.dumps(bound)

    @property
    def _serializer(self) -> URLSafeTimedSerializer:
        assert current_app.secret_key is not None
        return URLSafeTimedSerializer(current_app.secret_key, salt=self.salt)

    def cursor(self, place: Place, count: int) -> str:
        """The token of a place, in unreserved characters of a URL."""
        return str(self._serializer.dumps([place.key, place.position, count]))

    def by_cursor(self, search: Search) -> Search:
        """The search from the place that the client's cursor names, or with an empty one from the list's beginning.

        The size of the pages is that of the first. Raises invalidCursor, expiredCursor, invalidCount.
        """
        count = self._count()
        token = self.given["cursor"]
        if not token:
            return replace(search, start_index=None, count=bounds.PAGE_SIZE if count is None else count)
        try:
            key, position, first_count = self._serializer.loads(token, max_age=bounds.CURSOR_S)
        except SignatureExpired:
            raise errors.expired_cursor(bounds.CURSOR_S) from None
        except BadData:
            raise errors.invalid_cursor() from None
        if count not in (None, first_count):
            raise errors.invalid_count(f"expected {first_count} as on the first page, got {count}")
        return replace(search, start_index=None, count=first_count, after=Place(key, position))

    def _count(self) -> int | None:
        """By cursor too large a `count` is refused (RFC 9865 §2.4); a negative one is 0 (§2), as by index."""
        count = query_parameters.whole(self.given, "count")
        if count is not None and count > bounds.PAGE_SIZE_MAXIMUM:
            raise errors.invalid_count(f"expected 0 to {bounds.PAGE_SIZE_MAXIMUM}, got {shown(count)}")
        return None if count is None else max(count, 0)
