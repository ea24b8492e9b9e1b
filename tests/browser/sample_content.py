"""An appliance in which something of everything has happened, with names that want to do harm: by SCIM requests, and by
commands what these cannot do.

Not here: what the pages make of it (test_*.py).
"""

from typing import Any
from urllib.parse import quote

from tests.conftest import Appliance

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "\"'><img src=x onerror=alert(1)>",
    "long": "x" * 300,
    "right to left": "مرحبا بالعالم",
    "override": "\u202egnp.exe\u202c",
    "emoji": "👩‍🚀 Åsa",
    "template": "{{ 7 * 7 }}",
    "link": "javascript:alert(1)",
    "formula": "=1+1",
}
PEOPLE = 60
"""More than one page of a list."""

WRONG_KEYS = (
    None,
    "Basic YTpi",
    "Bearer password1",
    "Bearer Bearer rcn_scim_x",
    "Bearer rcn_scim_cut",
    "Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiI4YWRmOGU2ZSJ9.c2lnbmF0dXJl",
    f"Bearer rcn_scim_{'x' * 43}_000000",
)


def furnish(appliance: Appliance) -> dict[str, str]:
    """Fill a fresh appliance that has a key. Gives the console's paths of the hostile people and of their `group`."""
    _connect(appliance)
    for name in (HOSTILE["script"], HOSTILE["right to left"]):
        assert appliance.command("oauth", "create", "--name", name).returncode == 0
    assert appliance.command("backup", "create").returncode == 0
    allowed = appliance.command("allowlist", "allow", "192.0.2.0/24", "--note", HOSTILE["script"])
    assert allowed.returncode == 0, allowed.stderr
    ids = {kind: _person(appliance, number, name) for number, (kind, name) in enumerate(HOSTILE.items())}
    for number in range(len(HOSTILE), PEOPLE):
        _person(appliance, number, f"Person {number}")
    members = [{"value": one} for one in ids.values()]
    group = _made(appliance, "Groups", {"schemas": [GROUP], "displayName": HOSTILE["script"]})
    _change(appliance, f"Groups/{group}", ("Add", "members", [*members, {"value": "<b>unknown</b>"}]))
    _change(appliance, f"Groups/{group}", ("Remove", "members", members[:1]))
    _change(appliance, f"Groups/{group}", ("Add", "members", members[:1]))
    for name in (HOSTILE["long"], HOSTILE["right to left"], "Empty"):
        _made(appliance, "Groups", {"schemas": [GROUP], "displayName": name})
    _live(appliance, ids)
    _refuse(appliance, ids, group)
    _administer(appliance)
    return {kind: f"/users/{one}" for kind, one in ids.items()} | {"group": f"/groups/{group}"}


def _connect(appliance: Appliance) -> None:
    """As Entra does: its probe, the schemas, a look-up by the matching attribute."""
    for path in (
        "/scim/Users?filter=" + quote('userName eq "7a1b9c52-3a0e-4b2f-9c37-5e1f0d6a8b44"'),
        "/scim/Schemas",
        "/scim/Users?filter=" + quote('userName eq "person0@recnice.example"'),
    ):
        assert appliance.request("GET", path).status == 200


def _person(appliance: Appliance, number: int, name: str) -> str:
    body = {
        "schemas": [USER, ENTERPRISE],
        "userName": f"person{number}@recnice.example",
        "externalId": f"nick{number}",
        "displayName": name,
        "title": name,
        "active": "True",
        "name": {"givenName": name, "familyName": name},
        "emails": [{"type": "work", "primary": True, "value": f"person{number}@recnice.example"}],
        ENTERPRISE: {"department": name},
    }
    return _made(appliance, "Users", body)


