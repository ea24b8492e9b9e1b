"""Resources to look at: lists with a search, a page for each. Entra manages them; nothing is changed here.

Not here: how a search is done (app/provisioning.py).
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from flask import Flask, abort, render_template, request

from app import bounds, provisioning
from app.scim.attribute import Attribute
from app.scim.filter import Node, Or
from app.scim.grammar import parse
from app.scim.projection import EVERYTHING, Selection
from app.scim.resource_types import GROUP, USER, ResourceType
from app.scim.search import Search, Sought
from app.web.console.attribute_rows import rows, value_at

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    USER.name: ("userName", "displayName", "title", DEPARTMENT, "active"),
    GROUP.name: ("displayName", "externalId"),
}
"""The attributes that a list shows; the first leads to the resource's page. Other types show their first ones."""
OTHER_COLUMNS = 4

NOTHING_ELSE = Selection(asked=frozenset())


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Flask's names of a type's list and of a resource's page, and the list's path."""

    list: str
    single: str
    path: str

    @classmethod
    def of(cls, resource_type: ResourceType) -> "Endpoints":
        """A custom type has its own corner of names and paths, where no page of the console can be."""
        name, path = resource_type.name.lower(), resource_type.endpoint.lower()
        if resource_type.name in COLUMNS:
            return cls(f"console.{path.strip('/')}", f"console.{name}", path)
        return cls(f"console.resources-{name}", f"console.resource-{name}", f"/resources{path}")


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a reader is in a list of `total`: page `number` of `last`, which are `start` to `end`."""

    total: int
    number: int

    @property
    def last(self) -> int:
        return max(1, math.ceil(self.total / bounds.CONSOLE_PAGE_SIZE))

    @property
    def start(self) -> int:
        return (self.number - 1) * bounds.CONSOLE_PAGE_SIZE + 1

    @property
    def end(self) -> int:
        return min(self.total, self.number * bounds.CONSOLE_PAGE_SIZE)


def _list_view(resource_type: ResourceType) -> Callable[[], str]:
    columns = [_way(resource_type, path) for path in _columns(resource_type)]

    def view() -> str:
        sought = request.args.get("q", "").strip()
        is_too_long = len(sought) > bounds.SEARCH_TEXT_LENGTH
        where = None if is_too_long or not sought else _filter(resource_type, sought)
        asked = Search(
            (Sought(resource_type, where),),
            start_index=Pages(0, _page_number()).start,
            count=bounds.CONSOLE_PAGE_SIZE,
        )
        found = provisioning.search(asked, {resource_type.name: NOTHING_ELSE})
        lines = [
            (one.record, [value_at(document, way) for way in columns])
            for one in found.resources
            if (document := json.loads(one.record.document))
        ]
        return render_template(
            "resources.html",
            resource_type=resource_type,
            endpoints=Endpoints.of(resource_type),
            columns=[way[-1] for way in columns],
            lines=lines,
            pages=Pages(found.total, _page_number()),
            sought=sought,
            is_too_long=is_too_long,
            searched=[attribute.path for attribute in _searched(resource_type)],
            bounds=bounds,
        )

    return view


def _single_view(resource_type: ResourceType) -> Callable[[str], str]:
    def view(resource_id: str) -> str:
        # A group's members come in pages below; a user's groups are few.
        selection = NOTHING_ELSE if resource_type.has_members else EVERYTHING
        resource = provisioning.get(resource_type, resource_id, selection)
        document = json.loads(resource.record.document)
        return render_template(
            "resource.html",
            resource_type=resource_type,
            endpoints=Endpoints.of(resource_type),
            record=resource.record,
            name=_name(document, value_at(document, _way(resource_type, _columns(resource_type)[0]))),
            is_disabled=document.get("active") is False,
            rows=list(rows(resource_type.attributes, document)),
            schemas=document.get("schemas", []),
            groups=resource.memberships.get("groups", ()),
            **(_members(resource_id) if resource_type.has_members else {}),
        )

    return view


def _members(group_id: str) -> dict[str, Any]:
    """A page of a group's members: id, kind and name, without both where no resource has that id."""
    start = Pages(0, _page_number()).start
    found = provisioning.members_page(group_id, start, bounds.CONSOLE_PAGE_SIZE)
    members = [(one.id, one.type, _name(json.loads(one.document)) if one.document else "") for one in found.members]
    return {"members": members, "pages": Pages(found.total, _page_number())}


def _filter(resource_type: ResourceType, sought: str) -> Node:
    """A search as a filter: some attribute that a client may match on contains the text.

    Parsed one by one, since together they could be longer than a filter may be.
    """
    text = json.dumps(sought, ensure_ascii=False)
    one_by_one = (parse(f"{one.path} co {text}", resource_type.tree) for one in _searched(resource_type))
    return reduce(Or, one_by_one)


def _searched(resource_type: ResourceType) -> list[Attribute]:
    """The texts that a client may match on and read."""
    texts = (a for a in resource_type.lookups if a.type in ("string", "reference"))
    return [attribute for attribute in texts if attribute.traits.returned != "never"]


def _columns(resource_type: ResourceType) -> tuple[str, ...]:
    if resource_type.name in COLUMNS:
        return COLUMNS[resource_type.name]
    shown = (a for a in resource_type.tree.core.values() if a.is_simple and a.traits.held == "document")
    plain = [a.path for a in shown if a.traits.returned in ("always", "default")]
    return tuple((*plain[1:], plain[0])[:OTHER_COLUMNS])  # externalId, which every type has, stands first


def _page_number() -> int:
    """The page that was asked for; anything but a small positive number is not there."""
    given = request.args.get("page", "1")
    if not given.isascii() or not given.isdigit() or len(given) > 9 or int(given) < 1:
        abort(404)
    return int(given)


def _way(resource_type: ResourceType, path: str) -> tuple[Attribute, ...]:
    way = resource_type.tree.find(path)
    if way is None:
        raise LookupError(path)
    if way[-1].path.startswith("urn:"):
        return (*[one for one in resource_type.attributes if one.name == way[-1].keys[0]], way[-1])
    return way


def _name(document: Mapping[str, Any], otherwise: str = "") -> str:
    return str(document.get("displayName") or document.get("userName") or otherwise or document["id"])


def init_app(app: Flask) -> None:
    """Routes and a place in the menu for every resource type that the application has."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    for resource_type in types:
        endpoints = Endpoints.of(resource_type)
        app.add_url_rule(endpoints.path, endpoints.list, _list_view(resource_type))
        app.add_url_rule(f"{endpoints.path}/<resource_id>", endpoints.single, _single_view(resource_type))
    menu = [(Endpoints.of(resource_type).list, resource_type.endpoint.lstrip("/")) for resource_type in types]
    app.jinja_env.globals["resource_menu"] = menu
