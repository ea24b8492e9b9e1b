"""Signed assertions instead of a secret: what is trusted, once each; and nobody else makes us ask anybody."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.credentials import access_tokens, oauth_clients
from app.administration.credentials.access_tokens import NotAuthenticated
from app.administration.credentials.federated_credentials import SignerAway, Signers, read_claimed
from app.administration.errors import Refused
from app.store.database import directory_database
from tests.administration.conftest import EVA, HERE, judge_bearer
from tests.openid.conftest import authority, entra, generic, no_proxy
from tests.openid.provider import (
    KEY,
    NEXT_KEY,
    OTHER_TENANT,
    STRANGER_KEY,
    Faults,
    SigningProvider,
    encoded,
    sign,
    signed_with_public_key,
    unsigned,
)

__all__ = ["authority", "entra", "generic", "no_proxy"]
pytestmark = pytest.mark.usefixtures("app")

SUBJECT = "d2f8ee76-c549-45b8-a143-f5b640669704"
AUDIENCE = "api://AzureADTokenExchange"


class Trusted:
    """A client that accepts what a provider signs for SUBJECT."""

    def __init__(self, theirs: SigningProvider) -> None:
        self.theirs = theirs
        theirs.now = lambda: clock.utc_now().timestamp()
        theirs.user = {"sub": SUBJECT, "aud": AUDIENCE, "uti": "an-identifier"}
        if theirs.tenant:
            theirs.user |= {"tid": theirs.tenant}
        self.client_id = oauth_clients.create_client("Entra", EVA).client_id
        self.signers = Signers(theirs.authority.ca_file)
        oauth_clients.add_trust(self.client_id, theirs.issuer, SUBJECT, AUDIENCE, EVA, self.signers)
        self.trust_id = oauth_clients.list_clients()[0].trusts[0].id
        theirs.asked.clear()

    def token(self, text: str, client_id: str = "") -> str:
        return access_tokens.token_for_assertion(client_id, text, self.signers, HERE).text

    def token_of(self, **claims: Any) -> str:
        return self.token(sign(self.theirs.claims(**claims)))

    def refused(self, text: str, client_id: str = "") -> str:
        """Why, as the log gets it."""
        with pytest.raises(NotAuthenticated) as refused:
            self.token(text, client_id)
        assert refused.value.fault == "assertion" and text[:20] not in str(refused.value)
        return str(refused.value)


@pytest.fixture(params=["generic", "entra"])
def trusted(request: pytest.FixtureRequest, app: Flask) -> Trusted:
    return Trusted(request.getfixturevalue(request.param))


@pytest.fixture
def simple(app: Flask, generic: SigningProvider) -> Trusted:
    return Trusted(generic)


def spent() -> int:
    with directory_database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM spent").scalar_one())


def test_an_honest_assertion_gets_a_token(trusted: Trusted):
    bearer = judge_bearer(trusted.token_of())
    assert bearer.author == f"client {trusted.client_id}" and bearer.credential == trusted.trust_id
    [trust] = oauth_clients.list_clients()[0].trusts
    assert (trust.last_address, trust.last_used is None) == (HERE, False)
    assert judge_bearer(trusted.token(sign(trusted.theirs.claims(uti="2")), trusted.client_id)).is_valid


def test_an_assertion_counts_once(trusted: Trusted):
    text = sign(trusted.theirs.claims(jti="once"))
    trusted.token(text)
    assert trusted.refused(text) == "The assertion was used before"
    again = sign(trusted.theirs.claims(jti="once", iat=int(trusted.theirs.now()) - 1))
    assert trusted.refused(again) == "The assertion was used before"
    trusted.token_of(jti="twice")
    assert spent() == 2


def test_of_many_at_once_one_wins(app: Flask, simple: Trusted):
    text, outcomes = sign(simple.theirs.claims()), []
    simple.token_of(uti="so that the keys are there")

    def ask() -> None:
        with app.app_context():
            try:
                outcomes.append(bool(simple.token(text)))
            except NotAuthenticated:
                outcomes.append(False)

    threads = [threading.Thread(target=ask) for _ in range(bounds.ASSERTIONS_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [False] * (bounds.ASSERTIONS_AT_ONCE - 1) + [True]


def test_an_identifier_is_remembered_as_long_as_its_assertion_could_count(
    simple: Trusted, monkeypatch: pytest.MonkeyPatch
):
    now = [datetime(2026, 3, 1, 8, 0, 0, 123_456, tzinfo=UTC).timestamp()]
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.fromtimestamp(now[0], UTC))
    expires = int(now[0]) + 600
    text = sign(simple.theirs.claims(exp=expires))
    simple.token(text)
    now[0] = expires + bounds.TOKEN_LEEWAY_S - 0.0001
    assert simple.refused(text) == "The assertion was used before"
    now[0] += 2
    assert "expired" in simple.refused(text)
    monkeypatch.setattr(bounds, "USED_ONCE_KEPT", 0)
    simple.token_of(uti="another")
    assert spent() == 1, "what is over is forgotten"


def test_used_once_means_once_also_when_the_clock_was_ahead_for_a_while(
    simple: Trusted, monkeypatch: pytest.MonkeyPatch
):
    now = [datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()]
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.fromtimestamp(now[0], UTC))
    text = sign(simple.theirs.claims(exp=int(now[0]) + 600))
    simple.token(text)
    now[0] += 365 * 86_400
    simple.token_of(uti="another", exp=int(now[0]) + 600)
    now[0] -= 365 * 86_400
    assert simple.refused(text) == "The assertion was used before"


@pytest.mark.parametrize("claims", [{"uti": None}, {"uti": None, "jti": None}, {"uti": ""}, {"jti": 5}])
def test_an_assertion_without_an_identifier_is_refused(simple: Trusted, claims: dict[str, Any]):
    simple.refused(sign(simple.theirs.claims(**claims)))
    assert spent() == 0


UNTRUSTED: dict[str, dict[str, Any]] = {
    "issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "issuer that is no text": {"iss": ["https://evil.example"]},
    "subject": {"sub": "somebody-else"},
    "subject in another letter case": {"sub": SUBJECT.upper()},
    "no subject": {"sub": None},
    "audience": {"aud": "api://other"},
    "two audiences": {"aud": [AUDIENCE, "api://other"]},
    "half a character": {"sub": "\ud800"},
    "zero": {"sub": SUBJECT + "\x00"},
}


@pytest.mark.parametrize("kind", UNTRUSTED)
def test_what_no_trust_names_makes_us_ask_nobody(trusted: Trusted, kind: str):
    trusted.refused(sign(trusted.theirs.claims(**UNTRUSTED[kind])))
    assert trusted.theirs.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "x" * (bounds.TOKEN_LENGTH + 1),
        "a." + encoded(b"[" * 20_000) + ".c",
        "\x00.\x00.\x00",
    ],
)
def test_what_is_no_assertion_at_all(simple: Trusted, text: str):
    assert read_claimed(text) is None
    with pytest.raises(NotAuthenticated):
        simple.token(text)
    assert simple.theirs.asked == []


def test_hostile_signatures(trusted: Trusted):
    claims = trusted.theirs.claims()
    for text in (
        unsigned(claims),
        signed_with_public_key(claims),
        sign(claims, STRANGER_KEY),
        sign(claims, KEY, crit=["exp"]),
        sign(claims, KEY, jku="https://evil.example/keys", kid="other"),
        sign(claims, KEY, typ="at+jwt"),
        sign(claims)[:-8] + "AAAAAAAA",
    ):
        trusted.refused(text)
    assert spent() == 0
    trusted.token(sign(claims))


def test_hostile_claims(trusted: Trusted):
    now = int(trusted.theirs.now())
    for claims in (
        {"exp": now - bounds.TOKEN_LEEWAY_S - 1},
        {"exp": None},
        {"exp": now + 10 * bounds.ASSERTION_S},
        {"nbf": now + bounds.TOKEN_LEEWAY_S + 60},
        {"exp": "soon"},
        *([{"tid": OTHER_TENANT}, {"tid": None}] if trusted.theirs.tenant else []),
    ):
        trusted.refused(sign(trusted.theirs.claims(**claims)))
    assert spent() == 0


def test_another_clients_identifier_is_refused(simple: Trusted):
    other = oauth_clients.create_client("other", EVA).client_id
    simple.refused(sign(simple.theirs.claims()), other)
    assert simple.theirs.asked == []


@pytest.mark.parametrize("what", ["trust", "client"])
def test_a_token_ends_with_its_trust(simple: Trusted, what: str):
    token = simple.token_of()
    if what == "trust":
        oauth_clients.stop_trust(simple.trust_id, EVA)
    else:
        oauth_clients.stop_client(simple.client_id, EVA)
    assert judge_bearer(token).fault == "stopped"
    simple.refused(sign(simple.theirs.claims(uti="2")))


def test_a_trust_that_is_stopped_while_its_keys_are_fetched(
    app: Flask, simple: Trusted, monkeypatch: pytest.MonkeyPatch
):
    verify = simple.signers.verify

    def slowly(*given: Any) -> Any:
        found = verify(*given)
        oauth_clients.stop_trust(simple.trust_id, EVA)
        return found

    monkeypatch.setattr(simple.signers, "verify", slowly)
    simple.refused(sign(simple.theirs.claims()))
    assert spent() == 0


@pytest.mark.parametrize("endpoint", ["discovery", "jwks"])
@pytest.mark.parametrize("fault", [Faults.closes, Faults.replies(500, b""), Faults.replies(200, b"no JSON")])
def test_a_provider_that_is_away(simple: Trusted, endpoint: str, fault: Any):
    simple.theirs.faults[endpoint] = fault
    for _ in range(3):
        with pytest.raises(SignerAway):
            simple.token_of()
    assert simple.theirs.count(endpoint) == 1, "not asked anew with every request"
    assert spent() == 0


def only_signs(document: dict[str, Any]) -> dict[str, Any]:
    """What GitHub Actions and Kubernetes publish: they sign nobody in."""
    return {name: document[name] for name in ("issuer", "jwks_uri")}


def test_an_issuer_that_signs_nobody_in(simple: Trusted):
    simple.theirs.document_change = only_signs
    assert simple.token_of()


@pytest.mark.parametrize("endpoint", ["discovery", "jwks"])
@pytest.mark.parametrize("fault", [Faults.replies(404, b""), Faults.replies(302, b""), Faults.replies(200, b"{}")])
def test_what_is_wrong_until_somebody_changes_it_is_not_told_as_passing(simple: Trusted, endpoint: str, fault: Any):
    simple.theirs.faults[endpoint] = fault
    simple.refused(sign(simple.theirs.claims()))
    assert spent() == 0


@pytest.mark.parametrize(
    ("endpoint", "fault", "because"),
    [
        ("discovery", Faults.closes, "There is no connection to 127.0.0.1"),
        ("discovery", Faults.replies(404, b""), "discovery document was answered with status 404"),
        ("discovery", Faults.replies(200, b'{"issuer": "https://other.example"}'), "belongs to another issuer"),
        ("jwks", Faults.replies(503, b""), "list of keys was answered with status 503"),
        ("jwks", Faults.replies(200, b"{}"), "list of keys cannot be used"),
        ("jwks", Faults.replies(200, b'{"keys": []}'), "publishes no key"),
    ],
)
def test_a_trust_in_what_cannot_be_verified_is_refused(
    app: Flask, generic: SigningProvider, endpoint: str, fault: Any, because: str
):
    client_id = oauth_clients.create_client("Entra", EVA).client_id
    generic.faults[endpoint] = fault
    with pytest.raises(Refused, match=f"No federated credential was added.*{because}"):
        oauth_clients.add_trust(client_id, generic.issuer, SUBJECT, AUDIENCE, EVA, Signers(generic.authority.ca_file))
    assert oauth_clients.list_clients()[0].trusts == ()


def test_a_trust_keeps_the_issuer_as_its_document_writes_it(app: Flask, generic: SigningProvider):
    generic.document_change = lambda document: only_signs(document) | {"issuer": generic.issuer + "/"}
    client_id = oauth_clients.create_client("Entra", EVA).client_id
    oauth_clients.add_trust(client_id, generic.issuer, SUBJECT, AUDIENCE, EVA, Signers(generic.authority.ca_file))
    assert oauth_clients.list_clients()[0].trusts[0].issuer == generic.issuer + "/"


def test_only_a_few_wait_for_a_provider_at_once(simple: Trusted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "ASSERTIONS_AT_ONCE", 1)
    simple.signers = Signers(simple.theirs.authority.ca_file)
    inside = []

    def meanwhile(document: dict[str, Any]) -> dict[str, Any]:
        try:
            simple.signers.verify("x", read_claimed(sign(simple.theirs.claims())))  # type: ignore[arg-type]
        except SignerAway as away:
            inside.append(str(away))
        return document

    simple.theirs.document_change = meanwhile
    simple.token_of()
    assert inside == ["Too many signed assertions are being checked."]
    simple.token_of(uti="the place is free again")


def test_unknown_keys_do_not_make_us_fetch_at_will(simple: Trusted):
    simple.token_of()
    for number in range(5):
        simple.refused(sign(simple.theirs.claims(uti=str(number)), NEXT_KEY))
    assert (simple.theirs.count("discovery"), simple.theirs.count("jwks")) == (1, 1)


def test_a_tokens_hour_is_ours(simple: Trusted, pass_time: Callable[[float], None]):
    pass_time(0)
    token = simple.token_of(exp=int(simple.theirs.now()) + 60)
    pass_time(bounds.ACCESS_TOKEN_S - 1)
    assert judge_bearer(token).is_valid