def _live(appliance: Appliance, ids: dict[str, str]) -> None:
    """Changes of every sort: of values, of the name, disabled, enabled again, confirmed, deleted."""
    for one, name in zip(ids.values(), reversed(HOSTILE.values()), strict=True):
        _change(appliance, f"Users/{one}", ("Replace", f"{ENTERPRISE}:department", name))
        _change(appliance, f"Users/{one}", ("Replace", 'addresses[type eq "work"].locality', name))
    for value in ("False", "True", "True", "False"):
        _change(appliance, f"Users/{ids['emoji']}", ("Replace", "active", value))
    _change(appliance, f"Users/{ids['long']}", ("Replace", "active", "False"))
    gone = _person(appliance, PEOPLE, HOSTILE["image"])
    assert appliance.request("DELETE", f"/scim/Users/{gone}").status == 204


def _refuse(appliance: Appliance, ids: dict[str, str], group: str) -> None:
    """Requests that are refused, each in its own way, with hostile texts wherever a text can be."""
    script, long = HOSTILE["script"], HOSTILE["long"]
    users: list[dict[str, Any]] = [
        {"userName": "person0@recnice.example", "displayName": script},
        {"userName": "PERSON1@recnice.example", "displayName": long},
        {"displayName": script},
        {"userName": script, "active": script},
        {"userName": "too long", "title": long * 20},
    ]
    for body in users:
        _refused(appliance, "POST", "/scim/Users", body | {"schemas": [USER]})
    _refused(appliance, "POST", "/scim/Groups", {"schemas": [GROUP], "displayName": script.upper()})
    _refused(appliance, "POST", "/scim/Users", f'{{"userName": "{script}",')
    _refused(appliance, "POST", "/scim/Users", "a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    _refused(appliance, "POST", "/scim/Users", " " * (3 * 1024 * 1024))
    for operation in (
        {"op": "Replace", "path": "active", "value": script},
        {"op": "Replace", "path": f"emails[type eq {script}", "value": "a"},
        {"op": "Remove", "path": "userName"},
        {"op": "Replace", "path": "id", "value": script},
        {"op": "Remove"},
    ):
        body = {"schemas": [PATCH], "Operations": [operation]}
        _refused(appliance, "PATCH", f"/scim/Users/{ids['script']}", body)
    _refused(appliance, "PATCH", f"/scim/Users/{ids['long']}", {}, {"If-Match": 'W/"0"'})
    disable = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    _refused(appliance, "PATCH", f"/scim/Users/{ids['script']}", disable, {"If-Match": 'W/"0"'})
    for path in (
        "/scim/Users?filter=" + quote(f"userName eq {script}"),
        "/scim/Users?cursor=" + quote(script),
        "/scim/Users/" + quote(script),
        "/scim/" + quote(script, safe=""),
        f"/scim/Groups/{'0' * 32}",
        "/scim/Me",
    ):
        _refused(appliance, "GET", path)
    _refused(appliance, "DELETE", "/scim/Users")
    _refused(appliance, "GET", "/scim/Users", None, {"Host": "elsewhere.example"})
    for key in WRONG_KEYS:
        _refused(appliance, "GET", "/scim/Users", None, {"Authorization": key})


def _administer(appliance: Appliance) -> None:
    """Operators whose names stand in their list and in the audit; what nobody can see is no name of an operator."""
    for name in filter(str.isprintable, HOSTILE.values()):
        given = ("--user-name", name, "--role", "viewer", "--password-stdin")
        made = appliance.command("admin", "create", *given, typed="a red kettle sings\n")
        assert made.returncode == 0, made.stderr


def _made(appliance: Appliance, endpoint: str, body: dict[str, Any]) -> str:
    answer = appliance.request("POST", f"/scim/{endpoint}", body)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def _change(appliance: Appliance, path: str, operation: tuple[str, str, Any]) -> None:
    op, target, value = operation
    body = {"schemas": [PATCH], "Operations": [{"op": op, "path": target, "value": value}]}
    answer = appliance.request("PATCH", f"/scim/{path}", body)
    assert answer.status in (200, 204), answer.text


def _refused(
    appliance: Appliance, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None
) -> None:
    answer = appliance.request(method, path, body, headers)
    assert 400 <= answer.status < 600, f"{method} {path}: {answer.status}"
