"""The whole way at the door with a provider that somebody else wrote, from the package registry."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest

from tests.openid.provider import SigningProvider
from tests.openid.test_other_provider import Other, other
from tests.single_sign_on.conftest import House
from tests.single_sign_on.scene import Scene
from tests.single_sign_on.test_provider_sign_in import refused
from tests.web.visitor import FORM, Page, Visitor

__all__ = ["other"]


def go(scene: Scene, visitor: Visitor, other: Other, form: dict[str, str]) -> Page:
    parts = urlsplit(visitor.get("/auth/start").location)
    answer = other.send("POST", f"{parts.path}?{parts.query}", urlencode(form), FORM)
    location = answer.getheader("Location") or ""
    assert location.startswith(scene.appliance.url + "/auth/callback?"), answer.status
    return visitor.get(location.removeprefix(scene.appliance.url))


@pytest.fixture
def scene(house: House, other: Other) -> Iterator[Scene]:
    house.proxy.places = {"127.0.0.1": other.port}
    scene = Scene(house.appliance, SigningProvider(None), house.owner)  # type: ignore[arg-type]
    saved = scene.save(address=other.issuer, client_id="a-client", secret="a_secret~of.this-client")
    assert saved.status == 303, saved.text
    yield scene
    house.clear(scene)


def test_the_whole_way(scene: Scene, other: Other):
    claims = json.dumps({"name": "Ada Lovelace", "preferred_username": "ada@example.org", "email": "bob@example.org"})
    assert other.send("PUT", "/users/ada-of-theirs", claims, "application/json").status == 204
    scene.person("bob@example.org", "bob", emails=[{"type": "work", "value": "ada@example.org"}])
    visitor = scene.stranger()
    refused(go(scene, visitor, other, {"sub": "ada-of-theirs"}))
    scene.person("ada@example.org", "ada-of-theirs", displayName="Ada Lovelace")
    page = go(scene, visitor, other, {"sub": "ada-of-theirs"})
    assert (page.status, page.location) == (303, "/me"), page.text
    assert "Ada Lovelace" in visitor.get("/me").text


def test_whoever_gives_up_there_is_not_let_in(scene: Scene, other: Other):
    """This provider sends the state not back with it, so nobody knows to which sign-in the answer belongs."""
    visitor = scene.stranger()
    refused(go(scene, visitor, other, {"action": "deny"}), 400)
    assert not scene.is_in(visitor)
