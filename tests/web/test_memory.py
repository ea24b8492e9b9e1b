"""What a request held is freed when it ends, without the garbage collector, whatever it was refused for.

A refusal that is kept with its traceback holds the request in a circle, its whole body too.
"""

import gc
import json
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from app import bounds
from app.administration import audit
from app.administration.credentials import scim_keys
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.resource_types import USER
from app.web.request_log import middleware
from app.web.request_log.record_draft import Draft
from app.web.scim import resource_endpoints
from tests.conftest import wait_until

MARK = "a-name-that-only-these-bodies-have"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
NOBODY = "/scim/Users/6f9619ff-8b86-d011-b42d-00cf4fc964ff"
FALSE = {"op": "replace", "path": "active", "value": False}
WRONG = {"op": "replace", "path": "displayName", "value": [1, 2]}
MANY = [{}] * (bounds.VALUES_PER_ATTRIBUTE + 1)


class Mark:
    """Stands in the environment of a request, so that it is there as long as the request is."""


@dataclass
class World:
    """The application, a key, and the user Ada."""

    app: Flask
    key: str
    ada: str

    def ask(self, method: str, path: str, text: str) -> int:
        """Send a request with a mark in its environment and return the status. Nothing here keeps a part of it."""
        environ = create_environ(
            path.replace("{ada}", self.ada),
            "https://scim.recnice.example/sub",
            method=method,
            data=text.replace("{ada}", self.ada),
            headers={"Authorization": f"Bearer {self.key}", "Origin": "https://scim.recnice.example"},
        )
        environ["mark"] = Mark()
        return Context().run(self._status, environ)

    def _status(self, environ: dict[str, Any]) -> int:
        _, status, _ = run_wsgi_app(self.app.wsgi_app, environ)
        return int(status[:3])


@pytest.fixture
def world(app: Flask) -> World:
    with app.app_context():
        key = scim_keys.create_key("test", audit.HOST).text
        ada = resource_operations.create(USER, {"userName": "ada"}, Author("", "")).record.id
    return World(app, key, ada)


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> list[str]:
    """The kinds of objects of requests that are there now."""
    return [
        type(one).__name__
        for one in gc.get_objects()
        if type(one) in (Mark, Draft) or (type(one) is dict and MARK in one)
    ]


def patch(*operations: Any) -> Any:
    return {"schemas": [PATCH], "Operations": operations, MARK: []}


def operation(method: str, path: str, body: Any) -> Any:
    return {"method": method, "path": path, "bulkId": "b", "data": body}


def user(**values: Any) -> Any:
    return {"schemas": [USER.schema.urn], "userName": "eva", MARK: [], **values}


_REFUSED: dict[str, tuple[str, str, Any, int]] = {
    "no JSON": ("POST", "/scim/Users", "{" + f'"{MARK}": 1', 400),
    "a POST": ("POST", "/scim/Users", user(emails=MANY), 400),
    "a POST without userName": ("POST", "/scim/Users", {MARK: []}, 400),
    "a taken name": ("POST", "/scim/Users", user(userName="ada"), 409),
    "a PUT of nobody": ("PUT", NOBODY, user(emails=MANY), 404),
    "a PUT": ("PUT", "/scim/Users/{ada}", user(emails=MANY), 400),
    "a PUT that disables": ("PUT", "/scim/Users/{ada}", user(userName="ada", active=False, emails=MANY), 200),
    "a PUT that disables and is refused": (
        "PUT",
        "/scim/Users/{ada}",
        user(userName="ada", emails=MANY, photos=3),
        400,
    ),
    "a PATCH": ("PATCH", "/scim/Users/{ada}", patch(WRONG), 400),
    "a PATCH of nobody": ("PATCH", NOBODY, patch(WRONG), 404),
    "a PATCH that disables": ("PATCH", "/scim/Users/{ada}", patch(FALSE, WRONG), 200),
    "a PATCH of two wrong ones": ("PATCH", "/scim/Users/{ada}", patch(WRONG, WRONG), 400),
    "a PATCH without a list": ("PATCH", "/scim/Users/{ada}", {MARK: [], "Operations": 1}, 400),
    "a bulk request": (
        "POST",
        "/scim/Bulk",
        {
            "schemas": [BULK],
            "Operations": [
                operation("POST", "/Users", user(emails=MANY)),
                operation("PUT", NOBODY.removeprefix("/scim"), user(emails=MANY)),
                operation("PATCH", "/Users/{ada}", patch(FALSE, WRONG)),
                operation("NONE", "/Users", user()),
            ],
        },
        200,
    ),
    "a search": ("POST", "/scim/.search", {MARK: [], "filter": "userName eq"}, 400),
    "a filter": ("GET", "/scim/Users?filter=a+eq", {MARK: []}, 400),
    "a wrong method": ("PUT", "/scim/Users", {MARK: []}, 405),
    "a wrong address": ("PUT", "/scim/Nothing", {MARK: []}, 404),
    "a form too large": ("POST", "/login", {MARK: "x" * bounds.FORM_BYTES}, 413),
    "a form without its token": ("POST", "/login", {MARK: []}, 400),
    "a token request": ("POST", "/oauth/token", {MARK: []}, 400),
}
REFUSED = {
    name: (method, path, body if isinstance(body, str) else json.dumps(body), status)
    for name, (method, path, body, status) in _REFUSED.items()
}
del _REFUSED


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("without_collector")
def test_what_a_refused_request_held_is_freed_when_it_ends(world: World, name: str) -> None:
    method, path, body, status = REFUSED[name]
    before = held()
    assert world.ask(method, path, body) == status
    assert middleware.of(world.app).recorder.settle(10)
    wait_until(lambda: held() == before, "the request log holds no request that it has written", 5)


@pytest.mark.usefixtures("without_collector")
def test_what_a_failed_request_held_is_freed_when_it_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resource_operations, "create", broken)
    monkeypatch.setattr(resource_endpoints.log, "disabled", True)  # pytest would keep the traceback
    before = held()
    assert world.ask("POST", "/scim/Users", json.dumps(user())) == 500
    assert middleware.of(world.app).recorder.settle(10)
    wait_until(lambda: held() == before, "the request log holds no request that it has written", 5)
