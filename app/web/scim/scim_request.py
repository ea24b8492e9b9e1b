"""This module reads a SCIM request that has a valid key, whether Flask received it or hot_routes.py did."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.provisioning.resource_operations import Author
from app.scim.errors import Code, ScimError, shown
from app.scim.json_body import examine_json
from app.scim.precondition import NONE, Precondition
from app.scim.projection import EVERYTHING, Selection
from app.scim.resource_types import ResourceType
from app.web.request_log.record_draft import Draft
from app.web.scim import query_parameters

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(slots=True)
class ScimRequest:
    """A SCIM request. `base` is the public URL of the requested root, `actor` the key or client that sent it.

    `read` returns the bytes of the body, and `media_type` is that of the body, without parameters, in lower case.
    `generation` is that of a key that was judged without the database (scim_access.recall); None: it is judged.
    """

    method: str
    base: str
    query: str
    draft: Draft
    actor: str = ""
    media_type: str = ""
    read: Callable[[], bytes] = bytes
    precondition: Precondition = NONE
    generation: int | None = None

    def body(self) -> Any:
        """Return the JSON of the body, with any media type except a form's: Entra and others send several, or none.

        Raises ScimError for a form and for invalid JSON.
        """
        if self.media_type in FORM_TYPES:
            raise ScimError(Code.UNSUPPORTED_MEDIA, "Content-Type", "application/scim+json", shown(self.media_type))
        draft = self.draft
        draft.body = self.read()
        draft.sent_bytes = len(draft.body)
        draft.sent, fault = examine_json(draft.body)
        if fault is not None:
            raise fault
        return draft.sent

    def parameters(self) -> dict[str, str]:
        """Return the SCIM parameters of the query. Raises invalidValue."""
        return query_parameters.of_get(self.query)

    def selection_of_read(self, resource_type: ResourceType) -> Selection:
        """Return the attributes of one resource that the request selects."""
        return query_parameters.selection_of(resource_type, self.parameters())

    def selection_of_change(self, resource_type: ResourceType) -> Selection:
        """Return the attributes for the response to a change; all of them if the query is invalid.

        The query does not affect the change, which might disable a user, so an invalid query refuses none.
        """
        try:
            return self.selection_of_read(resource_type)
        except ScimError:
            return EVERYTHING

    def author(self) -> Author:
        """Return the author of a change: this request, with its key or client."""
        return Author(self.draft.number, self.actor, self.draft.is_marked, self.generation)
