"""SCIM keys: their form, how they are found, stopped, and how their use is noted; and the overview's counts."""

import base64
import binascii
import re
from pathlib import Path

import pytest
from flask import Flask

from app import bounds, throttle
from app.administration import directory_totals
from app.administration.credentials import key_last_use, scim_keys
from app.administration.directory_totals import Contact
from app.administration.errors import Refused
from app.scim import errors
from app.scim.resource_types import GROUP, USER
from app.store.database import directory_database
from tests.administration.conftest import EVA, HERE, judge_key
from tests.store.conftest import finished_meanwhile, group, held, insert, user

pytestmark = pytest.mark.usefixtures("app")


def test_the_form_of_a_key():
    text = scim_keys.create_key("Entra", EVA).text
    found = re.fullmatch(r"rcn_scim_([A-Za-z0-9_-]{43})_([0-9a-f]{6})", text)
    assert found
    assert len(base64.urlsafe_b64decode(found[1] + "=")) == 32
    assert int(found[2], 16) == binascii.crc32(found[1].encode()) % 2**24


def test_a_new_key_is_found():
    new = scim_keys.create_key("Entra", EVA)
    assert judge_key(new.text) == (new.row, "")
    assert scim_keys.list_keys() == [new.row]
    assert (new.row.name, new.row.prefix, new.row.created_by) == ("Entra", new.text[:13], "eva")
    assert (new.row.last_used, new.row.last_address, new.row.stopped) == (None, None, None)


def test_only_the_hash_is_kept(path: Path):
    text = scim_keys.create_key("Entra", EVA).text
    assert text[13:].encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def wrong_keys(text: str) -> dict[str, str]:
    return {
        "empty": "",
        "longer": text + "x",
        "newline": text + "\n",
        "shorter": text[:-1],
        "letter case": text.swapcase(),
        "checksum": text[:-6] + "000000",
        "prefix": text.removeprefix("rcn_"),
        "another's": "rcn_scim_" + "A" * 43 + "_" + f"{binascii.crc32(b'A' * 43) & 0xFFFFFF:06x}",
        "not ASCII": "é" * 59,
        "surrogate": "\ud800",
        "zero": "\x00" + text,
        "long": "x" * 100_000,
    }


@pytest.mark.parametrize("kind", wrong_keys(""))
def test_nothing_else_is_found(kind: str):
    text = scim_keys.create_key("Entra", EVA).text
    assert judge_key(wrong_keys(text)[kind])[0] is None


FAULTS = {
    **dict.fromkeys(("empty", "prefix", "not ASCII", "surrogate", "long"), "foreign"),
    **dict.fromkeys(("longer", "newline", "shorter", "letter case", "checksum", "zero"), "cut"),
    "another's": "unknown",
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_wrong_with_it_is_told(kind: str):
    text = scim_keys.create_key("Entra", EVA).text
    assert judge_key(wrong_keys(text)[kind]) == (None, FAULTS[kind])


def test_a_right_key_and_a_stopped_one_are_told_by_their_ids():
    new = scim_keys.create_key("Entra", EVA)
    assert judge_key(new.text) == (new.row, "")
    scim_keys.stop_key(new.row.id, EVA)
    key, fault = judge_key(new.text)
    assert key and (key.id, fault) == (new.row.id, "stopped")


def test_a_stopped_key_is_refused_at_once():
    new = scim_keys.create_key("Entra", EVA)
    scim_keys.stop_key(new.row.id, EVA)
    assert judge_key(new.text)[1] == "stopped"
    assert scim_keys.list_keys()[0].stopped
    with pytest.raises(Refused, match="already"):
        scim_keys.stop_key(new.row.id, EVA)
    with pytest.raises(Refused, match="no key"):
        scim_keys.stop_key("00000000", EVA)


def test_two_are_active_at_most():
    first = scim_keys.create_key("", EVA)
    second = scim_keys.create_key("", EVA)
    assert (first.row.name, second.row.name) == ("Key 1", "Key 2")
    with pytest.raises(Refused, match="Revoke one"):
        scim_keys.create_key("", EVA)
    scim_keys.stop_key(first.row.id, EVA)
    assert scim_keys.create_key("", EVA).row.name == "Key 3"
    assert judge_key(second.text)[1] == ""


@pytest.mark.parametrize("name", ["x" * (bounds.KEY_NAME_LENGTH + 1), "a\nb", "\x1b[31m"])
def test_names_that_cannot_be_read_are_refused(name: str):
    with pytest.raises(Refused, match="printable"):
        scim_keys.create_key(name, EVA)


def test_use_is_noted_at_most_once_a_minute(monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    monkeypatch.setattr(throttle, "steady_s", lambda: now[0])
    key = scim_keys.create_key("Entra", EVA).row
    key_last_use.note_key_use(key.id, HERE)
    key_last_use.note_key_use(key.id, "198.51.100.7")
    [noted] = scim_keys.list_keys()
    assert (noted.last_address, noted.last_used is None) == (HERE, False)
    now[0] += bounds.KEY_USE_NOTED_S
    key_last_use.note_key_use(key.id, "198.51.100.7")
    assert scim_keys.list_keys()[0].last_address == "198.51.100.7"


def test_a_note_that_cannot_be_written_disturbs_nobody(monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    monkeypatch.setattr(throttle, "steady_s", lambda: now[0])
    key = scim_keys.create_key("Entra", EVA).row
    tried: list[bool] = []
    with monkeypatch.context() as patch:

        def full(wait: bool) -> None:
            tried.append(wait)
            raise errors.unavailable("full")

        patch.setattr(directory_database, "writing", full)
        key_last_use.note_key_use(key.id, HERE)
        key_last_use.note_key_use(key.id, HERE)
        assert tried == [False], "not tried anew with every request"
    now[0] += bounds.KEY_USE_NOTED_S
    key_last_use.note_key_use(key.id, HERE)
    assert scim_keys.list_keys()[0].last_address == HERE
    key_last_use.note_key_use("unknown", HERE)


@pytest.mark.usefixtures("patient")
def test_a_note_does_not_wait_for_another_process(app: Flask, path: Path):
    key = scim_keys.create_key("Entra", EVA).row
    with held(path):
        finished_meanwhile(app, lambda: key_last_use.note_key_use(key.id, HERE))
    assert scim_keys.list_keys()[0].last_used is None


def test_the_overview_counts():
    empty = directory_totals.overview()
    assert (empty.users, empty.active_users, empty.groups, empty.last_contact, empty.has_key) == (0, 0, 0, None, False)
    for active in (True, True, False):
        insert(USER, user(active=active))
    insert(USER, user())
    insert(GROUP, group())
    key = scim_keys.create_key("Entra", EVA).row
    key_last_use.note_key_use(key.id, HERE)
    found = directory_totals.overview()
    assert (found.users, found.active_users, found.groups, found.has_key) == (4, 3, 1, True)
    used = scim_keys.list_keys()[0].last_used
    assert found.last_contact == Contact(used or "", HERE, "Entra")
