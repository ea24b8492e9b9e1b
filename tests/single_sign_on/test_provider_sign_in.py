"""Signing in by single sign-on over HTTP: who comes in, who does not and why, and that nothing counts twice."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from app import bounds
from tests.openid.provider import CLIENT_SECRET
from tests.single_sign_on.scene import GROUP, Scene
from tests.web.visitor import Page, Visitor


def refused(page: Page, status: int = 403) -> str:
    """The sentence of a refusal."""
    assert page.status == status, (page.status, page.text)
    found = re.search(r'role="alert">([^<]+)<', page.text)
    assert found, page.text
    return found[1]


@pytest.mark.executable
def test_a_provisioned_person_comes_in(entra: Scene, ada: str):
    group = {"schemas": [GROUP], "displayName": "Engines", "members": [{"value": ada}]}
    assert entra.appliance.request("POST", "/scim/Groups", group).status == 201
    visitor = entra.stranger()
    assert "Sign in with <bdi>Microsoft</bdi>" in visitor.get("/login").text
    page = entra.go(visitor, "/auth/start?next=/me")
    assert (page.status, page.location) == (303, "/me")
    me = visitor.get("/me").text
    for shown in ("Ada Lovelace", "ada@example.org", "Engines", "single sign-on"):
        assert shown in me, shown
    (entry,) = entra.audit("signed-in")[-1:]
    assert (entry["actor"], entry["by"]) == ("person ada@example.org", "single sign-on")
    assert entry["person"] == ada


def test_without_a_role_there_is_nothing_but_the_own_profile(entra: Scene, ada: str):
    visitor = entra.sign_in()
    assert visitor.get("/").location == "/me"
    for wanted in ("/", "/users", "/problems?show=all", f"/users/{ada}", "/help"):
        location = entra.go(entra.stranger(), f"/auth/start?next={wanted}").location
        assert location == ("/help" if wanted == "/help" else "/me"), wanted
    for path in ("/users", "/problems", "/single-sign-on", f"/users/{ada}"):
        assert visitor.get(path).status == 403
    menu = visitor.get("/me").text
    assert 'href="/users"' not in menu and 'href="/single-sign-on"' not in menu
    assert visitor.get("/single-sign-on/test").status == 403


def test_with_a_role_there_is_the_console(entra: Scene, ada: str):
    entra.grant(ada, "viewer")
    visitor = entra.sign_in()
    assert visitor.get("/users").status == 200
    assert visitor.get("/single-sign-on/remove").status == 403


def test_the_session_id_is_new_and_the_earlier_session_over(entra: Scene, ada: str):
    visitor = entra.sign_in()
    earlier = dict(visitor.cookies)
    entra.go(visitor)
    assert visitor.cookies["recnice_session"] != earlier["recnice_session"]
    again = entra.stranger()
    again.cookies = earlier
    assert not entra.is_in(again) and entra.is_in(visitor)


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aX:y", "x" * 5000]
)
def test_the_way_on_is_a_path_of_ours(entra: Scene, ada: str, wanted: str):
    entra.grant(ada, "viewer")
    location = entra.go(entra.stranger(), f"/auth/start?next={wanted}").location
    assert location == "/" or (location.startswith("/%0") and "\n" not in location), location


def test_the_object_id_is_read_in_either_letter_case(entra: Scene):
    entra.person("ada@example.org", entra.provider.user["oid"].upper())
    assert entra.is_in(entra.sign_in())


def test_swapped_names_and_addresses_lead_to_the_own_record(entra: Scene, ada: str):
    """Two people swap what they are called: only the object ID says who is who."""
    emails = [{"type": "work", "primary": True, "value": "ada@example.org"}]
    bob = entra.person("bob@example.org", "5a0e1b52-0d7c-4f3e-8d4a-0e8f5d2f1c11", displayName="Bob", emails=emails)
    entra.change(ada, userName="swap@example.org")
    entra.change(bob, userName="ada@example.org")
    entra.change(ada, userName="bob@example.org")
    entra.provider.user |= {"email": "ada@example.org", "upn": "ada@example.org"}
    me = entra.sign_in().get("/me").text
    assert "Ada Lovelace" in me and "<bdi>bob@example.org</bdi>" in me


# --- who is not let in, and what the administrator reads


def test_a_refused_sign_in_leads_on(entra: Scene):
    """The person to another account, and the administrator from the reference to what is to be done, all unfolded."""
    page = entra.go(entra.stranger())
    assert 'href="/signed-out"' in page.text
    (entry,) = entra.audit("sign-in-refused")
    found = entra.owner().get(f"/audit?target={entry['reference']}").text
    assert re.search(r'<details id="detail-\d+" open>', found) and entry["because"] in html.unescape(found)
    assert "<dt>Code</dt>" in found and "<dt>Because</dt>" in found
    assert 'href="/help/entra-single-sign-on#when-a-user-cannot-sign-in"' in found


def test_a_wrong_password_leads_to_no_other_account(entra: Scene):
    page = entra.stranger().sign_in(password="a wrong kettle sings")
    assert page.status == 401 and "wrong account" not in page.text


def test_nobody_is_made_by_signing_in(entra: Scene):
    visitor = entra.stranger()
    sentence = refused(entra.go(visitor))
    number = re.fullmatch(r"You cannot sign in here\. Ask your administrator; reference ([0-9a-f]+)\.", sentence)
    assert number and not entra.is_in(visitor) and entra.sessions() == 0
    assert entra.appliance.request("GET", "/scim/Users").json["totalResults"] == 0
    (entry,) = entra.audit("sign-in-refused")
    assert entry["reference"] == number[1]
    assert (entry["actor"], entry["target"], entry["code"]) == ("nobody", "Ada Lovelace", "nobody")
    assert (
        entry["identifier"] == entra.provider.user["oid"]
        and "No provisioned user has this object ID" in entry["because"]
    )


@pytest.mark.parametrize(
    ("external_id", "because"),
    [
        ("ada", 'externalId of ada@example.org is "ada", the mail nickname; map objectId to externalId'),
        (None, "ada@example.org has no externalId; map objectId to externalId"),
        ("other", 'externalId of ada@example.org is "other"; map objectId to externalId'),
    ],
)
def test_the_nearest_record_explains_and_lets_nobody_in(entra: Scene, external_id: str | None, because: str):
    entra.person("Ada@Example.org".lower(), external_id)
    refused(entra.go(entra.stranger()))
    assert because in entra.audit("sign-in-refused")[0]["because"]


def test_the_mail_nickname_alone_explains_too(entra: Scene):
    entra.person("ada.lovelace@other.example", "ada")
    refused(entra.go(entra.stranger()))
    assert 'externalId of ada.lovelace@other.example is "ada", the mail nickname' in entra.audit()[-1]["because"]


def test_whoever_is_disabled_is_not_let_in(entra: Scene, ada: str):
    entra.change(ada, active=False)
    refused(entra.go(entra.stranger()))
    (entry,) = entra.audit("sign-in-refused")
    assert (entry["code"], entry["because"]) == ("disabled", "ada@example.org is disabled.")


def test_disabled_and_deleted_people_are_out_at_the_next_click(entra: Scene, ada: str):
    visitor = entra.sign_in()
    entra.change(ada, active=False)
    assert not entra.is_in(visitor)
    entra.change(ada, active=True)
    visitor = entra.sign_in()
    assert entra.appliance.request("DELETE", f"/scim/Users/{ada}").status == 204
    assert not entra.is_in(visitor)


def test_one_identifier_of_two_people_is_nobodys(entra: Scene, ada: str):
    entra.person("bob@example.org", entra.provider.user["oid"])
    visitor = entra.stranger()
    refused(entra.go(visitor))
    assert not entra.is_in(visitor)
    (entry,) = entra.audit("sign-in-refused")
    assert entry["code"] == "twice" and "ada@example.org" in entry["because"] and "bob@example.org" in entry["because"]


def test_the_provider_says_no(entra: Scene, ada: str):
    entra.provider.refuses = "access_denied"
    sentence = refused(entra.go(entra.stranger()))
    assert "The provider did not sign you in" in sentence
    assert entra.audit("sign-in-refused")[0]["code"] == "sign-in-refused"


def test_what_the_provider_says_is_not_repeated(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = visitor.get(f"/auth/callback?state={state}&error=<script>x</script>&error_description=NASTYTEXT")
    assert page.status == 403 and "NASTYTEXT" not in page.text and "script>x" not in page.text
    assert "NASTYTEXT" not in str(entra.audit()) + entra.appliance.output


# --- what belongs to no way that is under way


def lost(page: Page) -> None:
    assert "has expired or was started" in refused(page, 400)


def test_an_answer_counts_once(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    cookies = dict(visitor.cookies)
    assert visitor.get(back).status == 303
    asked = entra.provider.count("token")
    visitor.cookies = dict(cookies)
    lost(visitor.get(back))
    assert entra.provider.count("token") == asked, "spent before it went to the provider"
    assert not entra.is_in(visitor)


def test_another_browser_cannot_bring_the_answer(entra: Scene, ada: str):
    back = entra.leave(entra.stranger())
    for other in (entra.stranger(), entra.stranger()):
        lost(other.get(back))
        assert not entra.is_in(other)
        entra.leave(other)  # now with a cookie of its own, which is for another state
    assert entra.sessions() == 0


@pytest.mark.parametrize("state", ["", "x", "%C3%A9", "%00", "A" * 43])
def test_a_forged_state(entra: Scene, ada: str, state: str):
    visitor = entra.stranger()
    back = parse_qs(urlsplit(entra.leave(visitor)).query)
    lost(visitor.get(f"/auth/callback?code={back['code'][0]}&state={state}"))
    assert entra.sessions() == 0 and entra.provider.count("token") == 0


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAA", "\u00e9"])
def test_a_forged_cookie(entra: Scene, ada: str, cookie: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    answer = visitor.get(back, {"Cookie": f"recnice_journey={cookie}".encode().decode("latin-1")})
    lost(answer)


@pytest.mark.parametrize(
    "query", ["", "?", "?code=x", "?state=x", "?code=a&code=b", "?error=x", "?%ff=%fe", "?code=" + "x" * 9000]
)
def test_anything_is_answered_with_a_page(entra: Scene, query: str):
    lost(entra.stranger().get("/auth/callback" + query))
    visitor = entra.stranger()
    entra.leave(visitor)
    lost(visitor.get("/auth/callback" + query))


def test_a_parameter_twice_is_refused(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    lost(visitor.get(back + "&code=other"))
    assert entra.sessions() == 0 and entra.provider.count("token") == 0


def test_head_uses_nothing_up(entra: Scene, ada: str):
    visitor = entra.stranger()
    assert visitor.request("HEAD", "/auth/start").status == 405
    back = entra.leave(visitor)
    assert visitor.request("HEAD", back).status == 405
    assert visitor.get(back).status == 303


def test_a_provider_that_was_changed_meanwhile_lets_nobody_in(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    assert entra.save().status == 303
    lost(visitor.get(back))
    assert entra.provider.count("token") == 0 and not entra.is_in(visitor)


def test_not_even_while_its_answer_is_on_the_way(entra: Scene, ada: str):
    """The change falls between the last look and the transaction that would begin the session."""
    owner, saved = entra.owner(), []

    def change(status: int, answer: dict[str, object]) -> tuple[int, dict[str, object]]:
        saved.append(entra.save(owner).status)
        return status, answer

    entra.provider.token_change = change
    visitor = entra.stranger()
    lost(entra.go(visitor))
    assert saved == [303] and not entra.is_in(visitor) and entra.sessions() == 0


def test_two_answers_at_once_make_one_session(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    # From elsewhere: two of one address would be looked at one after the other.
    twin = Visitor(entra.appliance.url, dict(visitor.cookies), sends={"X-Forwarded-For": "198.51.100.77"})
    answers: list[int] = []

    def meanwhile(status: int, answer: dict[str, object]) -> tuple[int, dict[str, object]]:
        entra.provider.token_change = lambda *one: one
        answers.append(twin.get(back).status)  # the code is used up, so the twin's is refused there
        return status, answer

    entra.provider.token_change = meanwhile
    answers.append(visitor.get(back).status)
    assert sorted(answers) in ([303, 403], [400, 403]) and entra.sessions() <= 1


# --- sign-out


def test_signing_out_ends_the_session_first_and_offers_the_providers_page(entra: Scene, ada: str):
    visitor = entra.sign_in()
    cookies = dict(visitor.cookies)
    visitor.get("/me")
    out = visitor.post("/logout")
    assert (out.status, out.location) == (303, "/signed-out")
    again = entra.stranger()
    again.cookies = cookies
    assert not entra.is_in(again)
    page = visitor.get("/signed-out")
    link = urlsplit(re.findall(r'href="(https://[^"]+)"', page.text)[0].replace("&amp;", "&"))
    assert link.path.endswith("/logout") and link.hostname == "login.microsoftonline.com"
    assert parse_qs(link.query)["post_logout_redirect_uri"] == [entra.appliance.url + "/login"]
    assert "<form" not in page.text


def test_an_operators_sign_out_does_not_speak_of_the_provider(entra: Scene):
    operator = entra.stranger()
    operator.sign_in()
    operator.get("/me")
    assert operator.post("/logout").location == "/login"


def test_the_client_secret_and_codes_are_in_no_log_and_no_file(entra: Scene, ada: str):
    visitor = entra.stranger()
    back = entra.leave(visitor)
    visitor.get(back)
    output = entra.appliance.output
    files = b"".join(path.read_bytes() for path in entra.appliance.data.rglob("*") if path.is_file())
    assert b"signed-in" in files
    for secret in (CLIENT_SECRET, parse_qs(urlsplit(back).query)["code"][0], visitor.cookies["recnice_session"]):
        assert secret not in output and secret.encode() not in files


# --- any other provider


def test_a_subject_of_any_provider(generic: Scene):
    generic.person("ada@example.org", "ada-subject", displayName="Ada")
    assert "Sign in with <bdi>127.0.0.1:" in generic.stranger().get("/login").text
    assert generic.is_in(generic.sign_in())


def test_a_subject_is_compared_as_it_is(generic: Scene):
    generic.person("ada@example.org", "ADA-subject")
    refused(generic.go(generic.stranger()))
    assert 'is "ADA-subject"; map the subject (sub) to externalId' in generic.audit("sign-in-refused")[0]["because"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_site_replaces_no_session(entra: Scene, ada: str, site: str):
    operator, from_there = Visitor(entra.appliance.url), {"Sec-Fetch-Site": site}
    assert operator.sign_in().status == 303
    page = operator.get("/auth/start?next=/account", from_there)
    assert (page.status, page.location) == (303, "/account") and "recnice_journey" not in operator.cookies
    assert operator.get("/account").status == 200
    assert operator.get("/auth/start?next=//evil.example", from_there).location == "/"
    portal = entra.stranger()
    assert portal.get("/auth/start", from_there).location.startswith("https://"), "a portal may lead in"
    portal.cookies["recnice_session"] = "of none"
    assert portal.get("/auth/start", from_there).location.startswith("https://")
    entra.go(operator)
    assert operator.get("/account").status == 403, "by a page of ours it is another session"


def test_before_it_is_set_up_there_is_no_way(unconfigured: Scene):
    visitor = unconfigured.stranger()
    assert "Sign in with" not in visitor.get("/login").text
    assert refused(visitor.get("/auth/start"), 400) == "Single sign-on is not set up."
    lost(visitor.get("/auth/callback?code=x&state=y"))
    assert visitor.get("/signed-out").location == "/login"


def test_who_comes_back_in_vain_too_often_makes_us_ask_nobody(entra: Scene, ada: str):
    """Whoever begins journeys and makes up codes must not take the provider from those who sign in."""
    attacker, asked = {"X-Forwarded-For": "203.0.113.66"}, entra.provider.count("token")
    for _ in range(bounds.ARRIVAL_FAILURES):
        visitor = entra.stranger()
        state = parse_qs(urlsplit(visitor.get("/auth/start").location).query)["state"][0]
        assert visitor.get(f"/auth/callback?state={state}&error=made_up", attacker).status == 403
    visitor = entra.stranger()
    page = visitor.get(entra.leave(visitor), attacker)
    assert page.status == 429 and 0 < int(page.headers["retry-after"]) <= bounds.ADDRESS_FAILURE_WINDOW_S
    assert entra.provider.count("token") == asked
    assert entra.is_in(entra.sign_in()), "from another address"
