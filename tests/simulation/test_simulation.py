"""The rehearsal holds against the real appliance, and names the fault of every service that has one."""

import http.client
import re
import uuid
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest

from app.simulation.client import EntraClient, UnreachableError
from app.simulation.dialects import DIALECTS
from app.simulation.directory import Directory
from app.simulation.ledger import Ledger
from app.simulation.provisioning_job import Job
from app.simulation.report import closing as closing_lines
from app.simulation.report import failure_line
from app.simulation.story import CLEANING, Plan, clean_up, play, rehearse, scenes
from tests.simulation.faulty import Answered, error, faulty


class Nobody:
    def began(self, stage, steps):
        pass

    def stepped(self):
        pass

    def ended(self, stage):
        pass


def rehearsal(appliance, fault, stage="", dialect="default", people=2):
    """The whole story, or only the stages of it whose name begins so; newcomers make them independent of each other."""
    plan = Plan(people, 1, DIALECTS[dialect], seed=7, alone=False)
    ledger = Ledger()
    with faulty(appliance.url, fault) as url, closing(EntraClient(f"{url}/scim/", appliance.key, ledger)) as client:
        job = Job(client, Directory(plan.people, plan.groups, plan.seed, plan.run), plan.alone)
        for scene in scenes(job.directory, plan.dialects):
            if scene.name.startswith(stage):
                play(job, scene, ledger, Nobody())
        clean_up(job, ledger, Nobody())
    return ledger


def operations(asked):
    return asked.document.get("Operations", []) if asked.method == "PATCH" and isinstance(asked.document, dict) else []


def resources(answered):
    """Every resource in an answer: the one, or those of a list."""
    document = answered.document if isinstance(answered.document, dict) else {}
    return document.get("Resources", [document] if "id" in document else [])


def faultless(asked, forward):
    return forward(asked)


def text_false_is_true(asked, forward):
    for operation in operations(asked):
        if operation.get("path") == "active":
            operation["value"] = bool(operation["value"])
    return forward(asked)


def members_are_shown(asked, forward):
    asked.target = asked.target.replace("excludedAttributes=members", "x=y")
    return forward(asked)


def members_are_an_empty_list(asked, forward):
    answered = forward(asked)
    if "excludedAttributes=members" in asked.target:
        for one in resources(answered):
            one["members"] = []
    return answered


def remove_empties_the_group(asked, forward):
    for operation in operations(asked):
        if operation.get("op", "").lower() == "remove" and operation.get("path") == "members":
            operation.pop("value", None)
    return forward(asked)


def empty_look_up_is_not_found(asked, forward):
    answered = forward(asked)
    empty = isinstance(answered.document, dict) and answered.document.get("totalResults") == 0
    return error(404) if empty and "filter=" in asked.target else answered


def errors_are_pages(asked, forward):
    answered = forward(asked)
    page = "<html><body>502 Bad\nGateway</body></html>"
    return answered if answered.status < 400 else Answered(answered.status, "text/html", None, page)


def detail_is_an_object(asked, forward):
    answered = forward(asked)
    return answered if answered.status < 400 else error(answered.status, {"message": "no text"})


def id_changes(asked, forward):
    answered = forward(asked)
    if re.match(r"/scim/Users/[^?]", asked.target) and asked.method == "GET" and answered.status == 200:
        answered.document["id"] = str(uuid.uuid4())
    return answered


def letter_case_counts(asked, forward):
    answered = forward(asked)
    wanted = parse_qs(urlsplit(asked.target).query).get("filter", [""])[0].partition('"')[2].rstrip('"')
    if "userName+eq" in asked.target or "userName%20eq" in asked.target:
        found = [one for one in resources(answered) if one["userName"] == wanted]
        answered.document.update(Resources=found, totalResults=len(found), itemsPerPage=len(found))
    return answered


def disabled_people_are_hidden(asked, forward):
    answered = forward(asked)
    if "filter=" in asked.target:
        found = [one for one in resources(answered) if one.get("active") is not False]
        answered.document.update(Resources=found, totalResults=len(found), itemsPerPage=len(found))
    return answered


def unknown_attributes_sink_the_patch(asked, forward):
    unknown = any(operation.get("path") == "extensionAttribute15" for operation in operations(asked))
    return error(400) if unknown else forward(asked)


