"""OAuth clients: made, bounded, stopped; access tokens: made for a right secret, ended by time and with its end."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from flask import Flask

from app import bounds, throttle
from app.administration import directory_totals
from app.administration.credentials import access_tokens, bearer_token_check, oauth_clients, scim_keys
from app.administration.credentials.access_tokens import NotAuthenticated
from app.administration.credentials.bearer_token_check import Bearer
from app.administration.credentials.federated_credentials import Signers
from app.administration.credentials.oauth_clients import NewSecret
from app.administration.credentials.secret_format import ACCESS_TOKEN, CLIENT_SECRET, SCIM_KEY, SecretForm
from app.administration.errors import Refused
from app.scim import errors
from app.store.database import directory_database
from app.throttle import Throttle
from tests.administration.conftest import EVA, HERE, judge_bearer
from tests.store.conftest import finished_meanwhile, held

pytestmark = pytest.mark.usefixtures("app")
TENANT = "6f0f2c1e-95a4-4d4e-8f43-0a6f5d3c9b21"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"

SIGNERS = mock.create_autospec(Signers, instance=True)
SIGNERS.check = lambda issuer: issuer.address
"""They have fetched what every issuer publishes."""


@pytest.fixture
def client(app: Flask) -> NewSecret:
    return oauth_clients.create_client("Entra", EVA)


def token_of(new: NewSecret) -> str:
    return access_tokens.token_for_secret(new.client_id, new.text, HERE).text


def refused_as(new_id: str, secret: str) -> tuple[str, str]:
    """The fault and the client id that the log gets."""
    with pytest.raises(NotAuthenticated) as refused:
        access_tokens.token_for_secret(new_id, secret, HERE)
    assert not secret or secret not in str(refused.value)
    return refused.value.fault, refused.value.client_id


def audited() -> list[tuple[str, str, dict[str, str]]]:
    with directory_database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT action, target, detail FROM audit ORDER BY id").all()
    return [(row.action, row.target, json.loads(row.detail)) for row in rows]


def count(table: str) -> int:
    with directory_database.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


# --- the form of our secrets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [SCIM_KEY, CLIENT_SECRET, ACCESS_TOKEN])
def test_each_kind_of_secret_has_a_beginning_of_its_own(form: SecretForm):
    text = form.make()
    assert re.fullmatch(form.beginning + "[A-Za-z0-9_-]{43}_[0-9a-f]{6}", text)
    assert [one for one in (SCIM_KEY, CLIENT_SECRET, ACCESS_TOKEN) if one.fits(text)] == [form]
    assert form.make() != text
    for wrong in (text + "x", text + "\n", text[:-1], text.swapcase(), " " + text, text[:-6] + "zzzzzz", ""):
        assert not form.fits(wrong)
    assert form.is_begun(text[:-1]) and form.is_begun("rcn_") and not form.is_begun("rcn") and not form.is_begun("")


# --- clients and secrets ----------------------------------------------------------------------------------------------


def test_a_new_client_has_a_secret_of_which_only_the_hash_is_kept(client: NewSecret, path: Path):
    [listed] = oauth_clients.list_clients()
    assert (listed.id, listed.name, listed.created_by) == (client.client_id, "Entra", "eva")
    assert re.fullmatch("[0-9a-f]{12}", listed.id)
    [secret] = listed.secrets
    assert secret.prefix == client.text[:12] and secret.last_used is None
    token = token_of(client)
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert client.text[12:].encode() not in kept and token[8:].encode() not in kept


def test_several_secrets_are_active_and_their_number_is_bounded(client: NewSecret):
    more = [oauth_clients.create_secret(client.client_id, EVA) for _ in range(bounds.OAUTH_SECRETS - 1)]
    assert all(token_of(one) for one in (client, *more))
    with pytest.raises(Refused, match="active secrets, the limit"):
        oauth_clients.create_secret(client.client_id, EVA)
    oauth_clients.stop_secret(oauth_clients.list_clients()[0].secrets[0].id, EVA)
    oauth_clients.create_secret(client.client_id, EVA)


def test_the_number_of_clients_is_bounded(client: NewSecret):
    names = [oauth_clients.create_client("", EVA).client_name for _ in range(bounds.OAUTH_CLIENTS - 1)]
    assert names[0] == "Client 2"
    with pytest.raises(Refused, match="clients are active"):
        oauth_clients.create_client("", EVA)
    oauth_clients.stop_client(client.client_id, EVA)
    oauth_clients.create_client("", EVA)


@pytest.mark.parametrize("name", ["x" * (bounds.KEY_NAME_LENGTH + 1), "a\nb", "\x1b[31m", "\x00"])
def test_names_that_cannot_be_read_are_refused(name: str):
    with pytest.raises(Refused, match="printable"):
        oauth_clients.create_client(name, EVA)
    assert count("oauth_client") == 0 and audited() == []


def test_what_is_stopped_or_unknown_cannot_be_stopped_or_used(client: NewSecret):
    oauth_clients.stop_client(client.client_id, EVA)
    for act in (
        lambda: oauth_clients.stop_client(client.client_id, EVA),
        lambda: oauth_clients.stop_client("unknown", EVA),
        lambda: oauth_clients.create_secret(client.client_id, EVA),
        lambda: oauth_clients.add_trust(client.client_id, TENANT, "a", "b", EVA, SIGNERS),
        lambda: oauth_clients.stop_secret("unknown", EVA),
        lambda: oauth_clients.stop_trust("unknown", EVA),
    ):
        with pytest.raises(Refused, match="There is no active"):
            act()


def test_every_act_is_audited_without_a_secret(client: NewSecret):
    second = oauth_clients.create_secret(client.client_id, EVA)
    oauth_clients.add_trust(client.client_id, TENANT, "subject", "audience", EVA, SIGNERS)
    [listed] = oauth_clients.list_clients()
    oauth_clients.stop_trust(listed.trusts[0].id, EVA)
    oauth_clients.stop_secret(listed.secrets[0].id, EVA)
    oauth_clients.stop_client(client.client_id, EVA)
    token = token_of(oauth_clients.create_client("other", EVA))
    acts = audited()
    assert [(action, target) for action, target, _ in acts[:7]] == [
        ("client-made", "Entra"),
        ("secret-made", "Entra"),
        ("secret-made", "Entra"),
        ("trust-made", "Entra"),
        ("trust-stopped", "Entra"),
        ("secret-stopped", "Entra"),
        ("client-stopped", "Entra"),
    ]
    assert acts[3][2] | {"trust": ""} == {
        "client": client.client_id,
        "trust": "",
        "issuer": ISSUER,
        "subject": "subject",
        "audience": "audience",
    }
    assert all(text not in json.dumps(acts) for text in (client.text, second.text, token))


# --- trusts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [TENANT, TENANT.upper(), f" {TENANT} ", ISSUER, f"{ISSUER}/"])
def test_a_tenant_stands_for_entras_issuer(client: NewSecret, typed: str):
    oauth_clients.add_trust(client.client_id, typed, " a subject ", "api://x", EVA, SIGNERS)
    [trust] = oauth_clients.list_clients()[0].trusts
    assert (trust.issuer, trust.subject, trust.audience) == (ISSUER, "a subject", "api://x")
    with pytest.raises(Refused, match="already"):
        oauth_clients.add_trust(
            oauth_clients.create_client("", EVA).client_id, ISSUER, "a subject", "api://x", EVA, SIGNERS
        )


@pytest.mark.parametrize(
    ("issuer", "subject", "audience"),
    [
        ("", "a", "b"),
        ("http://issuer.example", "a", "b"),
        ("https://login.microsoftonline.com/common/v2.0", "a", "b"),
        ("https://u:p@issuer.example", "a", "b"),
        ("file:///etc/passwd", "a", "b"),
        (TENANT, "", "b"),
        (TENANT, "a", "\x00"),
        (TENANT, "a", "x" * (bounds.CLAIM_LENGTH + 1)),
    ],
)
def test_trusts_that_cannot_be(client: NewSecret, issuer: str, subject: str, audience: str):
    with pytest.raises(Refused):
        oauth_clients.add_trust(client.client_id, issuer, subject, audience, EVA, SIGNERS)
    assert count("oauth_trust") == 0


def test_the_number_of_trusts_is_bounded(client: NewSecret):
    for number in range(bounds.OAUTH_TRUSTS):
        oauth_clients.add_trust(client.client_id, TENANT, str(number), "b", EVA, SIGNERS)
    with pytest.raises(Refused, match="federated credentials, the limit"):
        oauth_clients.add_trust(client.client_id, TENANT, "another", "b", EVA, SIGNERS)


# --- access tokens ----------------------------------------------------------------------------------------------------


def test_a_token_opens_scim_on_behalf_of_its_client(client: NewSecret):
    token = token_of(client)
    bearer = judge_bearer(token)
    assert (bearer.is_valid, bearer.author, bearer.id) == (True, f"client {client.client_id}", client.client_id)
    key = scim_keys.create_key("", EVA)
    assert judge_bearer(key.text).author == f"key {key.row.id}"


def wrong_tokens(text: str) -> dict[str, tuple[str, str]]:
    return {
        "empty": ("", "foreign"),
        "longer": (text + "x", "cut"),
        "newline": (text + "\n", "cut"),
        "letter case": (text.swapcase(), "cut"),
        "another's": (ACCESS_TOKEN.make(), "unknown"),
        "zero": ("\x00" + text, "foreign"),
        "surrogate": ("\ud800", "foreign"),
        "long": (text * 1_000, "cut"),
        "secret": (CLIENT_SECRET.make(), "client-secret"),
        "jwt": ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiI4YWRmOGU2ZSJ9.c2ln", "entra-token"),
    }


@pytest.mark.parametrize("kind", wrong_tokens(""))
def test_nothing_else_opens_it(client: NewSecret, kind: str):
    text, fault = wrong_tokens(token_of(client))[kind]
    bearer = judge_bearer(text)
    assert (bearer.is_valid, bearer.fault, bearer.id) == (False, fault, "")


def test_wrong_secrets_get_no_token(client: NewSecret):
    other = oauth_clients.create_client("other", EVA)
    assert refused_as(client.client_id, CLIENT_SECRET.make()) == ("client", "")
    assert refused_as(other.client_id, client.text) == ("client", "")
    assert refused_as("", client.text) == ("client", "")
    assert refused_as(client.client_id.upper() + "\x00", client.text) == ("client", "")
    for secret in ("", client.text + "\n", "\ud800", "x" * 100_000, token_of(client), "rcn_oas_"):
        assert refused_as(client.client_id, secret) == ("client", "")
    assert count("access_token") == 1


@pytest.mark.parametrize("what", ["secret", "client"])
def test_a_token_ends_at_once_with_what_brought_it(client: NewSecret, what: str):
    second = oauth_clients.create_secret(client.client_id, EVA)
    newest, oldest = oauth_clients.list_clients()[0].secrets
    first_token, second_token = token_of(client), token_of(second)
    first_secret = next(one for one in (newest, oldest) if one.prefix == client.text[:12])
    if what == "client":
        oauth_clients.stop_client(client.client_id, EVA)
    else:
        oauth_clients.stop_secret(first_secret.id, EVA)
    assert judge_bearer(first_token).fault == "stopped"
    assert judge_bearer(first_token).id == client.client_id
    assert refused_as(client.client_id, client.text) == ("stopped", client.client_id)
    assert judge_bearer(second_token).is_valid is (what == "secret")


def test_a_token_lasts_an_hour_and_is_then_told_from_a_wrong_one_for_a_day(
    client: NewSecret, pass_time: Callable[[float], None]
):
    token = token_of(client)
    pass_time(bounds.ACCESS_TOKEN_S - 1)
    assert judge_bearer(token).is_valid
    pass_time(1)
    ended = judge_bearer(token)
    assert (ended.is_valid, ended.fault, ended.has_expired) == (False, "expired", True)
    token_of(client)
    assert judge_bearer(token).fault == "expired"
    pass_time(bounds.ACCESS_TOKENS_REMEMBERED_S)
    token_of(client)
    assert judge_bearer(token).fault == "unknown"
    assert count("access_token") == 2


def test_a_token_does_not_last_longer_because_the_clock_was_set_back(
    client: NewSecret, pass_time: Callable[[float], None]
):
    token = token_of(client)
    pass_time(-bounds.CLOCK_SLACK_S)
    assert judge_bearer(token).is_valid
    pass_time(-1)
    assert not judge_bearer(token).is_valid
    token_of(client)
    assert count("access_token") == 1, "it is forgotten with the next one"


def test_the_number_of_tokens_is_bounded_and_the_oldest_end(
    client: NewSecret, monkeypatch: pytest.MonkeyPatch, pass_time: Callable[[float], None]
):
    monkeypatch.setattr(bounds, "ACCESS_TOKENS", 3)
    other = token_of(oauth_clients.create_client("other", EVA))
    tokens = []
    for _ in range(5):
        pass_time(1)
        tokens.append(token_of(client))
    assert [judge_bearer(one).is_valid for one in tokens] == [False, False, True, True, True]
    assert judge_bearer(other).is_valid


def test_tokens_made_at_the_same_time_are_all_right(app: Flask, client: NewSecret):
    made: list[str] = []

    def make() -> None:
        with app.app_context():
            made.append(token_of(client))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(made)) == 8 and all(judge_bearer(one).is_valid for one in made)


def test_use_is_noted_at_most_once_a_minute(client: NewSecret, monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    monkeypatch.setattr(throttle, "steady_s", lambda: now[0])
    bearer = judge_bearer(token_of(client))
    assert oauth_clients.list_clients()[0].secrets[0].last_address == HERE, "the token itself was a use"
    for address in ("198.51.100.7", "198.51.100.8"):
        bearer_token_check.note_use(bearer, address)
    assert oauth_clients.list_clients()[0].secrets[0].last_address == "198.51.100.7"
    now[0] += bounds.KEY_USE_NOTED_S
    bearer_token_check.note_use(bearer, "198.51.100.8")
    [secret] = oauth_clients.list_clients()[0].secrets
    assert (secret.last_address, secret.last_used) == ("198.51.100.8", oauth_clients.list_clients()[0].last_used)


def test_a_note_that_cannot_be_written_disturbs_nobody(client: NewSecret, monkeypatch: pytest.MonkeyPatch):
    bearer = judge_bearer(token_of(client))

    def full(wait: bool) -> None:
        raise errors.unavailable("full")

    monkeypatch.setattr(access_tokens, "_notes", Throttle())
    monkeypatch.setattr(directory_database, "writing", full)
    bearer_token_check.note_use(bearer, HERE)
    bearer_token_check.note_use(Bearer("client x", "x", "unknown"), HERE)


@pytest.mark.usefixtures("patient")
def test_wrong_secrets_wait_for_nobody_who_writes(app: Flask, path: Path, client: NewSecret):
    with held(path):
        finished_meanwhile(app, lambda: refused_as(client.client_id, CLIENT_SECRET.make()))


def test_the_overview_counts_clients_too(client: NewSecret):
    found = directory_totals.overview()
    assert found.has_key and found.last_contact is None
    token_of(client)
    contact = directory_totals.overview().last_contact
    assert contact and (contact.key_name, contact.address) == ("Entra", HERE)
    oauth_clients.stop_client(client.client_id, EVA)
    assert not directory_totals.overview().has_key
    assert directory_totals.overview().last_contact == contact


def test_a_token_that_a_simulation_uses_is_no_contact(client: NewSecret, monkeypatch: pytest.MonkeyPatch):
    bearer = judge_bearer(token_of(client))
    contact = directory_totals.overview().last_contact
    monkeypatch.setattr(access_tokens, "_notes", Throttle())
    bearer_token_check.note_use(bearer, "192.0.2.99", is_simulated=True)
    assert directory_totals.overview().last_contact == contact
    bearer_token_check.note_use(bearer, "192.0.2.99")
    assert directory_totals.overview().last_contact != contact
