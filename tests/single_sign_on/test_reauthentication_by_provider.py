"""Who showed when who they are: the provider's own word counts, and nothing that it remembers from earlier."""

import time

import pytest

from tests.single_sign_on.scene import Scene
from tests.single_sign_on.test_provider_sign_in import refused
from tests.web.visitor import Visitor

WANTS_PROOF = "/single-sign-on/remove"


@pytest.fixture
def granted(entra: Scene, ada: str) -> Scene:
    """Ada has the role of an owner."""
    entra.grant(ada)
    return entra


def says(scene: Scene, seconds_ago: float | None) -> None:
    """When the provider says that its person signed in there; None: it does not say."""
    if seconds_ago is None:
        scene.provider.user.pop("auth_time", None)
    else:
        scene.provider.user["auth_time"] = int(time.time() - seconds_ago)


def is_proved(visitor: Visitor) -> bool:
    page = visitor.get(WANTS_PROOF)
    assert page.status == 200 or page.location.startswith("/confirm"), page.text
    return page.status == 200


@pytest.mark.parametrize(
    ("seconds_ago", "proves"),
    [(None, False), (3600, False), (310, False), (5, True), (-30, True), (-3600, False), (1e9, False)],
    ids=["unsaid", "an hour", "five minutes", "now", "clocks differ", "an hour ahead", "1994"],
)
def test_a_sign_in_proves_what_the_provider_says(granted: Scene, seconds_ago: float | None, proves: bool):
    says(granted, seconds_ago)
    assert is_proved(granted.sign_in()) is proves


@pytest.mark.parametrize("value", ["now", True, 1e400, -1, {"a": 1}, 10**30])
def test_a_time_that_is_none(granted: Scene, value: object):
    granted.provider.user["auth_time"] = value
    refused(granted.go(granted.stranger()))


def test_it_is_shown_to_the_provider(granted: Scene):
    says(granted, 3600)
    visitor = granted.sign_in()
    confirm = visitor.get(visitor.get(WANTS_PROOF).location).text
    assert "Sign in again with <bdi>Microsoft</bdi>" in confirm and "password" not in confirm.lower().split("<main")[1]
    says(granted, 1)
    cookie = visitor.cookies["recnice_session"]
    page = granted.go(visitor, f"/auth/proof?next={WANTS_PROOF}")
    assert (page.status, page.location) == (303, WANTS_PROOF)
    assert is_proved(visitor) and visitor.cookies["recnice_session"] == cookie
    assert granted.audit("proved")[-1]["actor"] == "person ada@example.org"
    assert granted.sessions() == 1


def test_it_asks_for_a_fresh_sign_in(granted: Scene):
    visitor = granted.sign_in()
    address = visitor.get("/auth/proof").location
    assert "prompt=login" in address and "max_age=0" in address
    assert "prompt" not in granted.stranger().get("/auth/start").location


@pytest.mark.parametrize("seconds_ago", [None, 400, 3600, -3600])
def test_what_is_not_fresh_proves_nothing(granted: Scene, seconds_ago: float | None):
    says(granted, 3600)
    visitor = granted.sign_in()
    says(granted, seconds_ago)
    sentence = refused(granted.go(visitor, "/auth/proof"))
    assert ("optional claim auth_time" in sentence) is (seconds_ago is None), sentence
    assert not is_proved(visitor) and granted.is_in(visitor)


def test_somebody_else_proves_nothing_and_is_counted(granted: Scene):
    says(granted, 3600)
    visitor = granted.sign_in()
    says(granted, 1)
    granted.provider.user["oid"] = "5a0e1b52-0d7c-4f3e-8d4a-0e8f5d2f1c11"
    granted.person("bob@example.org", granted.provider.user["oid"])
    for _ in range(4):
        assert "Another account signed in there" in refused(granted.go(visitor, "/auth/proof"))
        assert not is_proved(visitor) and granted.is_in(visitor)
    last = granted.go(visitor, "/auth/proof")
    assert last.status == 303 and last.location.startswith("/login")
    assert granted.sessions() == 0
    assert [one.get("ended", "") for one in granted.audit("proof-refused")] == ["", "", "", "", "the session"]


def test_a_proof_is_for_the_session_that_began_it(granted: Scene):
    says(granted, 3600)
    one, other = granted.sign_in(), granted.sign_in()
    says(granted, 1)
    back = granted.leave(one, "/auth/proof")
    other.cookies["recnice_journey"] = one.cookies["recnice_journey"]
    refused(other.get(back), 400)
    assert not is_proved(other) and not is_proved(one)
    one.cookies.pop("recnice_session")
    refused(one.get(back), 400)


def test_a_sign_in_is_no_proof_and_a_proof_no_sign_in(granted: Scene):
    """The purpose is in the sealed cookie: no parameter changes it."""
    says(granted, 3600)
    visitor = granted.sign_in()
    says(granted, 1)
    back = granted.leave(visitor, "/auth/proof")
    visitor.cookies.pop("recnice_session")
    refused(visitor.get(back + "&purpose=sign-in"), 400)
    assert not granted.is_in(visitor)


def test_an_operator_is_asked_for_the_password(granted: Scene):
    page = granted.owner().get("/auth/proof")
    assert page.status == 200 and 'name="password"' in page.text
