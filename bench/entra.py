"""This module declares the phases of Entra's work in the forms that Entra sends, and checks each answer.

The forms are those of the vendor's attribute mapping, in Entra's default dialect: `Replace` with a capital, roles whose
`primary` is a string, members removed by their value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bench.driver import Answer, Check, Phase, Phases, Request

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CHUNK = 20  # members in one PATCH
CHANGED = (200, 204)
DELETE = "delete"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """What a peer does not accept of Entra's forms, so that it can be timed all the same."""

    role: Document = field(
        default_factory=lambda: {"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "Editor"}
    )
    removes_by_filter: bool = False
    disabled: str | bool = "False"


ENTRA = Form()


def user(number: int, tag: str = "", form: Form = ENTRA) -> dict[str, Any]:
    """Return a user with the 18 attributes of the vendor's mapping."""
    name = f"{tag}user{number}"
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": f"{name}@contoso.example",
        "externalId": name,
        "active": True,
        "displayName": f"Given{number} Family{number}",
        "title": "Senior Engineer",
        "preferredLanguage": "en-US",
        "name": {
            "givenName": f"Given{number}",
            "familyName": f"Family{number}",
            "formatted": f"Given{number} Family{number}",
        },
        "emails": [{"primary": True, "type": "work", "value": f"{name}@mail.contoso.example"}],
        "addresses": [
            {
                "type": "work",
                "formatted": f"{number} Main Street, Springfield, IL 62701, US",
                "streetAddress": f"{number} Main Street",
                "locality": "Springfield",
                "region": "IL",
                "postalCode": "62701",
                "country": "US",
            }
        ],
        "roles": [form.role],
        ENTERPRISE: {"department": f"Department {number % 50}"},
    }


def patch(*operations: tuple[str, str, Any]) -> Document:
    """Return a PATCH of operations, each with op, path and value (None for none)."""
    terms = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    return {
        "schemas": [PATCH_OP],
        "Operations": [{key: value for key, value in term.items() if value is not None} for term in terms],
    }


def six_paths(number: int) -> Document:
    """Return Entra's usual change: attributes, a sub-attribute, value filters, and the extension by its URN."""
    return patch(
        ("Replace", "displayName", f"Given{number} Changed{number}"),
        ("Replace", "title", f"Principal {number}"),
        ("Replace", "name.familyName", f"Changed{number}"),
        ("Replace", 'emails[type eq "work"].value', f"changed{number}@mail.contoso.example"),
        ("Replace", 'addresses[type eq "work"].locality', f"City{number}"),
        ("Replace", f"{ENTERPRISE}:department", f"Changed Department {number}"),
    )


def add(ids: Iterable[str]) -> Document:
    return patch(("Add", "members", [{"value": id} for id in ids]))


def remove(id: str, form: Form) -> Document:
    return patch(
        ("Remove", f'members[value eq "{id}"]', None)
        if form.removes_by_filter
        else ("Remove", "members", [{"value": id}])
    )


def lookup(endpoint: str, attribute: str, value: str, more: str = "") -> str:
    """Return the path of a lookup by one attribute."""
    return f"/{endpoint}?{more}filter=" + quote(f'{attribute} eq "{value}"', safe="")


def contains(expected: Any) -> Check:
    """Return a check that an answer has at least these values; `primary` may be the boolean that Entra's text means."""

    def missing(expected: Any, answered: Any, where: str) -> str:
        if isinstance(expected, Mapping):
            pairs: Iterable[tuple[Any, Any]] = expected.items()
            held = answered if isinstance(answered, Mapping) else {}
        elif isinstance(expected, list):
            pairs, held = enumerate(expected), dict(enumerate(answered if isinstance(answered, list) else ()))
        else:
            return "" if answered == expected or str(answered) == expected else f"{where}: got {answered!r}"
        return next((text for key, value in pairs if (text := missing(value, held.get(key), f"{where}.{key}"))), "")

    return lambda answer: missing(expected, answer, "")


