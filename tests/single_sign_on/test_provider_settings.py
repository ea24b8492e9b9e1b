"""The Single sign-on page: what can be saved, the secret that goes in and never comes out, the test, turning it off."""

import sqlite3
from contextlib import closing

import pytest

from tests.openid.provider import CLIENT_SECRET, Faults
from tests.single_sign_on.scene import Scene
from tests.single_sign_on.test_provider_sign_in import refused
from tests.web.test_console import words

OTHER = "11111111-2222-4333-8444-555555555555"


def test_an_empty_page_says_what_to_do(unconfigured: Scene):
    page = unconfigured.owner().get("/single-sign-on").text
    assert "Off: only administrators" in page and unconfigured.appliance.url + "/auth/callback" in page
    assert "not the app that provisions" in page


def test_what_is_saved_is_shown_but_for_the_secret(entra: Scene):
    page = entra.owner().get("/single-sign-on").text
    assert entra.provider.client_id in page and entra.provider.issuer in page and "<b>On:</b>" in page
    assert CLIENT_SECRET not in page
    with closing(sqlite3.connect(entra.appliance.data / "recnice.sqlite3")) as connection:
        assert CLIENT_SECRET not in "\n".join(connection.iterdump())
    (entry,) = entra.audit("provider-saved")
    assert (entry["target"], entry["secret"], entry["actor"]) == (entra.provider.issuer, "new", "operator eva")


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"tenant": "common"}, "Directory (tenant) ID"),
        ({"tenant": "contoso.onmicrosoft.com"}, "Directory (tenant) ID"),
        ({"tenant": ""}, "Directory (tenant) ID"),
        ({"cloud": "mars"}, "cloud"),
        ({"client_id": " "}, "client ID"),
        ({"client_id": "é"}, "client ID"),
        ({"client_id": "x" * 256}, "client ID"),
        ({"secret": "x" * 1025}, "client secret"),
        ({"secret": ""}, "Enter the client secret"),
        ({"kind": "openid", "address": "http://127.0.0.1:1/realm"}, "https://"),
        ({"kind": "openid", "address": "http://localhost/realm"}, "https://"),
        ({"kind": "openid", "address": "https://user:pw@host/"}, "https://"),
        ({"kind": "openid", "address": ""}, "https://"),
        ({"kind": "openid", "address": "https://unknown.example/"}, "proxy gave no connection"),
        ({"kind": "nonsense", "address": "\x00"}, "https://"),
        ({"tenant": OTHER}, "status 404|another issuer|proxy"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_saved(unconfigured: Scene, change: dict[str, str], because: str):
    page = unconfigured.save(**change)
    sentence = refused(page, 400)
    assert any(one in sentence for one in because.split("|")), sentence
    assert "Off: only administrators" in unconfigured.owner().get("/single-sign-on").text
    assert unconfigured.audit("provider-saved") == []
    assert CLIENT_SECRET not in page.text and "pw@" not in sentence


def test_a_tenant_that_microsoft_does_not_know_is_told_so(unconfigured: Scene):
    unconfigured.provider.faults["discovery"] = Faults.replies(400, b'{"error": "invalid_tenant"}')
    assert "copy the Directory (tenant) ID again" in refused(unconfigured.save(), 400)


def test_a_provider_that_is_down_is_not_saved(unconfigured: Scene):
    unconfigured.provider.faults["discovery"] = Faults.closes
    assert "no connection to login.microsoftonline.com" in refused(unconfigured.save(), 400)
    unconfigured.provider.faults.clear()
    assert unconfigured.save().status == 303, "a try that failed does not keep the next one from looking"


def test_an_address_of_entra_stands_for_its_tenant(unconfigured: Scene):
    address = f"https://login.microsoftonline.com/{unconfigured.provider.tenant}/v2.0/.well-known/openid-configuration"
    assert unconfigured.save(kind="openid", address=address).status == 303
    assert "the <b>object ID</b>" in unconfigured.owner().get("/single-sign-on").text


def test_the_issuer_of_the_discovery_document_is_kept(generic: Scene):
    """Providers whose issuer ends in a slash have the same document as those whose issuer does not."""
    theirs, address = generic.provider, generic.provider.issuer + "/.well-known/openid-configuration"
    theirs.user["iss"] = theirs.issuer + "/"
    theirs.document_change = lambda document: document | {"issuer": theirs.user["iss"]}
    generic.person("ada@example.org", theirs.user["sub"])
    for secret in (theirs.client_secret, ""):
        assert generic.save(address=address, secret=secret).status == 303
        assert generic.is_in(generic.sign_in())
    assert theirs.user["iss"] in generic.owner().get("/single-sign-on").text


def test_the_secret_is_kept_where_the_field_is_empty(entra: Scene, ada: str):
    assert entra.save(secret="").status == 303
    assert entra.audit("provider-saved")[-1]["secret"] == "as before"
    assert entra.is_in(entra.sign_in())


def test_a_kept_secret_goes_to_nobody_else(entra: Scene, generic_place: int):
    """Another address or client with the secret of the one before would hand it to whoever is there."""
    for change in ({"client_id": "another"}, {"kind": "openid", "address": f"https://127.0.0.1:{generic_place}/realm"}):
        assert "Enter the client secret" in refused(entra.save(secret="", **change), 400)
    assert entra.provider.client_id in entra.owner().get("/single-sign-on").text


@pytest.fixture
def generic_place(entra: Scene) -> int:
    return entra.provider.port


def test_the_page_asks_for_an_owner_and_says_when_it_asked(entra: Scene, ada: str):
    asked = entra.provider.count("discovery")
    assert "were valid less than a minute ago" in words(entra.owner().get("/single-sign-on").text)
    assert entra.provider.count("discovery") == asked + 1
    entra.grant(ada, "viewer")
    assert "were valid" in words(entra.sign_in().get("/single-sign-on").text)
    assert entra.provider.count("discovery") == asked + 1, "what is kept is enough for others"
    entra.provider.faults["discovery"] = Faults.closes
    assert "Sign-in with" in entra.owner().get("/single-sign-on").text
    assert entra.is_in(entra.sign_in()), "what was kept stays"


def test_turning_it_off_signs_everybody_out(entra: Scene, ada: str):
    visitor, owner = entra.sign_in(), entra.owner()
    assert "signed out immediately" in owner.get("/single-sign-on/remove").text
    assert owner.post("/single-sign-on/remove").status == 303
    assert not entra.is_in(visitor) and entra.sessions() == 0
    assert entra.audit("provider-removed")[0]["target"] == entra.provider.issuer
    assert owner.get("/me").status == 200
    assert owner.get("/single-sign-on/remove").location == "/single-sign-on"


def test_saving_again_signs_nobody_out(entra: Scene, ada: str):
    visitor = entra.sign_in()
    assert entra.save().status == 303 and entra.is_in(visitor)


def test_without_proof_nothing_is_changed(entra: Scene, ada: str):
    entra.grant(ada)
    entra.provider.user["auth_time"] = 1_000_000_000
    visitor = entra.sign_in()
    visitor.get("/single-sign-on")
    page = visitor.post("/single-sign-on", **entra.entered(client_id="another"), back="/single-sign-on")
    assert (page.status, page.location) == (303, "/confirm?next=/single-sign-on")
    for path in ("/single-sign-on/test", "/single-sign-on/remove"):
        assert visitor.get(path).location.startswith("/confirm")
    assert len(entra.audit("provider-saved")) == 1


# --- the test of the sign-in


def test_a_test_shows_claims_and_match_and_signs_nobody_in(entra: Scene, ada: str):
    owner = entra.owner()
    cookie = owner.cookies["recnice_session"]
    page = entra.go(owner, "/single-sign-on/test")
    assert page.status == 200
    would = "Ada Lovelace</bdi></a> can sign in"
    for shown in (would, "preferred_username", entra.provider.user["oid"], "auth_time"):
        assert shown in page.text, shown
    assert "<code>nonce</code>" not in page.text
    assert entra.sessions() == 0 and owner.cookies["recnice_session"] == cookie
    assert entra.audit("provider-tested")[0]["outcome"] == "can sign in"


def test_a_test_asks_when_the_person_signed_in_as_a_proof_does(generic: Scene):
    """A provider must say it only to those who ask."""
    generic.provider.says_when_asked = True
    generic.person("ada@example.org", generic.provider.user["sub"])
    page = generic.go(generic.owner(), "/single-sign-on/test")
    assert page.status == 200 and "can sign in</b>" in page.text
    assert "<code>auth_time</code>" in page.text and "does not send the time" not in page.text


def test_a_test_says_why_nobody_would_be_let_in(entra: Scene):
    entra.person("ada@example.org", "ada")
    page = entra.go(entra.owner(), "/single-sign-on/test")
    assert "No user can sign in with this account" in page.text and "the mail nickname; map objectId" in page.text


def test_a_test_tells_the_administrator_what_went_wrong(entra: Scene):
    entra.provider.faults["token"] = Faults.replies(
        401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: <b>no</b>"}'
    )
    page = entra.go(entra.owner(), "/single-sign-on/test")
    assert "copy the secret&#39;s Value from Entra" in page.text and "<b>no</b>" not in page.text
    assert entra.audit("provider-tested")[0]["code"] == "client-refused"


def test_a_test_is_for_the_session_that_began_it(entra: Scene, ada: str):
    owner = entra.owner()
    back = entra.leave(owner, "/single-sign-on/test")
    other = entra.sign_in()
    other.cookies["recnice_journey"] = owner.cookies["recnice_journey"]
    assert other.get(back).status == 403
    stranger = entra.stranger()
    stranger.cookies["recnice_journey"] = owner.cookies["recnice_journey"]
    assert stranger.get(back).status == 400
    assert entra.audit("provider-tested") == []


def test_what_a_provider_says_is_text_on_the_page(entra: Scene):
    nasty = "<script>alert(1)</script>"
    entra.provider.user |= {"name": nasty, nasty: nasty, "preferred_username": "\u202e" + nasty}
    page = entra.go(entra.owner(), "/single-sign-on/test")
    assert page.status == 200 and nasty not in page.text
    assert nasty not in entra.go(entra.stranger()).text
