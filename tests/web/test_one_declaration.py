"""One more line in a schema class, and everything knows the attribute, as CONTRIBUTING.md promises."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.administration.accounts import administrators, password_sign_in
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.scim import custom_schemas
from app.scim.data_types import Text
from app.scim.fields import attribute
from app.scim.resource_types import GROUP, USER
from app.scim.schemas import UserSchema
from app.settings import Settings
from app.store.database import directory_database
from app.store.request_log import log_database_file
from app.web.request_log import middleware
from tests.cheap import make_database

PASSWORD = "a blue kettle sings"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class MoreUserSchema(UserSchema):
    """User with one attribute more."""

    cupColor = attribute(Text, "The color of the cup", max_length=20)  # noqa: N815


class Caller:
    """A client with a key, and an administrator who is signed in, on one application in this process."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self.client = client
        self.key = key

    def scim(self, method: str, path: str, body: Any = None) -> Any:
        """Return the status and the document of an answer."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/scim+json"}
        sent = None if body is None else json.dumps(body)
        answer = self.client.open(f"/scim{path}", method=method, headers=headers, data=sent)
        return answer.status_code, json.loads(answer.text)

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    more = replace(USER, schema=MoreUserSchema)
    monkeypatch.setattr(custom_schemas, "read", lambda _folder: (more, GROUP))
    settings = Settings(tmp_path, ("127.0.0.1", 7644))
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    app = create_app(settings)
    client = app.test_client()
    with app.app_context():
        administrators.create_operator("olga", PASSWORD, HOST)
        client.set_cookie("recnice_session", password_sign_in.sign_in("olga", PASSWORD, Browser("127.0.0.1")))
        key = scim_keys.create_key("", HOST).text
    yield Caller(client, key)
    middleware.of(app).recorder.close()
    with app.app_context():
        directory_database.file.close()


def test_an_attribute_is_declared_in_one_place(caller: Caller):
    status, refused = caller.scim("POST", "/Users", {"userName": "ana", "cupColor": {"hue": 1}})
    assert status == 400 and "cupColor" in refused["detail"], "validation: the type"
    status, refused = caller.scim("POST", "/Users", {"userName": "ana", "cupColor": "x" * 21})
    assert status == 400 and "cupColor" in refused["detail"], "validation: the length"
    status, ana = caller.scim("POST", "/Users", {"userName": "ana", "CUPCOLOR": "Blue"})
    assert (status, ana["cupColor"]) == (201, "Blue")

    _, schema = caller.scim("GET", f"/Schemas/{UserSchema.urn}")
    [described] = [one for one in schema["attributes"] if one["name"] == "cupColor"]
    assert (described["type"], described["description"]) == ("string", "The color of the cup")

    for wanted, count in (('cupcolor eq "BLUE"', 1), ("cupColor pr", 1), ('cupColor sw "R"', 0)):
        assert caller.scim("GET", f"/Users?filter={quote(wanted)}")[1]["totalResults"] == count, wanted
    assert caller.scim("GET", "/Users?sortBy=cupColor")[0] == 200

    change = {"op": "replace", "path": "cupColor", "value": "Red"}
    status, changed = caller.scim("PATCH", f"/Users/{ana['id']}", {"schemas": [PATCH], "Operations": [change]})
    assert (status, changed["cupColor"]) == (200, "Red")
    change = {"op": "replace", "value": {"cupColor": "x" * 21}}
    assert caller.scim("PATCH", f"/Users/{ana['id']}", {"schemas": [PATCH], "Operations": [change]})[0] == 400

    assert caller.scim("GET", f"/Users/{ana['id']}?attributes=cupColor")[1].keys() == {"schemas", "id", "cupColor"}
    assert "cupColor" not in caller.scim("GET", f"/Users/{ana['id']}?excludedAttributes=cupColor")[1]

    now, history = (caller.page(f"/users/{ana['id']}{tab}") for tab in ("", "?tab=history"))
    assert "cupColor" in now and "Red" in now
    assert "cupColor" in history and "Blue" in history and "Red" in history
