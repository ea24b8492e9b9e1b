"""The Audit page over HTTP: who sees it, what it shows, its filters, and an export that makes the chain anew."""

import csv
import hashlib
import html
import io
import json
import re
from typing import Any

import pytest
from flask import Flask

from app.administration import audit
from app.administration.audit import Action
from app.store.database import directory_database
from tests.conftest import Appliance
from tests.web.test_console import words
from tests.web.visitor import PASSWORD, Visitor

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "مرحبا",
    "=1+1",
    "@x",
    "x" * 300,
)


def shown(visitor: Visitor, query: str = "") -> str:
    page = visitor.get(f"/audit{query}")
    assert page.status == 200, page.text
    return html.unescape(words(page.text.partition("<main")[2]))


def make_operator(appliance: Appliance, name: str, role: str = "viewer") -> None:
    given = ("--user-name", name, "--role", role, "--password-stdin")
    made = appliance.command("admin", "create", *given, typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr


def test_acts_and_sign_ins_are_shown(console: Appliance, eva: Visitor, stranger: Visitor):
    assert stranger.sign_in("eva", "wrong").status == 401
    make_operator(console, "Mia")
    page = shown(eva)
    assert "administrator eva created the first administrator 127.0.0.1" in page
    assert "the command line created the administrator Mia this host" in page
    assert "a client that is not signed in could not sign in as eva 127.0.0.1" in page
    assert "Because user name or password" in page
    assert "administrator eva signed in 127.0.0.1" in page


@pytest.mark.parametrize(
    ("query", "is_there", "is_not"),
    [
        ("view=sign-ins", "signed in", "the command line"),
        ("view=acts", "created the SCIM Key", "signed in 127"),
        ("view=refused", "could not sign in", "signed in 127"),
        ("action=key-made", "created the SCIM Key", "signed in 127"),
        ("who=EVA", "signed in", "the command line"),
        ("who=command+line", "the command line", "signed in 127"),
        ("target=test", "created the SCIM Key test", "signed in 127"),
        ("target=or+password", "could not sign in", "signed in 127"),  # what stands in the detail, as a reference does
        ("from=2020-01-01T00:00&to=2199-01-01", "signed in", "No entry matches"),
    ],
)
def test_filters(console: Appliance, eva: Visitor, stranger: Visitor, query: str, is_there: str, is_not: str):
    stranger.sign_in("eva", "wrong")
    rows = shown(eva, f"?{query}").partition("Detail")[2]
    assert is_there in rows and is_not not in rows


@pytest.mark.parametrize("query", ["who=nobody+at+all", "to=2020-01-01", "action=provider-saved", "from=2199-01-01"])
def test_a_filter_that_nothing_fits_says_so(eva: Visitor, query: str):
    assert "No entry matches. Show all" in shown(eva, f"?{query}")


def test_what_was_chosen_stands_in_the_form(eva: Visitor):
    page = eva.get("/audit?view=acts&action=key-made&who=e%22v&from=2026-01-31&to=2026-01-31").text
    assert '<input type="hidden" name="view" value="acts">' in page
    assert '<option value="key-made" selected>' in page and 'value="e&#34;v"' in page
    assert 'value="2026-01-31T00:00"' in page and 'value="2026-01-31T23:59"' in page
    assert 'value="signed-in"' not in page, "what the view does not show is not offered"


@pytest.mark.parametrize(
    "query", ["view=x", "action=x", "before=x", "before=-1", "before=" + "9" * 30, "format=xml", "before=%D9%A3"]
)
def test_what_no_form_sends_is_no_page(eva: Visitor, query: str):
    assert eva.get(f"/audit?{query}").status == 404


def test_what_cannot_be_understood_is_said(eva: Visitor):
    assert "“yesterday” is not a time." in shown(eva, "?from=yesterday")
    assert "A search may have at most" in shown(eva, f"?who={'x' * 300}")
    assert "No earlier entry" in shown(eva, "?before=1")


def test_hostile_names_are_only_text(console: Appliance, eva: Visitor):
    for name in HOSTILE:
        make_operator(console, name)
    page = eva.get("/audit").text
    for name in HOSTILE:
        assert html.escape(name, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page, name
    assert "<script>alert" not in page and "<img" not in page and "<b>49" not in page
    cells = [cell for row in exported_csv(eva) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell], "no cell is a formula"
    assert {"'=1+1", "'@x"} <= set(cells)


def digest(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def exported_csv(visitor: Visitor, query: str = "") -> list[list[str]]:
    answer = visitor.get(f"/audit?format=csv{query}")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_from_the_export_the_chain_is_made_anew(eva: Visitor):
    entries = json.loads(eva.get("/audit?format=json").text)
    assert entries[0]["action"] == Action.AUDIT_EXPORTED.key and entries[0]["actor"] == "operator eva"
    previous = ""
    for entry in reversed(entries):
        commitment = digest(*(entry[name] for name in ("salt", "actor", "address", "target", "detail")))
        assert entry["commitment"] == commitment
        previous = digest(previous, *(entry[name] for name in ("id", "at", "action", "commitment")))
        assert entry["hash"] == previous
    page = eva.get("/audit").text
    assert f'<code id="head-hash">{previous}</code>' in page


def test_an_export_keeps_the_filter_and_says_it(eva: Visitor):
    rows = exported_csv(eva, "&action=key-made")
    assert {row[4] for row in rows[1:]} == {"key-made"}
    [newest] = json.loads(eva.get("/audit?format=json&action=audit-exported&who=eva").text)[1:2]
    assert json.loads(newest["detail"]) == {"form": "csv", "action": "key-made"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_makes_nobody_export_it(eva: Visitor, site: str):
    exports = "/audit?format=json&action=audit-exported"
    before = json.loads(eva.get(exports, {"Sec-Fetch-Site": "same-origin"}).text)
    refused = eva.get("/audit?format=csv", {"Sec-Fetch-Site": site})
    assert refused.status == 403 and "was not sent from a page of this console" in refused.text
    assert len(json.loads(eva.get(exports, {"Sec-Fetch-Site": "none"}).text)) == len(before) + 1
    assert eva.get("/audit", {"Sec-Fetch-Site": site}).status == 200, "a link to look at it is none"


def test_the_hash_of_the_page_is_checked_on_the_command_line(console: Appliance, eva: Visitor):
    found = re.search(r'id="head-hash">([0-9a-f]{64})<', eva.get("/audit").text)
    assert found
    make_operator(console, "Noa")
    done = console.command("check", "--audit-hash", found[1].upper())
    assert done.returncode == 0, done.stdout
    assert re.search(r"^audit: \d+ entries, the last hash is [0-9a-f]{64}$", done.stdout, re.MULTILINE)
    assert re.search(r"^audit: entries 1 to \d+ match the recorded hash$", done.stdout, re.MULTILINE)
    other = console.command("check", "--audit-hash", "0" * 64)
    assert other.returncode == 1 and f"no entry has the hash {'0' * 64}" in other.stdout
    assert console.command("check", "--audit-hash", "x").returncode == 2


def test_viewers_and_strangers_do_not_see_it(console: Appliance, stranger: Visitor):
    assert stranger.get("/audit").location.startswith("/login")
    make_operator(console, "vera")
    vera = Visitor(console.url)
    assert vera.sign_in("vera").status == 303
    for query in ("", "?format=json"):
        assert vera.get(f"/audit{query}").status == 403
    assert 'href="/audit"' not in vera.get("/").text


def test_a_summary_is_shown_and_a_recorded_hash_of_it_recognized(console: Appliance, eva: Visitor):
    entries = json.loads(eva.get("/audit?format=json").text)
    app = Flask(__name__)
    directory_database.file.init_app(app, directory_database.existing_address(console.data / "recnice.sqlite3"))
    with app.app_context():
        with directory_database.writing() as connection:
            audit.summarize(connection, audit.HOST, 2, "retention")
        directory_database.file.close()
    page = shown(eva)
    assert "the command line replaced the first entries of the audit by a summary" in page
    assert re.search("Entries 1 to 2 were summarized on .*: retention", page)
    done = console.command("check", "--audit-hash", entries[-1]["hash"])
    assert done.returncode == 0, done.stdout
    assert re.search(r"^audit: entries 1 to 2 were summarized on \S+ \(retention\)$", done.stdout, re.MULTILINE)
    assert re.search(r"^audit: the recorded hash is that of entry 1, summarized on \S+Z", done.stdout, re.MULTILINE)
    done = console.command("check", "--audit-hash", "0" * 64)
    assert done.returncode == 1 and "no entry has the hash" in done.stdout
