"""Thirty hours of a company that does not exist, as Entra would send them: for the pictures.

Nobody in it exists; the addresses are example.com's (RFC 2606). Not here: the pictures (pictures.py).
"""

import re
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

CYCLES = 46
CYCLE_S = 40 * 60
LAST_CYCLE_S = 12 * 60
"""How long ago the last cycle began."""

# Given name, family name, department, title, city, country.
PEOPLE = (
    ("Ana", "Ruiz", "Sales", "Account Manager", "Madrid", "ES"),
    ("Amara", "Okafor", "Research", "Head of Research", "London", "GB"),
    ("Ben", "Carter", "Sales", "Sales Representative", "London", "GB"),
    ("Chloé", "Lefèvre", "Legal", "Counsel", "Lyon", "FR"),
    ("Daniel", "Weiß", "Finance", "Controller", "Hamburg", "DE"),
    ("Elif", "Yıldız", "Engineering", "Software Engineer", "Izmir", "TR"),
    ("Farid", "Haddad", "Engineering", "Software Engineer", "Lyon", "FR"),
    ("Grace", "Mbeki", "People", "Recruiter", "London", "GB"),
    ("Hana", "Nováková", "Finance", "Accountant", "Brno", "CZ"),
    ("Ingrid", "Solberg", "Engineering", "Head of Engineering", "Bergen", "NO"),
    ("Jonas", "Lindqvist", "Engineering", "Test Engineer", "Bergen", "NO"),
    ("Keiko", "Sato", "Research", "Scientist", "Osaka", "JP"),
    ("Liam", "O'Brien", "Sales", "Head of Sales", "Dublin", "IE"),
    ("Mei", "Chen", "Research", "Scientist", "London", "GB"),
    ("Niamh", "Walsh", "People", "Head of People", "Dublin", "IE"),
    ("Oskar", "Nowak", "Engineering", "Site Reliability Engineer", "Kraków", "PL"),
    ("Priya", "Raman", "Engineering", "Product Manager", "London", "GB"),
    ("Quentin", "Dubois", "Sales", "Account Manager", "Lyon", "FR"),
    ("Rosa", "Bianchi", "Legal", "Head of Legal", "Milan", "IT"),
    ("Sven", "Hansen", "Finance", "Head of Finance", "Hamburg", "DE"),
    ("Tomás", "Silva", "Sales", "Sales Representative", "Porto", "PT"),
    ("Uma", "Iyer", "Engineering", "Software Engineer", "London", "GB"),
    ("Viktor", "Horváth", "Research", "Data Analyst", "Szeged", "HU"),
    ("Wanda", "Zielińska", "People", "People Partner", "Kraków", "PL"),
    ("Yusuf", "Demir", "Sales", "Account Manager", "Izmir", "TR"),
    ("Zoë", "van den Berg", "Legal", "Paralegal", "Utrecht", "NL"),
)
ANSWER_S = 0.7
PROBE = "5a1d2c8e-41b7-4f0c-9d1e-0b6f4a7c3e92"
GROUPS = ("Sales", "Legal", "Research", "Engineering", "Finance", "People", "All staff", "On call")

DEPARTMENT = f"{ENTERPRISE}:department"
CITY = 'addresses[type eq "work"].locality'
HAPPENINGS: tuple[tuple[Any, ...], ...] = (
    (3, "set", "Keiko Sato", "title", "Senior Scientist"),
    (6, "join", "On call", "Oskar Nowak"),
    (6, "join", "On call", "Uma Iyer"),
    (6, "join", "On call", "Elif Yıldız"),
    (9, "set", "Farid Haddad", CITY, "London"),
    (12, "hire", "Lena", "Fischer", "Finance", "Treasury Analyst", "Hamburg", "DE"),
    (15, "set", "Quentin Dubois", "active", "False"),
    (15, "leave", "Sales", "Quentin Dubois"),
    (18, "set", "Mei Chen", "title", "Principal Scientist"),
    (21, "set", "Daniel Weiß", "active", "perhaps"),
    (21, "set", "Grace Mbeki", "title", "Senior Recruiter"),
    (22, "set", "Daniel Weiß", "active", "True"),
    (27, "hire", "Ravi", "Patel", "Engineering", "Software Engineer", "London", "GB"),
    (27, "join", "Engineering", "Ravi Patel"),
    (27, "set", "Jonas Lindqvist", "title", "Lead Test Engineer"),
    (31, "set", "Tomás Silva", CITY, "Lisbon"),
    (34, "set", "Yusuf Demir", "active", "False"),
    (34, "set", "Priya Raman", "title", "Head of Product"),
    (34, "set", "Wanda Zielińska", "preferredLanguage", "pl-PL"),
    (CYCLES - 1, "set", "Ana Ruiz", DEPARTMENT, "Legal"),
    (CYCLES - 1, "leave", "Sales", "Ana Ruiz"),
    (CYCLES - 1, "join", "Legal", "Ana Ruiz"),
    (CYCLES - 1, "set", "Viktor Horváth", "title", "Senior Data Analyst"),
)
"""After the initial cycle: number of the cycle, a verb of `Company`, and what it is done with."""
REFUSED: tuple[tuple[Any, ...], ...] = (
    ("hire", "Ben", "CARTER", "Legal", "Trainee", "London", "GB"),
    ("found", "sales"),
    ("set", "Hana Nováková", "title", "Accountant " * 100),
)
"""What is refused until somebody mends it."""

