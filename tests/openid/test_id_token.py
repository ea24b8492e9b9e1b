import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from app import bounds
from app.openid import id_token
from app.openid import provider as ours
from app.openid.errors import ProviderCode
from app.openid.id_token import Claims
from app.openid.signing_keys import Keys
from tests.openid.provider import (
    CLIENT_ID,
    EC_KEY,
    ED_KEY,
    KEY,
    NEXT_KEY,
    OTHER_TENANT,
    STRANGER_KEY,
    TENANT,
    SigningProvider,
    encoded,
    sign,
    signed_with_public_key,
    unsigned,
)
from tests.openid.refusal import refused

NONCE = "a-nonce-of-this-sign-in"


class Reader:
    """Reads ID tokens of one provider, whose clock is ours."""

    def __init__(self, theirs: SigningProvider, pass_time: Callable[[float], float]) -> None:
        self.theirs = theirs
        theirs.now = lambda: pass_time(0)
        self.pass_time = pass_time
        self.keys = Keys(theirs.authority.ca_file)
        self.provider = ours.discover(ours.read_issuer(theirs.issuer), theirs.authority.ca_file)

    @property
    def now(self) -> int:
        return int(self.pass_time(0))

    def claims(self, **more: Any) -> dict[str, Any]:
        return self.theirs.claims(**{"nonce": NONCE, **more})

    def read(self, text: str, nonce: str = NONCE) -> Claims:
        return id_token.verify(text, self.provider, CLIENT_ID, nonce, self.keys)


@pytest.fixture
def reader(generic: SigningProvider, pass_time: Callable[[float], float]) -> Reader:
    return Reader(generic, pass_time)


@pytest.fixture
def entra_reader(entra: SigningProvider, pass_time: Callable[[float], float]) -> Reader:
    return Reader(entra, pass_time)


def test_an_honest_token(reader: Reader):
    found = reader.read(sign(reader.claims(auth_time=reader.now - 5)))
    assert (found.issuer, found.subject) == (reader.theirs.issuer, "ada-subject")
    assert (found.tenant, found.object_id) == ("", "")
    assert (found.name, found.username) == ("Ada Lovelace", "ada@example.org")
    assert found.auth_time == reader.now - 5
    with pytest.raises(FrozenInstanceError):
        found.subject = "other"  # type: ignore[misc]


def test_an_honest_token_of_entra(entra_reader: Reader):
    found = entra_reader.read(sign(entra_reader.claims()))
    assert (found.tenant, found.object_id) == (TENANT, "8c1d3a8e-6d15-4f0e-b5a7-0d9c5a2f4e11")
    assert found.auth_time is None


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (KEY, "PS256"), (ED_KEY, "EdDSA")])
def test_others_sign_as_entra_does_not(reader: Reader, entra_reader: Reader, key: Any, algorithm: str):
    for one in (reader, entra_reader):
        one.theirs.keys = [key.as_dict(private=False)]
    assert reader.read(sign(reader.claims(), key, algorithm)).subject == "ada-subject"
    with refused(ProviderCode.BAD_SIGNATURE):
        reader.read(sign(reader.claims(), key, algorithm)[:-8] + "AAAAAAAA")
    with refused(ProviderCode.ALG_REFUSED):
        entra_reader.read(sign(entra_reader.claims(), key, algorithm))


# --- the signature


def test_a_token_without_a_signature(reader: Reader):
    with refused(ProviderCode.ALG_REFUSED):
        reader.read(unsigned(reader.claims()))
    with refused(ProviderCode.BAD_SIGNATURE):
        reader.read(sign(reader.claims()).rpartition(".")[0] + ".")


def test_the_public_key_is_no_shared_secret(reader: Reader):
    with refused(ProviderCode.ALG_REFUSED):
        reader.read(signed_with_public_key(reader.claims()))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS384", "PS512"])
def test_other_algorithms_of_the_same_key(reader: Reader, algorithm: str):
    with refused(ProviderCode.ALG_REFUSED):
        reader.read(sign(reader.claims(), KEY, algorithm))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "rs256", "", 5, None, ["RS256"], {}])
def test_the_header_names_an_accepted_algorithm(reader: Reader, algorithm):
    head = encoded(json.dumps({"alg": algorithm, "kid": "first"}).encode())
    with refused(ProviderCode.ALG_REFUSED):
        reader.read(head + "." + sign(reader.claims()).partition(".")[2])
    assert reader.theirs.count("jwks") == 0


def test_a_signature_of_somebody_elses_key(reader: Reader):
    with refused(ProviderCode.BAD_SIGNATURE):
        reader.read(sign(reader.claims(), STRANGER_KEY))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_changed(reader: Reader, part: int):
    parts = sign(reader.claims()).split(".")
    if part == 0:
        parts[0] = encoded(json.dumps({"alg": "RS256", "kid": "first", "more": 1}).encode())
    elif part == 1:
        parts[1] = encoded(json.dumps(reader.claims(sub="somebody-else")).encode())
    else:
        parts[2] = ("B" if parts[2][0] == "A" else "A") + parts[2][1:]
    with refused(ProviderCode.BAD_SIGNATURE):
        reader.read(".".join(parts))


