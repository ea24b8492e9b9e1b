"""This module declares the phases of Entra's work in the forms that Entra sends, and checks each answer.

The forms are those of the vendor's attribute mapping, in Entra's default dialect: `Replace` with a capital, roles whose
`primary` is a string, members removed by their value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from bench.driver import Answer, Check, Phase, Phases, Request

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CHUNK = 20  # members in one PATCH
DELETE, LIST = "delete", "list 100"
MEASURED = (
    "lookup miss", "lookup hit", "get", "create", "group create", "group lookup", "group get", "patch six", "add 1",
    "remove 1", "add 20", "disable", DELETE, LIST,
)  # fmt: skip
"""The phases in the order of the tables."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """What a peer accepts instead of one of Entra's forms, so that it can be timed all the same."""

    role: Document = field(
        default_factory=lambda: {"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "Editor"}
    )
    disabled: str | bool = "False"
    removes_by_filter: bool = False


@dataclass(frozen=True)
class Large:
    """A group that exists, in a directory of so many users."""

    id: str
    users: int


def user(number: int, tag: str = "", form: Form = Form()) -> dict[str, Any]:  # noqa: B008
    """Return a user with the 18 attributes of the vendor's mapping."""
    name, given, family = f"{tag}user{number}", f"Given{number}", f"Family{number}"
    return {
        "schemas": [USER, ENTERPRISE], "userName": f"{name}@contoso.example", "externalId": name, "active": True,
        "displayName": f"{given} {family}", "title": "Senior Engineer", "preferredLanguage": "en-US",
        "name": {"givenName": given, "familyName": family, "formatted": f"{given} {family}"},
        "emails": [{"primary": True, "type": "work", "value": f"{name}@mail.contoso.example"}],
        "addresses": [{
            "type": "work", "formatted": f"{number} Main Street, Springfield, IL 62701, US",
            "streetAddress": f"{number} Main Street", "locality": "Springfield", "region": "IL", "postalCode": "62701",
            "country": "US",
        }],
        "roles": [form.role], ENTERPRISE: {"department": f"Department {number % 50}"},
    }  # fmt: skip


def patch(*operations: tuple[str, str, Any]) -> Document:
    """Return a PATCH of operations, each with op, path and value (None for none)."""
    terms = [{"op": op, "path": path} | ({} if value is None else {"value": value}) for op, path, value in operations]
    return {"schemas": [PATCH_OP], "Operations": terms}


def six_paths(number: int) -> tuple[Document, Document]:
    """Return Entra's usual change, and what the user has afterwards.

    Its paths are attributes, a sub-attribute, value filters, and the extension by its URN.
    """
    name, family, mail = f"Given{number} Changed", f"Changed{number}", f"changed{number}@mail.contoso.example"
    change = patch(
        ("Replace", "displayName", name),
        ("Replace", "title", "Principal Engineer"),
        ("Replace", "name.familyName", family),
        ("Replace", 'emails[type eq "work"].value', mail),
        ("Replace", 'addresses[type eq "work"].locality', f"City{number}"),
        ("Replace", f"{ENTERPRISE}:department", "Changed"),
    )
    return change, {
        "displayName": name, "title": "Principal Engineer", "name": {"familyName": family}, "emails": [{"value": mail}],
        "addresses": [{"locality": f"City{number}"}], ENTERPRISE: {"department": "Changed"},
    }  # fmt: skip


def add(ids: Iterable[str]) -> Document:
    return patch(("Add", "members", [{"value": id} for id in ids]))


def remove(id: str, form: Form) -> Document:
    by_filter = ("Remove", f'members[value eq "{id}"]', None)
    return patch(by_filter if form.removes_by_filter else ("Remove", "members", [{"value": id}]))


def contains(expected: Any, excluded: str = "") -> Check:
    """Return a check that an answer has these values, and no resource in it the attribute `excluded`.

    A value may be the boolean that Entra's text means.
    """

    def missing(expected: Any, answered: Any, where: str) -> str:
        if isinstance(expected, list):
            expected = dict(enumerate(expected))
            answered = dict(enumerate(answered)) if isinstance(answered, list) else {}
        if not isinstance(expected, Mapping):
            return "" if answered == expected or str(answered) == expected else f"{where}: got {answered!r}"
        held = answered if isinstance(answered, Mapping) else {}
        findings = (missing(one, held.get(key), f"{where}.{key}") for key, one in expected.items())
        return next(filter(None, findings), "")

    def check(answer: Any) -> str:
        if excluded and any(one.get(excluded) for one in (answer, *answer.get("Resources", ()))):
            return f"{excluded}: got them although they are excluded"
        return missing(expected, answer, "")

    return check


def has_members(ids: Iterable[str], are_all: bool = True) -> Check:
    """Return a check that a group has these members and, if they `are_all`, no others: none was lost."""
    expected = set(ids)

    def check(answer: Any) -> str:
        members = {str(member["value"]) for member in (answer or {}).get("members", ())}
        is_right = members == expected if are_all else members >= expected
        return "" if is_right else f"members: expected {len(expected)}, got {len(members & expected)} of {len(members)}"

    return check


def page(start: int, count: int, total: int) -> Request:
    """Return the request for a list page, checked for its length and totalResults, which is at least `total`."""

    def check(answer: Any) -> str:
        resources, stated = len(answer.get("Resources", ())), answer.get("totalResults", 0)
        return "" if resources == count and stated >= total else f"got {resources} of {stated}"

    return Request("GET", f"/Users?startIndex={start}&count={count}", check)


def lookup(endpoint: str, attribute: str, value: str, id: str | None) -> Request:
    """Return Entra's lookup of one resource; None for an id that is not there."""
    found: Document = {"totalResults": 1, "Resources": [{"id": id}]} if id else {"totalResults": 0}
    query = "?excludedAttributes=members&filter=" if endpoint == "Groups" else "?filter="
    return Request(
        "GET", f"/{endpoint}{query}" + quote(f'{attribute} eq "{value}"', safe=""), contains(found, "members")
    )


def get(endpoint: str, id: str, expected: Document) -> Request:
    return Request("GET", f"/{endpoint}/{id}", contains({**expected, "id": id}))


def create(endpoint: str, body: Document) -> Request:
    return Request("POST", f"/{endpoint}", contains(body), body, (201,))


def change(endpoint: str, id: str, body: Document) -> Request:
    found = contains({"id": id})
    return Request("PATCH", f"/{endpoint}/{id}", lambda answer: found(answer) if answer else "", body, (200, 204))


def delete(endpoint: str, ids: Iterable[str]) -> list[Request]:
    return [Request("DELETE", f"/{endpoint}/{id}", statuses=(204,)) for id in ids]


def _ids(answers: Sequence[Answer]) -> list[str]:
    """Return the ids of created resources; one that cannot be found where a peer refused."""
    return [str((answer.json or {}).get("id", "refused")) for answer in answers]


def phases(users: int, tag: str, form: Form = Form(), large: Large | None = None, proves: bool = True) -> Phases:  # noqa: B008
    """Yield the phases with `users` new users, whose names begin with `tag`, and half as many new groups.

    Half of the users become members of one group, which is new without `large`, one by one, and leave it again. Unless
    it `proves`, that group is not read as a whole, which takes long.
    """
    bodies = [user(number, tag, form) for number in range(users)]
    names = [str(body["userName"]) for body in bodies]
    yield Phase("lookup miss", [lookup("Users", "userName", name, None) for name in names])
    ids = _ids((yield Phase("create", [create("Users", body) for body in bodies])))
    pairs = list(zip(ids, bodies, strict=True))
    yield Phase("lookup hit", [lookup("Users", "userName", body["userName"].upper(), id) for id, body in pairs])
    yield Phase("get", [get("Users", id, body) for id, body in pairs])

    names = [f"{tag}group{number}" for number in range(max(3, users // 2))]
    bodies = [{"schemas": [GROUP], "externalId": name, "displayName": name} for name in names]
    groups = _ids((yield Phase("group create", [create("Groups", body) for body in bodies])))
    by_name = zip(names, groups, strict=True)
    yield Phase("group lookup", [lookup("Groups", "displayName", name, id) for name, id in by_name])

    changes = [(id, *six_paths(number)) for number, id in enumerate(ids)]
    yield Phase("patch six", [change("Users", id, body) for id, body, _ in changes])
    yield Phase("patch six, proof", [get("Users", id, after) for id, _, after in changes], False)

    some = enumerate(groups[: max(3, users // 4)])
    chunks = {id: [ids[(at * 7 + place) % users] for place in range(CHUNK)] for at, id in some}
    yield Phase("add 20", [change("Groups", id, add(members)) for id, members in chunks.items()])
    proof = [Request("GET", f"/Groups/{id}", has_members(members)) for id, members in chunks.items()]
    yield Phase("add 20, proof", proof, False)

    first, singles = ids[: users // 2], ids[users // 2 :]
    group = large.id if large else groups[-1]
    if not large:
        parts = [first[at : at + CHUNK] for at in range(0, len(first), CHUNK)]
        yield Phase("fill", [change("Groups", group, add(part)) for part in parts], False, 1)
    else:
        first = []
    yield Phase("add 1", [change("Groups", group, add([id])) for id in singles])
    path = f"/Groups/{group}"
    if proves:
        yield Phase("add 1, proof", [Request("GET", path, has_members(first + singles, not large))], False)
    without = Request("GET", f"{path}?excludedAttributes=members", contains({"id": group}, "members"))
    yield Phase("group get", [without] * len(singles))
    yield Phase("remove 1", [change("Groups", group, remove(id, form)) for id in singles])
    if proves:
        yield Phase("remove 1, proof", [Request("GET", path, has_members(first, not large))], False)

    total = large.users if large else users
    count, times = min(100, total), max(3, users // 8)
    yield Phase(LIST, [page(1, count, total)] * times)
    if large:
        yield Phase("list 100, middle", [page(total // 2, count, total)] * times)
        yield from _anywhere(users, tag, large)
    disabling = patch(("Replace", "active", form.disabled))
    yield Phase("disable", [change("Users", id, disabling) for id in ids])
    yield Phase("disable, proof", [get("Users", id, {"active": False}) for id in ids], False)
    yield Phase(DELETE, delete("Users", ids))
    yield Phase("delete, proof", [Request("GET", f"/Users/{id}", statuses=(404,)) for id in ids], False)
    yield Phase("clean up", delete("Groups", groups), False)


def _anywhere(users: int, tag: str, large: Large) -> Phases:
    """Yield phases with users who are anywhere in a large directory, where new ones are next to each other."""
    numbers = Random(tag).sample(range(large.users), min(users, large.users))
    names = [{"userName": user(number)["userName"]} for number in numbers]
    lookups = [lookup("Users", "userName", name["userName"], None) for name in names]
    checks = [contains({"totalResults": 1, "Resources": [name]}) for name in names]
    lookups = [request._replace(check=check) for request, check in zip(lookups, checks, strict=True)]
    ids = [answer.json["Resources"][0]["id"] for answer in (yield Phase("lookup hit, anywhere", lookups))]
    yield Phase("get, anywhere", [get("Users", id, name) for id, name in zip(ids, names, strict=True)])
    # The values differ from those of the warm-up, which has another number of users.
    changes = [(id, *six_paths(number + users)) for id, number in zip(ids, numbers, strict=True)]
    yield Phase("patch six, anywhere", [change("Users", id, body) for id, body, _ in changes])
    yield Phase("patch six, anywhere, proof", [get("Users", id, after) for id, _, after in changes], False)


def until(name: str, phases: Phases) -> Phases:
    """Yield phases up to the one with this name."""
    answers = None
    while True:
        phase = next(phases) if answers is None else phases.send(answers)
        answers = yield phase
        if phase.name == name:
            return
