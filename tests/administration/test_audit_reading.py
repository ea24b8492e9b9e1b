"""The audit as it is read, and how many refused sign-ins anybody can make it hold."""

import json

import pytest
from flask import Flask

from app import bounds
from app.administration import audit, audit_reading
from app.administration.accounts import administrators, password_sign_in, passwords
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST, Action, Actor
from app.administration.audit_reading import AuditQuery
from app.administration.errors import Refused
from app.store.access import unaudited_rows
from app.store.database import directory_database
from tests.administration.conftest import EVA, HERE, PASSWORD

pytestmark = pytest.mark.usefixtures("app")


def record(action: Action, target: str = "", by: Actor = EVA, **detail: str) -> None:
    with directory_database.writing() as connection:
        audit.record(connection, by, action, target, **detail)


def refuse(times: int) -> None:
    with directory_database.writing() as connection:
        for number in range(times):
            audit.record_refusal(connection, Actor("nobody", address=f"198.51.100.{number}"), because="test")


def keys(asked: AuditQuery = AuditQuery()) -> list[str]:  # noqa: B008
    return [entry.action for entry in audit_reading.find(asked).entries]


def test_an_entry_is_told_in_words():
    record(Action.KEY_MADE, "Key 1", key="0a1b2c3d", empty="")
    [entry] = audit_reading.find(AuditQuery()).entries
    assert (entry.who, entry.address, entry.sentence) == ("administrator eva", HERE, "created the SCIM Key Key 1")
    assert entry.texts == {"key": "0a1b2c3d"} and not entry.is_refused and entry.has_time


@pytest.mark.parametrize(
    ("by", "who"),
    [
        (HOST, "the command line"),
        (audit.ITSELF, "Recnice SCIM"),
        (Actor("nobody", address=HERE), "a client that is not signed in"),
        (Actor("person", "itself"), "person itself"),
        (Actor("client", "key 1"), "client key 1"),
    ],
)
def test_who_it_was(by: Actor, who: str):
    record(Action.SIGNED_OUT, by=by)
    assert audit_reading.find(AuditQuery()).entries[0].who == who


def test_a_refusal_names_whom_it_was_tried_as():
    refuse(1)
    record(Action.SIGN_IN_REFUSED, "Eva", Actor("nobody"))
    assert [entry.sentence for entry in audit_reading.find(AuditQuery()).entries] == [
        "could not sign in as Eva",
        "could not sign in",
    ]


def test_views():
    for action in (Action.SIGNED_IN, Action.SIGN_IN_REFUSED, Action.PROOF_REFUSED, Action.KEY_MADE):
        record(action)
    assert keys() == ["key-made", "proof-refused", "sign-in-refused", "signed-in"]
    assert keys(AuditQuery("sign-ins")) == ["proof-refused", "sign-in-refused", "signed-in"]
    assert keys(AuditQuery("refused")) == ["proof-refused", "sign-in-refused"]
    assert keys(AuditQuery("acts")) == ["key-made"]
    assert keys(AuditQuery(action=Action.SIGNED_IN)) == ["signed-in"]
    assert keys(AuditQuery("acts", Action.SIGNED_IN)) == [], "one that is in no such view is not all of them"


def test_every_action_is_a_sign_in_or_an_act():
    assert audit_reading.VIEWS["sign-ins"] | audit_reading.VIEWS["acts"] == set(Action)
    assert audit_reading.VIEWS["refused"] < audit_reading.VIEWS["sign-ins"]
    assert len({action.key for action in Action}) == len({action.title for action in Action}) == len(Action)


def test_the_check_for_unaudited_rows_knows_the_keys_of_actions():
    of_creation = {key for creation in unaudited_rows.CREATIONS for key in creation.actions}
    assert of_creation | {unaudited_rows.BEGAN} <= {action.key for action in Action}


def test_pages_follow_each_other():
    for number in range(bounds.CONSOLE_PAGE_SIZE + 1):
        record(Action.KEY_MADE, str(number))
    first = audit_reading.find(AuditQuery())
    assert [len(first.entries), first.entries[0].target] == [bounds.CONSOLE_PAGE_SIZE, str(bounds.CONSOLE_PAGE_SIZE)]
    second = audit_reading.find(AuditQuery(), first.before)
    assert [entry.target for entry in second.entries] == ["0"] and second.before is None


def test_an_export_is_an_entry_and_has_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "EXPORT_ROWS_AT_ONCE", 2)
    for number in range(5):
        record(Action.KEY_MADE, str(number))
    taken = audit_reading.export(AuditQuery(actor="eva"), EVA, "csv")
    record(Action.KEY_STOPPED, "later")
    found = list(taken)
    assert [entry.action for entry in found] == ["audit-exported"] + ["key-made"] * 5
    assert found[0].texts == {"form": "csv", "who": "eva"}