def value_paths_are_lost(asked, forward):
    if asked.method == "PATCH" and isinstance(asked.document, dict):
        asked.document["Operations"] = [one for one in operations(asked) if "addresses[" not in str(one.get("path"))]
    return forward(asked)


def values_are_trimmed(asked, forward):
    answered = forward(asked)
    for one in resources(answered):
        if "displayName" in one:
            one["displayName"] = one["displayName"].strip()
    return answered


def start_index_is_forgotten(asked, forward):
    answered = forward(asked)
    if isinstance(answered.document, dict) and "startIndex" in answered.document:
        answered.document["startIndex"] = 1
    return answered


def last_page_is_lost(asked, forward):
    answered = forward(asked)
    if "startIndex=" in asked.target and "startIndex=1&" not in asked.target:
        answered.document.update(Resources=[], itemsPerPage=0)
    return answered


def schemas_have_nulls(asked, forward):
    answered = forward(asked)
    if asked.target.startswith("/scim/Schemas"):
        answered.document["Resources"][0]["meta"]["version"] = None
    return answered


def groups_have_no_schema(asked, forward):
    answered = forward(asked)
    if asked.target.startswith("/scim/Schemas"):
        kept = [one for one in resources(answered) if not one["id"].endswith(":Group")]
        answered.document.update(Resources=kept, totalResults=len(kept), itemsPerPage=len(kept))
    return answered


def plain_json(asked, forward):
    answered = forward(asked)
    answered.media_type = "application/json"
    return answered


def conflict_has_no_type(asked, forward):
    answered = forward(asked)
    return error(409) if answered.status == 409 else answered


def deletion_is_only_said(asked, forward):
    return Answered(204, "", None) if asked.method == "DELETE" else forward(asked)


FAULTS = [
    (text_false_is_true, "Disable", r"expected active False \| received active True"),
    (members_are_shown, "Members sent blindly", r"expected no key members \| received \[\{"),
    (members_are_an_empty_list, "Look-ups", r"GET /Groups.*expected no key members \| received \[\]"),
    (remove_empties_the_group, "Members sent blindly", r"expected all 2 members \| received 0 members, without"),
    (empty_look_up_is_not_found, "Test Connection", r"probe \| GET /Users\?filter=.*expected status 200 \|.*404"),
    (errors_are_pages, "Look-ups", r"expected media type application/scim\+json \| received text/html"),
    (detail_is_an_object, "Look-ups", r'expected detail as text \| received \{"message"'),
    (id_changes, "Sent twice", r"GET /Users/\S+ \| expected id "),
    (letter_case_counts, "Look-ups", r"expected exactly one match \| received \[\]"),
    (disabled_people_are_hidden, "Disable", r"expected exactly one match \| received \[\]"),
    (unknown_attributes_sink_the_patch, "Disable", r"PATCH .*expected status 200 or 204 \| received status 400"),
    (value_paths_are_lost, "Disable", r'expected addresses\[type eq "work"\]\.locality .Leeds. .*received'),
    (values_are_trimmed, "Nulls and odd values", r"expected displayName '  Zoe"),
    (start_index_is_forgotten, "Account discovery", r"expected startIndex \d+ \| received 1"),
    (last_page_is_lost, "Account discovery", r"expected everybody that was created \| received without"),
    (schemas_have_nulls, "Mapping page", r"expected no nulls \| received .*/meta/version"),
    (groups_have_no_schema, "Mapping page", r"expected the schema \S+:Group "),
    (plain_json, "Test Connection", r"expected media type application/scim\+json \| received application/json"),
    (conflict_has_no_type, "Created twice", r'expected scimType "uniqueness" \| received null'),
    (deletion_is_only_said, "Deletion", r"GET /Users/\S+ \| expected status 404 \| received status 200"),
]


@pytest.mark.parametrize("dialect", ["default", "compliant"])
def test_everything_holds_with_the_real_appliance(shared_appliance, dialect):
    ledger = rehearsal(shared_appliance, faultless, dialect=dialect, people=6)
    assert not ledger.failures, "\n".join(map(failure_line, ledger.failures))
    assert sum(stage.checks for stage in ledger.stages) > 2_000
    assert all(stage.times for stage in ledger.stages)


