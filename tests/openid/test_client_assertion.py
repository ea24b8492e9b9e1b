from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app import bounds
from app.openid import provider as ours
from app.openid.client_assertion import Assertion, verify_assertion
from app.openid.errors import ProviderCode
from app.openid.signing_keys import Keys
from tests.openid.provider import (
    KEY,
    OTHER_TENANT,
    STRANGER_KEY,
    SigningProvider,
    sign,
    signed_with_public_key,
    unsigned,
)
from tests.openid.refusal import refused

SUBJECT = "d2f8ee76-c549-45b8-a143-f5b640669704"
AUDIENCE = "api://AzureADTokenExchange"


class Reader:
    """Reads assertions of one provider, whose clock is ours."""

    def __init__(self, theirs: SigningProvider, pass_time: Callable[[float], float]) -> None:
        self.theirs = theirs
        theirs.now = lambda: pass_time(0)
        theirs.user = {"sub": SUBJECT, "aud": AUDIENCE, "uti": "an-identifier"}
        if theirs.tenant:
            theirs.user |= {"tid": theirs.tenant, "oid": SUBJECT, "ver": "2.0"}
        self.now = int(pass_time(0))
        self.keys = Keys(theirs.authority.ca_file)
        self.provider = ours.discover(ours.read_issuer(theirs.issuer), theirs.authority.ca_file)

    def read(
        self, text: str, subject: str = SUBJECT, audiences: tuple[str, ...] = (AUDIENCE, "api://ours")
    ) -> Assertion:
        return verify_assertion(text, self.provider, subject, audiences, self.keys)

    def read_claims(self, **more: Any) -> Assertion:
        return self.read(sign(self.theirs.claims(**more)))


@pytest.fixture(params=["generic", "entra"])
def reader(request: pytest.FixtureRequest, pass_time: Callable[[float], float]) -> Reader:
    return Reader(request.getfixturevalue(request.param), pass_time)


def test_an_honest_assertion(reader: Reader):
    expires = datetime.fromtimestamp(reader.now + 3600 + bounds.TOKEN_LEEWAY_S, UTC)
    assert reader.read_claims() == Assertion("an-identifier", expires)
    assert reader.read_claims(jti="another").jti == "another"
    assert reader.read_claims(aud=["api://ours"]).jti == "an-identifier"


@pytest.mark.parametrize("identifiers", [{"uti": None}, {"uti": None, "jti": None}])
def test_an_assertion_without_an_identifier(reader: Reader, identifiers: dict[str, Any]):
    with refused(ProviderCode.NO_IDENTIFIER):
        reader.read_claims(**identifiers)


@pytest.mark.parametrize("wrong", ["", 5, [], "a\nb", "x" * (bounds.CLAIM_LENGTH + 1)])
def test_an_identifier_is_bounded_text(reader: Reader, wrong):
    for name in ("jti", "uti"):
        with refused(ProviderCode.MALFORMED):
            reader.read_claims(**{name: wrong})


@pytest.mark.parametrize("subject", [None, "somebody-else", SUBJECT.upper()])
def test_the_subject_is_exactly_the_expected_one(reader: Reader, subject):
    with refused(ProviderCode.WRONG_SUBJECT):
        reader.read_claims(sub=subject)


def test_no_subject_is_never_right(reader: Reader):
    with refused(ProviderCode.WRONG_SUBJECT):
        reader.read(sign(reader.theirs.claims(sub=None)), subject="")


@pytest.mark.parametrize("audience", [None, "", "other", AUDIENCE.lower(), [AUDIENCE, "api://ours"], [], 5])
def test_the_audience_is_one_of_ours_alone(reader: Reader, audience):
    with refused(ProviderCode.WRONG_AUDIENCE):
        reader.read_claims(aud=audience)


def test_no_audience_is_accepted_where_none_is_named(reader: Reader):
    with refused(ProviderCode.WRONG_AUDIENCE):
        reader.read(sign(reader.theirs.claims()), audiences=())


def test_the_issuer_and_the_tenant(reader: Reader):
    with refused(ProviderCode.WRONG_ISSUER):
        reader.read_claims(iss="https://other.example")
    if reader.theirs.tenant:
        with refused(ProviderCode.WRONG_TENANT):
            reader.read_claims(tid=OTHER_TENANT)


def test_the_signature(reader: Reader):
    claims = reader.theirs.claims()
    for text in (unsigned(claims), signed_with_public_key(claims)):
        with refused(ProviderCode.ALG_REFUSED):
            reader.read(text)
    with refused(ProviderCode.BAD_SIGNATURE):
        reader.read(sign(claims, STRANGER_KEY))
    with refused(ProviderCode.MALFORMED):
        reader.read(sign(claims, KEY, crit=["exp"]))


def test_the_times(reader: Reader):
    with refused(ProviderCode.EXPIRED):
        reader.read_claims(exp=reader.now - bounds.TOKEN_LEEWAY_S)
    with refused(ProviderCode.NOT_YET):
        reader.read_claims(nbf=reader.now + bounds.TOKEN_LEEWAY_S + 1)
    with refused(ProviderCode.MALFORMED):
        reader.read_claims(exp=None)


def test_when_it_was_made_need_not_be_said(reader: Reader):
    reader.read_claims(iat=None)
    reader.read_claims(iat=None, nbf=None)
    with refused(ProviderCode.NOT_YET):
        reader.read_claims(iat=reader.now + bounds.TOKEN_LEEWAY_S + 1)
    with refused(ProviderCode.MALFORMED):
        reader.read_claims(iat="today")


@pytest.mark.parametrize(
    "kind",
    ["client-authentication+jwt", "application/client-authentication+jwt", "Client-Authentication+JWT"]
    + ["JWT", "application/jwt", None],
)
def test_the_types_of_a_client_assertion(reader: Reader, kind: str | None):
    reader.read(sign(reader.theirs.claims(), typ=kind))


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "", "application/", "text/jwt"])
def test_a_token_of_another_type_is_no_assertion(reader: Reader, kind: object):
    with refused(ProviderCode.MALFORMED):
        reader.read(sign(reader.theirs.claims(), typ=kind))


def test_an_assertion_is_not_valid_for_long(reader: Reader):
    longest = reader.now + bounds.ASSERTION_S + bounds.TOKEN_LEEWAY_S
    reader.read_claims(exp=longest)
    for expires in (longest + 1, 2**40):
        with refused(ProviderCode.TOO_LONG_LIVED):
            reader.read_claims(exp=expires)