def _or_nothing(check: Check) -> Check:
    return lambda answer: "" if answer is None else check(answer)


def _has_all(expected: Any, excluded: str = "") -> Check:
    """Return a check of the values of an answer, in which `excluded` must not be."""
    inner = contains(expected)

    def check(answer: Any) -> str:
        resources = [answer, *(answer.get("Resources") or ())] if isinstance(answer, Mapping) else []
        if excluded and any(resource.get(excluded) for resource in resources):
            return f"{excluded}: got them although they are excluded"
        return inner(answer)

    return check


def has_members(ids: Iterable[str]) -> Check:
    """Return a check that a group has exactly these members: none was lost."""
    expected = set(ids)

    def check(answer: Any) -> str:
        members = {str(member["value"]) for member in (answer or {}).get("members", ())}
        return "" if members == expected else f"members: expected {len(expected)}, got {len(members)}"

    return check


def page(start: int, count: int, total: int) -> Request:
    """Return a list page by index, checked for its length and totalResults; `total` is at least how many there are."""

    def check(answer: Any) -> str:
        resources, stated = len(answer.get("Resources", ())), answer.get("totalResults", 0)
        return "" if resources == count and stated >= total else f"got {resources} of {stated}"

    return Request("GET", f"/Users?startIndex={start}&count={count}", check=check)


def _id_of(answer: Answer) -> str:
    """Return the id of a created resource; one that cannot be found for a peer that refused."""
    return str((answer.json or {}).get("id", "refused"))


def _created(endpoint: str, body: Document) -> Request:
    def check(answer: Any) -> str:
        return contains(body)(answer) if isinstance(answer, Mapping) and answer.get("id") else "id: got none"

    return Request("POST", f"/{endpoint}", body, (201,), check)


def _one_found(id: str) -> Document:
    return {"totalResults": 1, "Resources": [{"id": id}]}


