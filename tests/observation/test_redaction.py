"""What of a refused request may be kept: never a key, a password or a token, and little of anything else."""

import binascii
import json
from typing import Any

import pytest

from app import bounds
from app.observation import redaction
from app.scim.errors import Code, Mismatch, ScimError
from app.scim.resource_types import GROUP, USER

RANDOM = "n0TaKEY" * 6 + "n"
KEY = f"rcn_scim_{RANDOM}_{binascii.crc32(RANDOM.encode()) & 0xFFFFFF:06x}"
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiI4YWRmOGU2ZSJ9.c2lnbmF0dXJl"
SESSION = "jb-aHV5UkUmUmDwMnExYRVKaqvqHPYGD8mQVAnfGGgo"
ID = "3f1c9a52-8f59-4f0e-9a57-4f2a7a8b3c1d"
CORE, ENTERPRISE = USER.schema.urn, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def kept(sent: Any, resource_type: Any = USER) -> Any:
    return json.loads(redaction.body(sent, resource_type))


def patched(*operations: Any, resource_type: Any = USER) -> list[Any]:
    operations_kept: list[Any] = kept({"Operations": list(operations)}, resource_type)["Operations"]
    return operations_kept


@pytest.mark.parametrize(
    "secret", [KEY, KEY[:20], KEY.upper(), JWT, JWT.partition(".")[0], f"Bearer {SESSION}", SESSION]
)
@pytest.mark.parametrize("form", ["{}", 'got "{}"', "a{} b", "/scim/{}/x", "x={}&y", "({})"])
def test_a_secret_is_masked_wherever_it_stands(secret: str, form: str):
    if form == "a{} b" and secret in (SESSION, JWT, JWT.partition(".")[0], f"Bearer {SESSION}"):
        form = "a {} b"  # only our own keys are known by their beginning in the middle of a word
    text = redaction.masked(form.format(secret))
    assert redaction.MASK in text
    assert not any(secret[at : at + 12] in text for at in range(len(secret) - 11))