Send = Callable[[str, str, Any], dict[str, Any]]
"""Sends one request: method, path below /scim, body; gives the answer's JSON, whatever its status."""


class Company:
    """The people and groups that are here, by their names, and what can happen to them.

    `tell_time` sets the appliance's clock, in seconds from now.
    """

    def __init__(self, send: Send, tell_time: Callable[[float], None]) -> None:
        self._send = send
        self._tell_time = tell_time
        self._now = 0.0
        self.ids: dict[str, str] = {}

    def live(self) -> None:
        """Live through all cycles."""
        for number in range(CYCLES):
            self._now = -LAST_CYCLE_S - (CYCLES - 1 - number) * CYCLE_S
            self.find("Users", "userName", PROBE)
            if number == 0:
                self.arrive()
            for _, verb, *rest in (one for one in HAPPENINGS if one[0] == number):
                getattr(self, verb)(*rest)
        self._tell_time(0)

    def stumble(self) -> None:
        """Some minutes later, what is refused."""
        self._now = -LAST_CYCLE_S / 2
        for verb, *rest in REFUSED:
            getattr(self, verb)(*rest)
        self._tell_time(0)

    def send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        self._now += ANSWER_S
        self._tell_time(self._now)
        return self._send(method, path, body)

    def arrive(self) -> None:
        """The initial cycle: everybody, then the groups, then their members."""
        self.send("GET", "/Schemas", None)
        for person in PEOPLE:
            self.hire(*person)
        for name in GROUPS:
            self.find("Groups", "displayName", name)
            self.found(name)
            for given, family, department, *_ in PEOPLE:
                if name in (department, "All staff"):
                    self.join(name, f"{given} {family}")

    def find(self, endpoint: str, attribute: str, value: str) -> None:
        self.send("GET", f"/{endpoint}?filter=" + quote(f'{attribute} eq "{value}"'), None)

    def hire(self, given: str, family: str, department: str, title: str, city: str, country: str) -> None:
        name, address = f"{given} {family}", _address(given, family)
        self.find("Users", "userName", address.lower())
        body = {
            "schemas": [USER, ENTERPRISE],
            "externalId": object_id(address),
            "userName": address.lower(),
            "active": True,
            "displayName": name,
            "title": title,
            "emails": [{"primary": True, "type": "work", "value": address.lower()}],
            "preferredLanguage": "en-GB",
            "name": {"givenName": given, "familyName": family, "formatted": name},
            "addresses": [{"type": "work", "locality": city, "country": country}],
            ENTERPRISE: {"department": department},
        }
        self._keep(name, self.send("POST", "/Users", body))

    def found(self, name: str) -> None:
        body = {"schemas": [GROUP], "displayName": name, "externalId": object_id(name)}
        self._keep(name, self.send("POST", "/Groups", body))

    def set(self, name: str, path: str, value: str) -> None:
        self._change(f"/Users/{self.ids[name]}", "Replace", path, value)

    def join(self, group: str, name: str) -> None:
        self._change(f"/Groups/{self.ids[group]}", "Add", "members", [{"value": self.ids[name]}])

    def leave(self, group: str, name: str) -> None:
        self._change(f"/Groups/{self.ids[group]}", "Remove", "members", [{"value": self.ids[name]}])

    def _change(self, path: str, op: str, target: str, value: Any) -> None:
        self.send("PATCH", path, {"schemas": [PATCH], "Operations": [{"op": op, "path": target, "value": value}]})

    def _keep(self, name: str, answer: dict[str, Any]) -> None:
        if "id" in answer:
            self.ids[name] = answer["id"]


def _address(given: str, family: str) -> str:
    """`Zoë van den Berg` has `Zoe.vandenBerg@example.com`."""
    plain = unicodedata.normalize("NFKD", f"{given}.{family}".replace("ı", "i").replace("ß", "ss"))
    return re.sub(r"[^A-Za-z.]", "", plain) + "@example.com"


def object_id(name: str) -> str:
    """What stands for Entra's object id: the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.example.com"))