def phases(
    users: int, tag: str, form: Form = ENTRA, large: tuple[str, int] | None = None, reads_large: bool = True
) -> Phases:
    """Yield the phases with `users` users of names that begin with `tag`.

    `large`: the id of a group that exists, and how many users exist; by default half of the users become members of a
    new group. `reads_large`: whether its members are read at the end, to prove that none was lost.
    """
    everybody, half = range(users), users // 2
    bodies = [user(number, tag, form) for number in everybody]
    names = [str(body["userName"]) for body in bodies]
    nobody = _has_all({"totalResults": 0})
    yield Phase("lookup miss", [Request("GET", lookup("Users", "userName", name), check=nobody) for name in names])
    made = yield Phase("create", [_created("Users", body) for body in bodies])
    ids = [_id_of(answer) for answer in made]
    by_name = zip(names, ids, strict=True)
    yield Phase(
        "lookup hit",
        [Request("GET", lookup("Users", "userName", n.upper()), check=contains(_one_found(i))) for n, i in by_name],
    )
    yield Phase(
        "get",
        [
            Request("GET", f"/Users/{id}", check=contains(body | {"id": id}))
            for id, body in zip(ids, bodies, strict=True)
        ],
    )

    group_names = [f"{tag}group{number}" for number in range(max(3, users // 2))]
    made = yield Phase(
        "group create",
        [_created("Groups", {"schemas": [GROUP], "externalId": name, "displayName": name}) for name in group_names],
    )
    group_ids = [_id_of(answer) for answer in made]
    without = "excludedAttributes=members"
    yield Phase(
        "group lookup",
        [
            Request(
                "GET", lookup("Groups", "displayName", name, without + "&"), check=_has_all(_one_found(id), "members")
            )
            for name, id in zip(group_names, group_ids, strict=True)
        ],
    )

    yield Phase("patch six", [_patched("Users", id, six_paths(n)) for n, id in enumerate(ids)])
    yield Phase("patch six, read back", [_read("Users", id, _six_values(n)) for n, id in enumerate(ids)], False)

    chunks: list[tuple[str, list[str]]] = []
    for number in range(max(3, users // 4)):
        members = [ids[(number * 7 + place) % users] for place in range(min(CHUNK, users))]
        chunks.append((group_ids[number % max(1, len(group_ids) // 2)], members))
    expected: dict[str, set[str]] = {}
    for group_id, members in chunks:
        expected.setdefault(group_id, set()).update(members)
    yield Phase("add 20", [_patched("Groups", group_id, add(members)) for group_id, members in chunks])
    read = [Request("GET", f"/Groups/{group_id}", check=has_members(members)) for group_id, members in expected.items()]
    yield Phase("add 20, read back", read, False)

    first: list[str] = []
    if large is None:
        large_id, first = group_ids[-1], ids[:half]
        fill = [_patched("Groups", large_id, add(first[at : at + CHUNK])) for at in range(0, half, CHUNK)]
        yield Phase("fill", fill, False, 1)
    else:
        large_id = large[0]
    singles = ids[half:]
    yield Phase("add 1", [_patched("Groups", large_id, add([id])) for id in singles])
    if reads_large:
        yield Phase("add 1, read back", [_whole(large_id, [*first, *singles], large)], False)
    without_members = Request("GET", f"/Groups/{large_id}?{without}", check=_has_all({"id": large_id}, "members"))
    yield Phase("group get", [without_members] * len(singles))
    yield Phase("remove 1", [_patched("Groups", large_id, remove(id, form)) for id in singles])
    if reads_large:
        yield Phase("remove 1, read back", [_whole(large_id, first, large)], False)

    total = users if large is None else large[1]
    count = min(100, total)
    yield Phase("list 100", [page(1, count, total)] * max(3, users // 20))
    if large is not None:
        yield Phase("list 100, middle", [page(total // 2, count, total)] * max(3, users // 20))
    yield Phase("disable", [_patched("Users", id, patch(("Replace", "active", form.disabled))) for id in ids])
    yield Phase("disable, read back", [_read("Users", id, {"active": False}) for id in ids], False)
    yield Phase(DELETE, [Request("DELETE", f"/Users/{id}", statuses=(204,)) for id in ids])
    yield Phase("delete, read back", [Request("GET", f"/Users/{id}", statuses=(404,)) for id in ids], False)
    yield Phase("clean up", [Request("DELETE", f"/Groups/{id}", statuses=(204,)) for id in group_ids], False)


def _patched(endpoint: str, id: str, body: Document) -> Request:
    return Request("PATCH", f"/{endpoint}/{id}", body, CHANGED, _or_nothing(contains({"id": id})))


def _read(endpoint: str, id: str, expected: Document) -> Request:
    return Request("GET", f"/{endpoint}/{id}", check=contains(expected))


def _whole(id: str, ids: Sequence[str], large: tuple[str, int] | None) -> Request:
    """Return a request that reads all members; of a group that existed before, only these are looked for."""
    if large is None:
        return Request("GET", f"/Groups/{id}", check=has_members(ids))
    expected = set(ids)

    def check(answer: Any) -> str:
        lost = expected - {str(member["value"]) for member in answer["members"]}
        return f"members: {len(lost)} lost" if lost else ""

    return Request("GET", f"/Groups/{id}", check=check)


def _six_values(number: int) -> Document:
    return {
        "displayName": f"Given{number} Changed{number}",
        "title": f"Principal {number}",
        "name": {"familyName": f"Changed{number}"},
        "emails": [{"value": f"changed{number}@mail.contoso.example"}],
        "addresses": [{"locality": f"City{number}"}],
        ENTERPRISE: {"department": f"Changed Department {number}"},
    }


MEASURED = (
    "lookup miss", "lookup hit", "get", "create", "group create", "group lookup", "group get", "patch six", "add 1",
    "remove 1", "add 20", "disable", DELETE, "list 100",
)  # fmt: skip
"""The phases in the order of the tables."""
