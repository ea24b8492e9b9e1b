"""What Entra's work costs here, as shares of the bare route in the same run: `make bench`.

    python -m bench.entra [--users N] [--members N] [--rounds N] [--connections N]

Every round starts both servers anew on an empty data folder. All answers are checked; `wrong` must be 0.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.hello import KEY
from bench.load import Measured, Request, median_of, run

ROOT = Path(__file__).resolve().parent.parent
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(number: int) -> dict[str, object]:
    """A person with all of the vendor's attributes."""
    name = f"person{number}"
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": f"{name}@example.com",
        "externalId": name,
        "active": True,
        "displayName": f"Person {number}",
        "title": "Engineer",
        "preferredLanguage": "en-GB",
        "name": {"givenName": "Person", "familyName": str(number), "formatted": f"Person {number}"},
        "emails": [{"type": "work", "primary": True, "value": f"{name}@mail.example.com"}],
        "addresses": [
            {
                "type": "work",
                "formatted": "18/2111",
                "streetAddress": "1 High Street",
                "locality": "Leeds",
                "region": "Yorkshire",
                "postalCode": "LS1",
                "country": "GB",
            }
        ],
        "roles": [{"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "Editor"}],
        ENTERPRISE: {"department": "Research"},
    }


def patch(*operations: tuple[str, str, object]) -> dict[str, object]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": o, "path": p, "value": v} for o, p, v in operations]}


def six_replaces(number: int) -> dict[str, object]:
    """Entra's usual change, default dialect."""
    return patch(
        ("Replace", "displayName", f"Renamed {number}"),
        ("Replace", 'emails[type eq "work"].value', f"renamed{number}@mail.example.com"),
        ("Replace", 'addresses[type eq "work"].locality', f"City {number}"),
        ("Replace", "name.givenName", f"Given {number}"),
        ("Replace", f"{ENTERPRISE}:department", f"Department {number}"),
        ("Replace", "active", "True"),
    )


def lookup(name: str) -> str:
    return "/scim/Users?" + urllib.parse.urlencode({"filter": f'userName eq "{name}"'})


@contextmanager
def serving(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a child process, and its first line that says where it is."""
    child = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert child.stdout is not None
    try:
        yield child, next(line for line in child.stdout if re.search(r"^\d+$|^Address:", line))
    finally:
        child.terminate()
        child.wait()


def hello(port: int, count: int, connections: int) -> Measured:
    with serving("-m", "bench.hello", str(port)) as (child, _):
        return run(port, KEY, child.pid, [Request("GET", "/hello")] * count, connections)[0]


def appliance(port: int, users: int, members: int, connections: int) -> dict[str, Measured]:
    """Every phase on a new data folder."""
    phases: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("recnice_scim.py", "serve", "--data", folder, "--listen", f"127.0.0.1:{port}")
        with serving(*arguments) as (child, _):
            key = subprocess.run(
                [sys.executable, "recnice_scim.py", "key", "create", "--data", folder],
                cwd=ROOT, check=True, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip

            def phase(name: str, requests: list[Request], at_once: int = connections) -> list[dict[str, str]]:
                phases[name], answers = run(port, key, child.pid, requests, at_once)
                return answers

            everybody = range(users)
            phase("look-up, nobody", [Request("GET", lookup(f"nobody{n}")) for n in everybody])
            made = phase("create user", [Request("POST", "/scim/Users", user(n)) for n in everybody])
            ids = [answer["id"] for answer in made]
            phase("look-up, found", [Request("GET", lookup(f"PERSON{n}@example.com")) for n in everybody])
            phase("get user", [Request("GET", f"/scim/Users/{one}") for one in ids])
            phase(
                "six replaces", [Request("PATCH", f"/scim/Users/{one}", six_replaces(n)) for n, one in enumerate(ids)]
            )
            group = {"schemas": [GROUP], "displayName": "Everybody"}
            (big,) = phase("create group", [Request("POST", "/scim/Groups", group)], 1)
            path = f"/scim/Groups/{big['id']}"
            many = [{"value": f"member-{number}"} for number in range(members)]
            fill = [patch(("Add", "members", many[at : at + 1_000])) for at in range(0, members, 1_000)]
            phase("fill group, 1,000 each", [Request("PATCH", path, body) for body in fill], 1)
            phase(
                "add one member", [Request("PATCH", path, patch(("Add", "members", [{"value": one}]))) for one in ids]
            )
            remove = [patch(("Remove", "members", [{"value": one}])) for one in ids]
            phase("remove one member", [Request("PATCH", path, body) for body in remove])
            phase("get group, no members", [Request("GET", path + "?excludedAttributes=members")] * users)
            phase("list of 100", [Request("GET", "/scim/Users?count=100")] * (users // 10))
            phase("disable", [Request("PATCH", f"/scim/Users/{o}", patch(("Replace", "active", "False"))) for o in ids])
            phase("delete", [Request("DELETE", f"/scim/Users/{one}") for one in ids])
    return phases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--port", type=int, default=17644)
    given = parser.parse_args()
    yardsticks, rounds = [], []
    for _ in range(given.rounds):
        yardsticks.append(hello(given.port, given.users * 3, given.connections))
        rounds.append(appliance(given.port, given.users, given.members, given.connections))
    bare = median_of(yardsticks, lambda one: one.per_second)
    print(f"{given.users} users, a group of {given.members}, {given.connections} connections, {given.rounds} rounds")
    print(f"{'':24}{'a second':>10}{'of hello':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'wrong':>7}")
    for name, of in [("hello", yardsticks), *((name, [one[name] for one in rounds]) for name in rounds[0])]:
        rate = median_of(of, lambda one: one.per_second)
        print(
            f"{name:24}{rate:10.0f}{rate / bare:10.2f}{median_of(of, lambda one: one.p50_ms):9.2f}"
            f"{median_of(of, lambda one: one.p99_ms):9.2f}{median_of(of, lambda one: one.cpu_us):9.0f}"
            f"{sum(one.wrong for one in of):7}"
        )


if __name__ == "__main__":
    main()