def test_an_unknown_key(reader: Reader):
    with refused(ProviderCode.UNKNOWN_KEY):
        reader.read(sign(reader.claims(), NEXT_KEY))


def test_a_key_that_is_rotated(reader: Reader):
    now = [0.0]
    reader.keys = Keys(reader.theirs.authority.ca_file, monotonic=lambda: now[0])
    reader.read(sign(reader.claims()))
    reader.theirs.keys = [NEXT_KEY.as_dict(private=False)]
    now[0] = bounds.PROVIDER_ANEW_S
    reader.read(sign(reader.claims(), NEXT_KEY))
    with refused(ProviderCode.UNKNOWN_KEY):
        reader.read(sign(reader.claims()))


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": True}])
def test_what_must_be_understood_is_refused(reader: Reader, header: dict[str, Any]):
    with refused(ProviderCode.MALFORMED) as caught:
        reader.read(sign(reader.claims(), **header))
    assert "crit" in str(caught.value)


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "client-authentication+jwt", "JWE", 5, [], {"a": 1}])
def test_other_kinds_of_token_are_refused(reader: Reader, kind):
    head = encoded(json.dumps({"alg": "RS256", "kid": "first", "typ": kind}).encode())
    with refused(ProviderCode.MALFORMED) as caught:
        reader.read(head + "." + sign(reader.claims()).partition(".")[2])
    assert "typ" in str(caught.value)


def test_a_header_may_say_more_or_less(reader: Reader):
    for header in ({"typ": None}, {"typ": "jwt"}, {"x5t": "abc", "other": [1]}, {"kid": None}):
        assert reader.read(sign(reader.claims(), **header)).subject == "ada-subject"


@pytest.mark.parametrize("key_id", [5, "", [], "k" * (bounds.PROVIDER_KEY_ID_LENGTH + 1)])
def test_a_key_id_is_bounded_text(reader: Reader, key_id):
    head = encoded(json.dumps({"alg": "RS256", "kid": key_id}).encode())
    with refused(ProviderCode.MALFORMED):
        reader.read(head + "." + sign(reader.claims()).partition(".")[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "..",
        "a.b.c.d.e",
        "eyJhbGciOiJSUzI1NiJ9.e30.a\n",
        encoded(b'"alg"') + ".e30.a",
        encoded(b'["alg"]') + ".e30.a",
        encoded(b"[" * 5000) + ".e30.a",
        encoded(b'{"alg": "none", "alg": "RS256"}') + ".e30.a",
        encoded(b'{"alg": "\xff"}') + ".e30.a",
        "\u00e9.e30.a",
        None,
        5,
    ],
)
def test_what_is_no_token(reader: Reader, text):
    with refused(ProviderCode.MALFORMED):
        reader.read(text)


def test_a_token_is_bounded(reader: Reader):
    padding = "x" * (bounds.TOKEN_LENGTH // 2)
    assert reader.read(sign(reader.claims(padding=padding))).subject == "ada-subject"
    with refused(ProviderCode.MALFORMED):
        reader.read(sign(reader.claims(padding=padding * 2)))


@pytest.mark.parametrize("payload", ["[]", "5", "text", "null", '{"sub": "a", "sub": "b"}', '{"exp": NaN}', "[" * 5000])
def test_claims_are_one_strict_object(reader: Reader, payload: str):
    with refused(ProviderCode.MALFORMED):
        reader.read(sign(payload))


# --- the claims


@pytest.mark.parametrize("issuer", [None, "", 5, "https://127.0.0.1/other", "slash", "upper"])
def test_the_issuer_is_exactly_the_expected_one(reader: Reader, issuer):
    named = {"slash": reader.theirs.issuer + "/", "upper": reader.theirs.issuer.upper()}.get(issuer, issuer)
    with refused(ProviderCode.WRONG_ISSUER):
        reader.read(sign(reader.claims(iss=named)))


@pytest.mark.parametrize("tenant", [None, OTHER_TENANT, "", 5, TENANT.upper()])
def test_the_tenant_is_exactly_the_expected_one(entra_reader: Reader, tenant):
    with refused(ProviderCode.WRONG_TENANT):
        entra_reader.read(sign(entra_reader.claims(tid=tenant)))


@pytest.mark.parametrize(
    "audience", [None, "", 5, [], "other", CLIENT_ID.upper(), [CLIENT_ID, "other"], ["other"], [[CLIENT_ID]], {}]
)
def test_the_audience_is_exactly_this_client(reader: Reader, audience):
    with refused(ProviderCode.WRONG_AUDIENCE):
        reader.read(sign(reader.claims(aud=audience)))


def test_the_audience_may_be_a_list_of_this_client(reader: Reader):
    assert reader.read(sign(reader.claims(aud=[CLIENT_ID], azp=CLIENT_ID))).subject == "ada-subject"


@pytest.mark.parametrize("party", ["", "other", 5, [CLIENT_ID]])
def test_the_authorized_party_is_this_client(reader: Reader, party):
    with refused(ProviderCode.WRONG_AUDIENCE):
        reader.read(sign(reader.claims(azp=party)))


@pytest.mark.parametrize("nonce", [None, "", "other", 5, [NONCE], NONCE + " ", "\ud800"])
def test_the_nonce_is_this_sign_ins(reader: Reader, nonce):
    with refused(ProviderCode.WRONG_NONCE):
        reader.read(sign(reader.claims(nonce=nonce)))


def test_no_nonce_is_never_right(reader: Reader):
    with refused(ProviderCode.WRONG_NONCE):
        reader.read(sign(reader.claims(nonce="")), nonce="")


def test_the_nonce_is_compared_in_constant_time(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    import hmac

    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)) or real(one, other))
    reader.read(sign(reader.claims()))
    assert (NONCE.encode(), NONCE.encode()) in compared


