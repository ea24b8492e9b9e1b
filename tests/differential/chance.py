"""Random documents, filters and patches of users, the same ones for the same seed.

The words are few, so that what is asked for is often there. Not here: what should come of them.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

from app.scim.attribute import Attribute
from app.scim.filter_tree import OPERATORS
from app.scim.resource_types import USER

WORDS = (
    "ada",
    "Ada",
    "ADA Löwe",
    "ada lo\u0308we",
    "work",
    "Home",
    "bob",
    "b",
    'say "hi" \\',
    "100%_",
    "ΝΙΚΟΣΤΡΑΤΟΣ",
    "νικος",
)
TYPES = ("work", "home", "other", "desk")
URLS = ("https://x.example/a", "https://x.example/A", "https://y.example/")
ADDRESSES = ("ada@x.example", "Ada@x.example", "bob@y.example")
CERTIFICATES = ("AAA+", "aaa+", "AAAA")
INSTANTS = ("2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00.123Z", "2027-01-01T00:00:00Z")
ODD = (
    "\x00",
    "\x1f",
    "\u202e",
    "\ud800",
    "😀",
    "é",
    "'",
    '"',
    "\\",
    "%",
    "[",
    "]",
    "(",
    ")",
    " ",
    ".",
    ":",
    "$",
    "a",
    "eq",
    "0",
)
BESIDE = ("password", "roles.displayName", "roles.id")
"""What no other implementation compares with us: never read, and two names that only Entra knows."""


class Chance(random.Random):
    """A source of documents, filters and operations."""

    def attributes(self) -> list[Attribute]:
        return [a for a in USER.tree.walk() if a.path not in BESIDE and a.name != "schemas"]

    def writable(self) -> list[Attribute]:
        return [a for a in self.attributes() if not a.is_read_only and a.traits.storage == "document"]

    def value(self, attribute: Attribute) -> Any:
        """One value that fits the attribute."""
        if attribute.type == "complex":
            parts = [p for p in attribute.sub_attributes.values() if p.path not in BESIDE and not p.is_read_only]
            made = {part.name: self.value(part) for part in parts if self.random() < 0.6}
            return made or {parts[0].name: self.value(parts[0])}
        return self.simple(attribute)

    def simple(self, attribute: Attribute) -> Any:
        if attribute.type == "boolean":
            return self.random() < 0.5
        if attribute.type == "dateTime":
            return self.choice(INSTANTS)
        if attribute.path == "emails.value":
            return self.choice(ADDRESSES)
        if attribute.type == "binary":
            return self.choice(CERTIFICATES)
        if attribute.type == "reference":
            return self.choice(URLS)
        return self.choice(TYPES) if attribute.name == "type" else self.choice(WORDS)

    def whole(self, attribute: Attribute) -> Any:
        """A value of the attribute as it stands in a document."""
        if attribute.multi_valued:
            return [self.value(attribute) for _ in range(self.randint(1, 3))]
        return self.value(attribute)

    def document(self) -> dict[str, Any]:
        """A user that is kept as it is sent: loaded once, as a request loads it."""
        made: dict[str, Any] = {"userName": self.choice(("ada@x.example", "BOB", "Zoë"))}
        for top in USER.attributes:
            if top.name in ("userName", "password") or top.is_read_only or top.traits.storage != "document":
                continue
            if top.name == "schemas" or self.random() < 0.55:
                continue
            made[top.name] = self.whole(top)
        return USER.load(made)

    def any_case(self, name: str) -> str:
        return self.choice((name, name, name, name.lower(), name.upper()))

    def name(self, attribute: Attribute, part: Attribute | None = None) -> str:
        path = (part or attribute).path
        prefix = USER.schema.urn + ":" if not path.startswith("urn:") and self.random() < 0.1 else ""
        return self.any_case(prefix + path)

    def literal(self, attribute: Attribute) -> str:
        """A JSON literal for a comparison, mostly of the attribute's type."""
        if self.random() < 0.04:
            return self.choice(("true", "null", "5", "-1.5", '"x"', "nothing"))
        value = self.simple(attribute)
        is_text = isinstance(value, str) and attribute.type == "string" and not attribute.traits.case_exact
        return json.dumps(self.any_case(value) if is_text else value, ensure_ascii=self.random() < 0.5)

    def comparison(self, name: str, attribute: Attribute) -> str:
        if self.random() < 0.15:
            return f"{name} {self.any_case('pr')}"
        meant = attribute.value_attribute if attribute.type == "complex" else attribute
        usual = sorted(OPERATORS[meant.type if meant else "string"] - {"pr"})
        op = self.choice(usual) if self.random() < 0.97 else self.choice(("gt", "co", "is"))
        return f"{name} {self.any_case(op)} {self.literal(meant or attribute)}"

    def filter(self, depth: int = 2) -> str:
        """The text of a filter, nested at most so deep."""
        kind = self.random()
        if depth and kind < 0.4:
            return f"{self.filter(depth - 1)} {self.any_case(self.choice(('and', 'or')))} {self.filter(depth - 1)}"
        if depth and kind < 0.5:
            return f"({self.filter(depth - 1)})"
        if depth and kind < 0.6:
            return f"{self.any_case('not')} ({self.filter(depth - 1)})"
        if kind < 0.75:
            many = self.choice([a for a in self.attributes() if a.type == "complex" and a.multi_valued])
            return f"{self.name(many)}[{self.inner(many)}]"
        attribute = self.choice([a for a in self.attributes() if not a.name.startswith("urn:")])
        return self.comparison(self.name(attribute), attribute)

    def inner(self, attribute: Attribute, depth: int = 1) -> str:
        """The filter between brackets behind an attribute."""
        kind = self.random()
        if depth and kind < 0.3:
            both = self.inner(attribute, depth - 1), self.inner(attribute, depth - 1)
            return self.choice((" and ", " or ")).join(both)
        if depth and kind < 0.4:
            return f"not ({self.inner(attribute, depth - 1)})"
        part = self.choice([p for p in attribute.sub_attributes.values() if p.path not in BESIDE])
        return self.comparison(self.any_case(part.name), part)

    def broken(self, text: str) -> str:
        """The text with one word lost, doubled or moved."""
        words = text.replace("[", " [ ").replace("]", " ] ").replace("(", " ( ").replace(")", " ) ").split()
        at = self.randrange(len(words))
        match self.randrange(3):
            case 0:
                del words[at]
            case 1:
                words.insert(at, words[at])
            case _:
                words.insert(0, words.pop(at))
        return " ".join(words)

    def operation(self) -> dict[str, Any]:
        """One operation of a PATCH whose value fits its target."""
        op = self.choice(("add", "add", "replace", "replace", "remove"))
        if op != "remove" and self.random() < 0.15:
            several = self.sample([a for a in self.writable() if not a.name.startswith("urn:")], 2)
            return {"op": op, "value": {attribute.path: self.whole(attribute) for attribute in several}}
        attribute = self.choice(self.writable())
        if attribute.type == "complex" and attribute.multi_valued and self.random() < 0.6:
            return self.selected(op, attribute)
        made = {"op": op, "path": self.name(attribute)}
        return made if op == "remove" else made | {"value": self.whole(attribute)}

    def selected(self, op: str, attribute: Attribute) -> dict[str, Any]:
        """An operation on the values that a filter selects, or on a part of them."""
        path = f"{self.name(attribute)}[{self.inner(attribute)}]"
        if self.random() < 0.3:
            return {"op": op, "path": path} | ({} if op == "remove" else {"value": self.value(attribute)})
        part = self.choice([p for p in attribute.sub_attributes.values() if p.path not in BESIDE])
        made = {"op": op, "path": f"{path}.{part.name}"}
        return made if op == "remove" else made | {"value": self.simple(part)}

    def anything(self, depth: int = 2) -> Any:
        """Any JSON, often with names and words that mean something here."""
        kind = self.random()
        if depth and kind < 0.2:
            return [self.anything(depth - 1) for _ in range(self.randint(0, 3))]
        if depth and kind < 0.45:
            names = [self.choice(self.attributes()).path if self.random() < 0.8 else self.odd_text() for _ in range(3)]
            return {name: self.anything(depth - 1) for name in names[: self.randint(0, 3)]}
        scalars = (None, True, False, 0, -1, 10**17, 1.5, "", "true", "work", self.odd_text(), self.choice(URLS))
        return self.choice(scalars)

    def odd_text(self) -> str:
        return "".join(self.choice(ODD) for _ in range(self.randint(0, 6)))

    def odd_operation(self) -> Any:
        """An operation of a PATCH in which one thing or more is as nobody would expect it."""
        made = self.operation()
        for _ in range(self.randint(1, 2)):
            name = self.choice(("op", "path", "value", "value"))
            if self.random() < 0.2:
                made.pop(name, None)
            else:
                made[name] = self.odd_path() if name == "path" and self.random() < 0.7 else self.anything()
        return made

    def odd_path(self) -> str:
        path = self.choice(self.attributes()).path
        ends = (
            "",
            ".value",
            "[",
            "[value eq]",
            "]",
            '[type eq "x"].',
            ".a.b",
            " ",
            "[not (primary pr)]",
            ":x",
            "[[value pr]]",
        )
        return self.any_case(path) + self.choice(ends)


def chances(count: int, seed: int) -> Iterator[Chance]:
    """So many sources, each of its own seed, so that one case can be repeated alone."""
    for number in range(count):
        yield Chance(f"{seed}-{number}")