@pytest.mark.parametrize(
    "text",
    [
        ID,
        "ada.lovelace@sub.example.com",
        "Wolfeschlegelsteinhausenbergerdorff",
        f"{ENTERPRISE}:department: expected text, got a number",
        "Authorization: expected 'Bearer' and a valid SCIM Key",
        'addresses[type eq "work"].streetAddress',
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert redaction.masked(text) == text


def test_a_text_is_cut():
    assert redaction.masked("ä" * 1_000, 10) == "ä" * 9 + "…"
    assert redaction.masked("x" * 5 + KEY, 10) == "x" * 5 + redaction.MASK[:4] + "…"


def test_declared_attributes_keep_their_values_and_others_only_the_kind():
    sent = {
        "schemas": [CORE, "urn:misspelt:2.0User"],
        "USERNAME": "ada@example.com",
        "active": "False",
        "emails": [{"value": "a@example.com", "type": "work", "zip": "12345"}],
        "name": {"givenName": "Ada", "pin": 4},
        ENTERPRISE: {"department": "R", "budget": [1, 2]},
        "favouriteColour": "blue",
        "mothersName": None,
        "flags": {"a": 1},
        "isCool": True,
        "not a name": "x",
    }
    assert kept(sent) == {
        "schemas": sent["schemas"],
        "USERNAME": "ada@example.com",
        "active": "False",
        "emails": [{"value": "a@example.com", "type": "work", "zip": "(text of 5)"}],
        "name": {"givenName": "Ada", "pin": "(a number)"},
        ENTERPRISE: {"department": "R", "budget": "(a list of 2)"},
        "favouriteColour": "(text of 4)",
        "mothersName": "(null)",
        "flags": "(an object)",
        "isCool": "(true or false)",
        "(a name)": "(text of 1)",
    }


def test_a_password_is_never_kept():
    assert USER.tree.find("password") is not None
    password = "a blue kettle sings"
    for sent in (
        {"password": password, "passwords": [password], "apiSecret": password, "userName": "ada"},
        {CORE: {"password": password}},
        {"Operations": [{"op": "add", "path": "password", "value": password}]},
        {"Operations": [{"op": "add", "value": {"PassWord": password, "urn:x:2.0:User:password": password}}]},
        {"operations": [{"op": "add", "path": f'emails[passwordHint eq "{password}"].value', "value": "x"}]},
        {"operations": [{"op": password, "path": password, "value": password, "more": password}]},
        {"schemas": [password], "filter": f'password eq "{password}"'},
        [password],
        password,
    ):
        assert password not in redaction.body(sent, USER), sent
        assert password not in redaction.body(sent, None), sent


def test_operations_of_a_patch_keep_their_paths_and_values():
    assert patched(
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "b@example.com"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": ID}},
        {"op": "replace", "value": {"name.givenName": "Ada", "shoeSize": "44", "active": False}},
        {"op": "replace", "value": [{"title": "Judge"}, {"pin": 4}]},
        {"op": "replace", "path": CORE, "value": {"title": "Judge", CORE: [{"active": False}, "pin"]}},
        {"op": "Add", "path": "shoeSize", "value": "44"},
        {"op": "Add", "path": 'shoes[color eq "red"].size', "value": {"a": "44"}},
        "nonsense",
        {"op": "remove", "path": 5},
    ) == [
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "b@example.com"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": ID}},
        {"op": "replace", "value": {"name.givenName": "Ada", "shoeSize": "(text of 2)", "active": False}},
        {"op": "replace", "value": [{"title": "Judge"}, {"pin": "(a number)"}]},
        {"op": "replace", "path": CORE, "value": {"title": "Judge", CORE: [{"active": False}, "(text of 3)"]}},
        {"op": "Add", "path": "shoeSize", "value": "(text of 2)"},
        {"op": "Add", "path": "shoes[…]", "value": "(an object)"},
        "(text of 8)",
        {"op": "remove", "path": "(a number)"},
    ]
    members = {"op": "Add", "path": "members", "value": [{"value": ID}]}
    assert patched(members, resource_type=GROUP) == [members]


def test_keys_are_masked_in_names_and_in_values():
    text = redaction.body({KEY: 1, "displayName": f"my {KEY}", "title": JWT, "userName": SESSION}, USER)
    assert not any(secret in text for secret in (KEY, JWT, SESSION))
    assert text.count(redaction.MASK) >= 3


def test_a_body_is_bounded():
    members = [{"value": f"{number:08x}"} for number in range(10_000)]
    assert len(redaction.body({"displayName": "x", "members": members}, GROUP)) <= bounds.KEPT_BODY_LENGTH
    longest = {"displayName": "x" * 10_000, **{f"name{number}": "y" for number in range(5_000)}}
    assert len(redaction.body(longest, USER)) <= bounds.KEPT_BODY_LENGTH
    deep: Any = "x"
    for _ in range(30):
        deep = {"name": deep}
    assert len(redaction.body(deep, USER)) <= bounds.KEPT_BODY_LENGTH


def test_a_body_that_is_no_json_keeps_only_its_length():
    assert redaction.unread_body(77) == "(no JSON that can be read: 77 bytes)"


def test_a_reason_beside_a_secret_keeps_nothing_of_what_came():
    other = Mismatch(Code.INVALID_VALUE, "title", "text", '"x\\"y"')
    error = ScimError(Code.INVALID_FILTER, "filter", "a comparison", '"hunter2"', others=[other])
    assert redaction.kept_error(error, False) is error
    kept = redaction.kept_error(error, True)
    assert (kept.detail, kept.mismatch.got) == ("filter: expected a comparison; title: expected text", "")
    for told in (
        ScimError(Code.INVALID_VALUE, "password", "text", '"hunter2"'),
        ScimError(Code.BAD_REQUEST, sentence='"hunter2" is no word of a token'),
    ):
        assert "hunter2" not in repr(vars(redaction.kept_error(told, False)))


@pytest.mark.parametrize(
    "name", ["SG_APP_Finance_Reporting_Readers_EU", "SG_APP_Purchasing_Contributors_US1", "Ana Ruiz"]
)
def test_a_long_name_is_no_secret(name: str):
    assert redaction.masked_name(name) == name


@pytest.mark.parametrize("secret", [KEY, JWT, f"Bearer {SESSION}", SESSION, KEY[9:52]])
def test_a_secret_is_no_name(secret: str):
    assert redaction.masked_name(f"Ana {secret}").startswith(f"Ana {redaction.MASK}")