def test_an_export_that_nobody_reads_is_an_entry_all_the_same():
    audit_reading.export(AuditQuery(), EVA, "json")
    assert keys() == ["audit-exported"]


def test_what_is_no_json_is_told_as_it_stands():
    for detail in ("{", "[1]", "[" * 100_000):
        assert audit_reading._texts(detail) == {"detail": detail}
    assert audit_reading._texts('{"a": 1}') == {"a": "1"}


def test_a_moment_that_is_none_is_known_as_such(app: Flask):
    with directory_database.writing() as connection:
        audit.rows.append(connection, "yesterday", "operator eva", "", "an-old-action", "x", "{}")
    [entry] = audit_reading.find(AuditQuery()).entries
    assert not entry.has_time and entry.sentence == "an-old-action x"


# --- refused sign-ins -------------------------------------------------------------------------------------------------


def test_refused_sign_ins_fill_no_disk(pass_time):
    refuse(bounds.REFUSALS_AUDITED + 50)
    record(Action.SIGNED_IN)
    found = list(audit_reading.export(AuditQuery(), EVA, "csv"))
    told = [entry.action for entry in found if entry.action != "audit-exported"]
    assert told == ["signed-in", "sign-ins-uncounted"] + ["sign-in-refused"] * bounds.REFUSALS_AUDITED
    assert found[2].who == "Recnice SCIM"
    pass_time(bounds.REFUSALS_WINDOW_S + 1)
    refuse(1)
    assert keys()[0] == "sign-in-refused", "the next hour has room again"


def test_one_address_uses_up_no_more_than_its_share(pass_time):
    one = "203.0.113.66"
    for _ in range(bounds.REFUSALS_AUDITED):
        with directory_database.writing() as connection:
            audit.record_refusal(connection, Actor("nobody", address=one), because="test")
    found = list(audit_reading.export(AuditQuery("refused"), EVA, "csv"))
    assert len(found) == bounds.REFUSALS_AUDITED_OF_ONE + 1
    assert (found[0].action, found[0].address) == ("sign-ins-uncounted", one)
    refuse(1)
    assert keys()[0] == "sign-in-refused", "another's is written"


def test_a_long_attack_leaves_so_many_entries_an_hour(pass_time, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "REFUSALS_AUDITED", 5)
    for _ in range(24):
        refuse(20)
        pass_time(bounds.REFUSALS_WINDOW_S / 2)
    assert len(list(audit_reading.export(AuditQuery("refused"), EVA, "csv"))) <= 13 * 6


def test_a_clock_set_back_silences_nothing_for_long(pass_time):
    refuse(bounds.REFUSALS_AUDITED + 1)
    pass_time(-10 * bounds.REFUSALS_WINDOW_S)
    refuse(1)
    assert keys()[0] == "sign-in-refused"


def test_a_flood_of_wrong_passwords_hides_no_success(monkeypatch: pytest.MonkeyPatch):
    administrators.create_operator("eva", PASSWORD, HOST)
    monkeypatch.setattr(bounds, "REFUSALS_AUDITED", 3)
    monkeypatch.setattr(passwords, "matches", lambda password, kept: password == PASSWORD and kept is not None)
    for number in range(8):
        with pytest.raises(Refused):
            password_sign_in.sign_in("nobody", "wrong", Browser(f"203.0.113.{number}"))
    assert keys() == ["sign-ins-uncounted", *["sign-in-refused"] * 3, "operator-made"]
    assert password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    assert keys()[0] == "signed-in"


def test_a_refusal_can_stand_in_any_transaction():
    with directory_database.writing() as connection:
        audit.record_refusal(connection, Actor("nobody"), "eva", because="code")
    [entry] = audit_reading.find(AuditQuery()).entries
    assert json.loads(entry.detail) == {"because": "code"}


def test_slowed_tries_are_not_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passwords, "matches", lambda password, kept: False)
    for _ in range(bounds.SIGN_IN_FAILURES + 5):
        with pytest.raises(Refused):
            password_sign_in.sign_in("eva", "wrong", Browser(HERE))
    assert len(keys()) == bounds.SIGN_IN_FAILURES


def test_the_name_that_was_typed_is_kept_only_if_it_is_known():
    administrators.create_operator("Eva", PASSWORD, HOST)
    for name in ("my password by mistake", "EVA"):
        with pytest.raises(Refused):
            password_sign_in.sign_in(name, "wrong", Browser(HERE))
    assert [entry.target for entry in audit_reading.find(AuditQuery("refused")).entries] == ["Eva", ""]
