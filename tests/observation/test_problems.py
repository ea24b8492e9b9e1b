"""Problems from made-up requests: opened, joined, closed by what came later, bounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from app import bounds
from app.observation import request_list
from app.observation.cycles import detection
from app.observation.problem_kinds.kind_catalog import BY_NAME
from app.observation.problems.problem_list import LEFT_OUT_RETRY, NextTry, Problem, _problem
from app.observation.problems.tracking import update_from
from app.observation.request_recorder import write
from app.request_record import DueRemoval
from app.scim.errors import Code
from app.store.request_log import cycle_rows, log_database, refused_removal_rows, request_rows
from app.store.request_log import problem_rows as rows
from app.store.request_log.problem_rows import ProblemFilter
from app.store.request_log.pruning import prune
from app.store.request_log.tables import problem, problem_key
from tests.observation.conftest import after, made_up, person, stranger, taken
from tests.statements import recorded

DAY = 24 * 60


def folded(log, *batches) -> list[Problem]:
    """All problems after these batches, oldest first."""
    for batch in batches:
        detection.update_from(log, batch)
        update_from(log, batch)
    return [_problem(row) for row in log.execute(problem.select().order_by(problem.c.id))]


def states(log, *batches) -> list[str]:
    return ["closed" if one.closed else "open" for one in folded(log, *batches)]


def unknown(minutes: float = 0, **of: Any):
    return made_up(minutes, status=404, path="unknown", action="", **of)


def gone(minutes: float = 0, method: str = "PATCH", action: str = "change", resource_type: str = "User"):
    of = {"path": f"{resource_type}s/{{id}}", "resource_type": resource_type, "resource_id": "lost"}
    return made_up(minutes, method=method, status=404, action=action, objects=(f"{resource_type} id lost",), **of)


def test_a_refused_request_is_a_problem_with_all_that_is_known_of_it(log):
    [one] = folded(log, [taken(3, body="{…}", address="192.0.2.1")])
    assert one.kind is BY_NAME["user-name-taken"]
    assert (one.attribute, one.resource_type, one.resource_name, one.other_id) == ("userName", "User", "ana", "other")
    assert (one.got, one.body, one.address, one.count) == ('"ana"', "{…}", "192.0.2.1", 1)
    assert (one.first, one.last, one.closed, one.ignored) == (after(3), after(3), None, None)


def test_the_same_again_joins_and_somebody_else_does_not(log):
    first, second = folded(log, [taken(0), taken(1, "eva")], [taken(360), taken(720)])
    assert (first.count, first.first, first.last) == (3, after(0), after(720))
    assert second.count == 1


def test_another_attribute_of_the_same_person_is_another_problem(log):
    of = {"status": 400, "scim_type": "invalidValue", "attribute": "active", "reason": "active: expected true"}
    assert len(folded(log, [taken(0), person(0, **of)])) == 2


def test_a_success_for_the_same_person_closes(log):
    last = person(40)
    first, second = folded(log, [taken(0), taken(0, "eva")], [last])
    assert (first.closed, first.closed_by) == (after(40), last.number)
    assert second.closed is None
    assert [row.problem_id for row in log.execute(problem_key.select())] == [second.id]


def test_one_batch_may_open_and_close(log):
    assert states(log, [taken(0), person(1), taken(2)]) == ["closed", "open"]


def test_looking_somebody_up_closes_no_refused_change(log):
    found = made_up(1, action="match", objects=("User userName ana",))
    assert states(log, [taken(0), found]) == ["open"]


def test_looking_somebody_up_closes_a_refused_look_up(log):
    of = {"action": "match", "objects": ("User userName ana",)}
    wrong = made_up(0, status=400, scim_type="invalidFilter", reason="filter: expected one", **of)
    assert states(log, [wrong]) == ["open"]
    assert states(log, [made_up(40, **of)]) == ["closed"]
    assert states(log, [replace(wrong, at=after(41)), made_up(42, **of)]) == ["closed", "closed"], "in one batch"


def test_the_objects_of_a_look_up_are_asked_for_only_while_a_look_up_is_refused(log):
    class Objects:
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("they are hashed")

    assert states(log, [taken(0), made_up(1, objects=Objects())], [made_up(2, objects=Objects())]) == ["open"]
    wrong = made_up(3, status=400, action="match", objects=("User userName ana",))
    with pytest.raises(AssertionError):
        states(log, [wrong, made_up(4, objects=Objects())])


def test_a_person_is_recognised_by_any_of_the_keys(log):
    by_all = ("User userName ana", "User externalId 7")
    assert states(log, [taken(0, objects=by_all)], [person(1, objects=("User externalId 7",))]) == ["closed"]


def test_a_right_key_closes_problems_of_the_key(log):
    assert states(log, [stranger(0), stranger(1, fault="missing"), stranger(2)]) == ["open", "open"]
    assert states(log, [made_up(3, status=404, path="unknown")]) == ["closed", "closed", "open"]


def test_a_right_key_closes_nothing_else(log):
    assert states(log, [taken(0)], [made_up(1)]) == ["open"]


def test_what_is_about_nobody_is_over_after_a_cycle_without_it(log):
    assert states(log, [unknown(0), unknown(1)], [made_up(40)]) == ["open"]
    assert states(log, [made_up(80)]) == ["closed"]


def test_what_is_about_nobody_stays_while_it_comes_again(log):
    assert states(log, [unknown(0)], [unknown(40)], [unknown(80)], [made_up(120)]) == ["open"]
    assert states(log, [made_up(160)]) == ["closed"]


def test_an_id_that_is_not_here_is_over_after_two_days_without_it(log):
    assert states(log, [gone(0)], [made_up(2 * DAY - 40)]) == ["open"]
    assert states(log, [made_up(2 * DAY + 40)]) == ["closed"]


@pytest.mark.parametrize("resource_type", ["User", "Group"])
def test_a_delete_of_what_is_not_here_is_no_problem_and_no_failure_of_its_cycle(log, resource_type):
    assert states(log, [gone(0, "DELETE", "delete", resource_type)]) == []
    [cycle] = [detection.cycle_of(row) for row in cycle_rows.last(log, 1)]
    assert (cycle.failed, cycle.deleted, cycle.changes, cycle.requests) == (0, 0, 0, 1)


def test_a_delete_of_what_is_not_here_ends_the_problem_of_the_same_id(log):
    assert states(log, [gone(0)], [gone(1, "DELETE", "delete")]) == ["closed"]


@pytest.mark.parametrize("status", [403, 412, 500])
def test_any_other_refused_delete_is_a_problem(log, status):
    of = {"path": "Users/{id}", "resource_type": "User", "resource_id": "here"}
    assert states(log, [made_up(0, method="DELETE", action="delete", status=status, **of)]) == ["open"]


KEYLESS = {
    "missing": stranger(50, fault="missing", is_keyless=True),
    "another scheme": stranger(50, fault="no-bearer", is_keyless=True),
    "no address": made_up(50, status=404, path="outside", key_id="", action="", is_keyless=True),
    "another host": made_up(50, status=400, reason="Host: expected x", key_id="", action="", is_keyless=True),
    "malformed": made_up(50, status=400, path="unknown", key_id="", action="", is_keyless=True),
    "too often": stranger(50, fault="missing", status=429, is_keyless=True),
    "no client": stranger(50, fault="missing", path="token", method="POST", is_keyless=True),
}


@pytest.mark.parametrize("request_made", KEYLESS.values(), ids=KEYLESS)
def test_a_request_without_a_key_is_only_counted_once_users_have_arrived(log, request_made):
    write(log, [person(0)])
    write(log, [request_made, request_made])
    assert states(log) == []
    assert request_rows.counters(log) == {"keyless": 2}


@pytest.mark.parametrize("request_made", KEYLESS.values(), ids=KEYLESS)
def test_a_request_without_a_key_is_a_problem_until_users_have_arrived(log, request_made):
    write(log, [made_up(0), request_made])
    assert states(log) == ["open"] and request_rows.counters(log) == {}


@pytest.mark.parametrize("fault", ["stopped", "unknown", "foreign", "cut", "entra-token", "client", "assertion"])
def test_a_wrong_key_is_a_problem_at_any_time(log, fault):
    write(log, [person(0)])
    write(log, [stranger(50, fault=fault)])
    assert states(log) == ["open"]


def test_entra_gives_up_after_four_weeks(log):
    assert states(log, [taken(0)], [made_up(28 * DAY)]) == ["open"]
    assert states(log, [made_up(29 * DAY + 40)]) == ["closed"]


def test_an_ignored_problem_joins_and_closes_like_any_other(log):
    folded(log, [taken(0)])
    assert rows.set_ignored(log, ProblemFilter("open"), after(1)) == 1
    [one] = folded(log, [taken(2)])
    assert (one.count, one.ignored) == (2, after(1))
    assert rows.counts(log) == {"open": 0, "closed": 0, "ignored": 1}
    assert states(log, [person(3)]) == ["closed"]
    assert rows.counts(log) == {"open": 0, "closed": 1, "ignored": 0}


def test_only_those_of_the_cause_are_put_aside(log):
    folded(log, [taken(0), taken(0, "eva"), stranger(0)])
    assert rows.set_ignored(log, ProblemFilter(kind="user-name-taken", attribute="userName"), after(1)) == 2
    assert rows.counts(log)["open"] == 1
    assert rows.set_ignored(log, ProblemFilter("ignored", "user-name-taken"), None) == 2


def test_causes_are_counted_and_found_by_a_name(log):
    folded(log, [taken(0), taken(5, "eva"), taken(6, "eva"), unknown(1)])
    first, second = rows.causes(log, ProblemFilter())
    assert (first.kind, first.problems, first.requests, first.last) == ("user-name-taken", 2, 3, after(6))
    assert second.kind == "path-unknown"
    assert [row.resource_name for row in rows.listed(log, ProblemFilter(text="EV"))] == ["eva"]
    assert rows.count(log, ProblemFilter(text="%")) == 0


def test_the_oldest_that_are_over_make_room(log, monkeypatch):
    monkeypatch.setattr(bounds, "PROBLEMS_KEPT", 3)
    of_each = ([taken(minute, name), person(minute, name)] for minute, name in enumerate("abcd"))
    found = folded(log, [taken(0, "z")], *of_each)
    assert [one.resource_name for one in found] == ["z", "c", "d"]


@pytest.mark.parametrize(
    ("minutes", "wait_h"), [((0,), 6), ((0, 360), 12), ((0, 360, 1080), 24), ((0, 360, 1080, 2520), 24)]
)
def test_the_next_try_follows_entras_steps(log, minutes, wait_h):
    [one] = folded(log, *([taken(minute)] for minute in minutes))
    assert one.next_try.at == after(minutes[-1] + wait_h * 60)
    assert "6, 12 and 24 hours" in one.next_try.words


def test_nobody_promises_a_try_that_does_not_come(log):
    [given_up] = folded(log, [taken(0)], [taken(27.5 * DAY)])
    assert given_up.next_try.at == ""
    assert folded(log, [stranger(27.5 * DAY)])[-1].next_try.at == ""


def test_a_refused_request_finds_its_problem_by_an_index_and_best_its_own(log):
    write(log, [taken(0, "ana"), taken(1, "bo"), taken(2, "ana")])
    refused = [
        {
            "id": number,
            "kind": "user-name-taken",
            "at": after(minutes),
            "attribute": "userName",
            "resource_type": "User",
        }
        | {"resource_id": "", "resource_name": name}
        for number, minutes, name in ((7, 0, "ana"), (8, 1, "bo"), (9, 1, "ana"), (10, 5, "ana"))
    ]
    ids = {row.resource_name: row.id for row in rows.listed(log, rows.ProblemFilter())}
    with recorded() as statements:
        assert rows.of_refusals(log, refused) == {7: ids["ana"], 8: ids["bo"], 9: ids["ana"]}
    [(statement, parameters)] = statements
    plan = str(log.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
    assert "SEARCH problem USING INDEX problem_cause" in plan, plan


def test_an_export_asks_for_no_problems(log, monkeypatch):
    @contextmanager
    def reading():
        yield log

    asked = []
    monkeypatch.setattr(log_database, "reading", reading)
    monkeypatch.setattr(request_list, "known", lambda ids: {})
    monkeypatch.setattr(rows, "of_refusals", lambda connection, refused: asked.append(len(refused)) or {})
    write(log, [taken(minutes, f"ana{minutes}") for minutes in range(5)])
    assert len(list(request_list.every(request_list.RequestFilter()))) == 5 and not asked
    assert len(request_list.find(request_list.RequestFilter()).entries) == 5 and asked == [5]


def left_out(attribute: str = "userName", scim_type: str = "uniqueness", status: int = 409, got: str = '"ana"'):
    reason = f"{attribute}: expected a value that no other resource has, got {got}"
    other_id = "other" if scim_type == "uniqueness" else ""
    code = Code.of(status, scim_type)
    return {
        **{"code": code, "status": status, "scim_type": scim_type, "attribute": attribute, "got": got},
        **{"reason": reason, "other_id": other_id},
    }


def changed(minutes: float, *given: str, **of: Any):
    """A PATCH of one person that succeeds, and gives these attributes a value."""
    about = {"resource_type": "User", "resource_id": "a1", "resource_name": "ana", "objects": ("User id a1",)}
    told = {"method": "PATCH", "path": "Users/{id}", "action": "change", "assigned_paths": given}
    return made_up(minutes, **told | about | of)


def disabled(minutes: float, *left: dict[str, Any], **of: Any):
    return changed(minutes, "active", **{"action": "disable", "left_out": left} | of)


def test_what_was_left_out_is_a_problem_for_each_value(log):
    title = left_out("title", "invalidValue", 400, "a text of 2000 characters")
    first, second = folded(log, [disabled(0, left_out(), title, body="{…}")])
    assert (first.kind, second.kind) == (BY_NAME["user-name-taken"], BY_NAME["value-wrong"])
    assert [(one.attribute, one.resource_id, one.resource_name, one.status) for one in (first, second)] == [
        ("userName", "a1", "ana", 200),
        ("title", "a1", "ana", 200),
    ]
    assert (first.other_id, first.got, first.body) == ("other", '"ana"', "{…}")
    assert first.is_left_out and first.next_try == NextTry("", LEFT_OUT_RETRY)


def test_another_success_does_not_close_what_was_left_out_and_time_neither(log):
    others = [changed(1, "title"), changed(2, "userNameX", action="confirm"), changed(3, resource_id="b2"), person(4)]
    assert states(log, [disabled(0, left_out())], others) == ["open"]
    assert states(log, [made_up(40 * DAY)], [changed(41 * DAY, "userName", resource_id="b2")]) == ["open"]
    assert states(log, [changed(42 * DAY, "userName", "title")]) == ["closed"]


@pytest.mark.parametrize(
    ("attribute", "given", "state"),
    [
        ("title", "title", "closed"),
        ('emails[type eq "work"].value', 'emails[type eq "work"].value', "closed"),
        ('emails[type eq "work"].value', "emails", "closed"),
        ('emails[type eq "work"].value', 'emails[type eq "home"].value', "open"),
        ("emails", 'emails[type eq "home"].value', "closed"),
        ("name", "name.givenName", "closed"),
        ("name.givenName", "name.familyName", "open"),
        ("urn:x:User", "urn:x:User:department", "closed"),
        ("urn:x:User:department", "urn:x:User:costCenter", "open"),
    ],
)
def test_a_value_for_the_same_attribute_closes_what_was_left_out(log, attribute, given, state):
    value = left_out(attribute, "invalidValue", 400)
    assert states(log, [disabled(0, value)], [changed(1, given)]) == [state]
    assert states(log, [changed(2, action="delete", method="DELETE")]) == ["closed"]


def test_what_is_left_out_again_joins_and_what_is_refused_is_its_own(log):
    refused = changed(1, status=409, scim_type="uniqueness", attribute="userName", reason="userName: expected a value")
    first, second = folded(log, [disabled(0, left_out())], [refused], [disabled(2, left_out())])
    assert (first.count, first.last, first.closed) == (2, after(2), None)
    assert (second.is_left_out, second.closed) == (False, after(2)), "that one was of a request, which succeeds now"


def test_a_value_in_the_same_request_closes_before_another_is_left_out(log):
    title = left_out("title", "invalidValue", 400)
    first, second = folded(log, [disabled(0, title)], [changed(1, "title", action="disable", left_out=(left_out(),))])
    assert (first.closed, second.closed) == (after(1), None)


def test_what_was_left_out_can_be_ignored(log):
    folded(log, [disabled(0, left_out())])
    rows.set_ignored(log, ProblemFilter(), after(1))
    assert rows.counts(log) == {"open": 0, "closed": 0, "ignored": 1}


def should_go(minutes: float, *users: str, purpose: str = "disable", group_id: str = "", **of: Any):
    """A refused PATCH of ana that was meant to take access away from these users."""
    due = tuple(DueRemoval(purpose, user, group_id) for user in users or ("a1",))
    return changed(minutes, **{"status": 412, "reason": 'If-Match: expected W/"1"', "due": due} | of)


def test_who_should_be_disabled_keeps_the_problem_open_through_success_and_time(log):
    assert states(log, [should_go(0)], [changed(1, "title")], [made_up(40 * DAY)]) == ["open"]
    prune(log, after(80 * DAY), 10, 10**9)
    assert states(log, [changed(81 * DAY, "title")]) == ["open"]
    assert states(log, [changed(82 * DAY, "active")]) == ["closed"]


@pytest.mark.parametrize("last", [{"action": "delete", "method": "DELETE"}, {"assigned_paths": ("active", "title")}])
def test_a_client_that_decides_about_active_closes_it(log, last):
    decided = changed(1, **last) if "assigned_paths" not in last else changed(1, *last["assigned_paths"])
    first, second = folded(
        log, [should_go(0), should_go(0, "b2", objects=("User id b2",), resource_id="b2")], [decided]
    )
    assert (first.closed, first.closed_by) == (after(1), decided.number)
    assert second.closed is None


def test_a_bulk_message_is_over_with_the_last_of_its_users(log):
    bulk = {"method": "POST", "path": "Bulk", "resource_type": "", "resource_id": "", "objects": ()}
    assert states(log, [should_go(0, "a1", "b2", **bulk), made_up(40)], [made_up(80)], [made_up(120)]) == ["open"]
    assert states(log, [changed(121, "active")]) == ["open"]
    assert states(log, [changed(122, "active", resource_id="b2", objects=("User id b2",))]) == ["closed"]


def test_a_refusal_that_comes_again_is_due_again(log):
    bulk = {"method": "POST", "path": "Bulk", "resource_type": "", "resource_id": "", "objects": ()}
    folded(log, [should_go(0, "a1", "b2", **bulk), changed(1, "active")])
    assert [row.user_id for row in refused_removal_rows.due(log, 10)] == ["b2"]
    folded(log, [should_go(2, "a1", **bulk)])
    assert {row.user_id for row in refused_removal_rows.due(log, 10)} == {"a1", "b2"}


def test_who_still_has_access_makes_room_last(log, monkeypatch):
    monkeypatch.setattr(bounds, "PROBLEMS_KEPT", 2)
    found = folded(log, [should_go(0)], *([taken(minute, name)] for minute, name in enumerate("abc", 1)))
    assert [one.resource_name for one in found] == ["ana", "c"]