@pytest.mark.parametrize(("fault", "stage", "expected"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_fault_is_named(shared_appliance, fault, stage, expected):
    lines = [failure_line(failure) for failure in rehearsal(shared_appliance, fault, stage).failures]
    assert any(re.search(expected, line) for line in lines), "\n".join(lines)


def test_what_it_made_is_gone_after_a_fault(shared_appliance):
    made = []

    def creation_answers_nonsense(asked, forward):
        answered = forward(asked)
        if asked.method == "POST" and answered.status == 201:
            made.append(asked.target + "/" + answered.document["id"])
            answered.document = {"created": True}
        return answered

    ledger = rehearsal(shared_appliance, creation_answers_nonsense, "Deletion")
    assert ledger.failed
    assert made
    assert [shared_appliance.request("GET", path).status for path in made] == [404] * len(made)


def test_it_deletes_nothing_that_is_not_its_own(shared_appliance):
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": f"bystander.{uuid.uuid4()}"}
    made = shared_appliance.request("POST", "/scim/Users", body).json
    bystander, untouched = made["id"], made["meta"]["version"]

    def creation_names_somebody_else(asked, forward):
        answered = forward(asked)
        if asked.method == "POST" and asked.target == "/scim/Users":
            answered.document["id"] = bystander
        return answered

    ledger = rehearsal(shared_appliance, creation_names_somebody_else, "Deletion")
    assert any(failure.stage == CLEANING and "begins with" in failure.expected for failure in ledger.failures)
    assert shared_appliance.request("GET", f"/scim/Users/{bystander}").json["meta"]["version"] == untouched


def test_what_was_made_without_an_answer_is_gone_too(shared_appliance):
    made = []

    def third_creation_is_lost(asked, forward):
        answered = forward(asked)
        if asked.method == "POST":
            made.append(asked.target + "/" + answered.document["id"])
        return None if len(made) == 3 and asked.method == "POST" else answered

    plan = Plan(9, 1, DIALECTS["default"], seed=7, alone=False)
    ledger = Ledger()
    with (
        faulty(shared_appliance.url, third_creation_is_lost) as url,
        closing(EntraClient(f"{url}/scim/", shared_appliance.key, ledger)) as client,
        pytest.raises(UnreachableError),
    ):
        rehearse(plan, client, ledger, Nobody())
    assert not ledger.failures, "\n".join(map(failure_line, ledger.failures))
    assert [shared_appliance.request("GET", path).status for path in made] == [404, 404, 404]


def test_an_interrupted_request_leaves_nothing_to_the_next_one(shared_appliance, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    ledger = Ledger()
    ledger.begin("interrupted")
    with closing(EntraClient(f"{shared_appliance.url}/scim/", shared_appliance.key, ledger)) as client:
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(http.client.HTTPConnection, "endheaders", interrupt)
            client.send("POST", "/Users", "interrupted", body={"userName": "never sent"})
        assert client.send("GET", "/Users", "the next one").status == 200


def rehearsed(appliance, key, **of):
    plan, ledger = Plan(1, 1, DIALECTS["default"], seed=7, alone=False, **of), Ledger()
    with closing(EntraClient(f"{appliance.url}/scim/", key, ledger)) as client:
        rehearse(plan, client, ledger, Nobody())
    return plan, ledger


def test_it_stops_after_the_first_stage_with_a_failed_check(shared_appliance):
    _, ledger = rehearsed(shared_appliance, "a-wrong-key")
    assert [stage.name for stage in ledger.stages] == ["Test Connection", CLEANING]
    assert ledger.requests < 10 and ledger.failed
    assert "Stopped after the stage Test Connection" in "\n".join(closing_lines(ledger))


def test_what_was_created_is_kept_where_that_is_asked_for(appliance):
    plan, ledger = rehearsed(appliance, appliance.key, keeps=True)
    assert (ledger.failed, ledger.stopped) == (0, "")
    assert CLEANING not in [stage.name for stage in ledger.stages]
    kept = appliance.request("GET", f"/scim/Users?filter=userName%20sw%20%22{plan.run}%22").json
    assert kept["totalResults"] > 0