def test_an_expired_token(reader: Reader):
    text = sign(reader.claims(exp=reader.now + 60))
    reader.pass_time(60 + bounds.TOKEN_LEEWAY_S - 1)
    reader.read(text)
    reader.pass_time(1)
    with refused(ProviderCode.EXPIRED):
        reader.read(text)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future(reader: Reader, name: str):
    text = sign(reader.claims(**{name: reader.now + bounds.TOKEN_LEEWAY_S + 1}))
    with refused(ProviderCode.NOT_YET):
        reader.read(text)
    reader.pass_time(1)
    reader.read(text)


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize(
    "time", ["true", '"1900000000"', "[]", "{}", "1e300", "9" * 400, "-1", "NaN", "Infinity", "1e999", "9" * 5000]
)
def test_a_time_is_a_plain_number(reader: Reader, name: str, time: str):
    payload = json.dumps(reader.claims(**{name: "THE TIME"})).replace('"THE TIME"', time)
    with refused(ProviderCode.MALFORMED):
        reader.read(sign(payload))


@pytest.mark.parametrize("name", ["exp", "iat", "sub"])
def test_a_claim_that_must_be_there(reader: Reader, name: str):
    with refused(ProviderCode.MALFORMED) as caught:
        reader.read(sign(reader.claims(**{name: None})))
    assert name in str(caught.value)


def test_a_time_may_have_a_fraction_and_nbf_be_missing(reader: Reader):
    claims = reader.claims(nbf=None, exp=reader.now + 0.5, auth_time=reader.now - 0.5)
    assert reader.read(sign(claims)).auth_time == reader.now - 1


@pytest.mark.parametrize("name", ["sub", "oid"])
@pytest.mark.parametrize("wrong", [5, True, "", [], {}, "a\nb", "a\u202eb", "\ud800", "x" * (bounds.CLAIM_LENGTH + 1)])
def test_what_identifies_is_bounded_text(reader: Reader, name: str, wrong):
    with refused(ProviderCode.MALFORMED) as caught:
        reader.read(sign(reader.claims(**{name: wrong})))
    assert name in str(caught.value)


# --- what is shown


def test_claims_are_shown_as_bounded_text(reader: Reader):
    more = {
        "name": "Ada\u202e\n\ud800<b>",
        "preferred_username": ["a", 1],
        "roles": ["Admin", "Reader"],
        "long": "x" * 5000,
        "bad\nname": True,
        "a" * 5000: 1,
    }
    found = reader.read(sign(reader.claims(**more)))
    assert found.name == "Ada\ufffd\ufffd\ufffd<b>"
    assert found.username == '["a", 1]'
    assert found.shown["roles"] == '["Admin", "Reader"]'
    assert found.shown["long"] == "x" * (bounds.CLAIM_SHOWN_LENGTH - 1) + "…"
    assert found.shown["bad\ufffdname"] == "true"
    assert found.shown["iss"] == reader.theirs.issuer
    assert "nonce" not in found.shown
    for text in (*found.shown, *found.shown.values(), found.name, found.username):
        assert len(text) <= bounds.CLAIM_SHOWN_LENGTH
        assert text.isprintable()
    with pytest.raises(TypeError):
        found.shown["sub"] = "other"  # type: ignore[index]


def test_only_so_many_claims_are_shown(reader: Reader):
    found = reader.read(sign(reader.claims(**{f"c{number}": number for number in range(200)})))
    assert len(found.shown) == bounds.CLAIMS_SHOWN
    assert found.name == "Ada Lovelace"


def test_a_name_that_is_missing_is_empty(reader: Reader):
    found = reader.read(sign(reader.claims(name=None, preferred_username=None)))
    assert (found.name, found.username) == ("", "")
