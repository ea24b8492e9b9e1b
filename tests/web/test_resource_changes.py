"""The keys of a resource in the request log are the same whether they are hashed at once or later."""

import json

from app import bounds
from app.provisioning.resource_queries import Resource
from app.scim.projection import compact
from app.scim.resource_types import USER
from app.store.directory.stored_resource import Record
from app.web.request_log import resource_changes
from app.web.request_log.record_draft import Draft

ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def read(title: str) -> Draft:
    document = {"schemas": [USER.schema.urn], "id": ID, "externalId": "7", "userName": "Ada@x.example", "title": title}
    record = Record(ID, "User", 1, compact(document), 1, "", "", groups="")
    draft = Draft()
    resource_changes.record_target(draft, "GET", USER, ID)
    resource_changes.record_result(draft, Resource(USER, record))
    assert draft.resource_name == "Ada@x.example"
    assert record.known_content is None
    return draft


def test_only_the_keys_of_a_long_document_are_hashed_in_the_request() -> None:
    short, long = read("Countess"), read("C" * bounds.HASHED_LATER_LENGTH)
    assert isinstance(long.objects, tuple)
    assert not isinstance(short.objects, tuple)
    document = {"id": ID, "externalId": "7", "userName": "Ada@x.example"}
    expected = tuple(resource_changes.objects_of(USER, json.loads(json.dumps(document))))
    assert tuple(short.objects) == tuple(short.objects) == long.objects == expected
    assert len(expected) == 3
