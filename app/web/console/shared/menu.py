"""This module declares the console's menu and its keyboard shortcuts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from flask import Flask, g, request, url_for

from app.console_roles import Role
from app.observation.problems import problem_list
from app.scim.errors import ScimError
from app.scim.resource_types import GROUP, USER, ResourceType
from app.web.resource_urls import Endpoints
from app.web.security import browser_session, page_permissions

Links = tuple[tuple["MenuEntry", str], ...]
"""Entries of one row with their URLs."""


@dataclass(frozen=True, slots=True)
class Count:
    """The number of an entry of the menu. `is_urgent`: the page is about something that must not wait."""

    number: int = 0
    is_urgent: bool = False


def _open_problems() -> Count:
    """Return the number of open problems; 0 while the log cannot be read, which the page then says (base.html)."""
    try:
        by_severity, _ = problem_list.count_open()
    except ScimError as error:
        g.log_trouble = error.detail
        return Count()
    return Count(by_severity.total(), any(one.is_urgent for one in by_severity))


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of the menu: the page's endpoint, its title, the keys of its shortcut with blanks, and a counter."""

    endpoint: str
    name: str
    keys: str = ""
    count: Callable[[], Count] = Count


BEFORE = (
    MenuEntry("console.status", "Status", "g s"),
    MenuEntry("console.problems", "Problems", "g p", _open_problems),
    MenuEntry("console.activity", "Activity", "g a"),
)
KEYS_OF_TYPES = {USER.name: "g u", GROUP.name: "g g"}
AFTER = (
    MenuEntry("console.deleted", "Deleted"),
    MenuEntry("console.guard", "Guard"),
    MenuEntry("console.attributes", "Attributes", "g t"),
)
ADMINISTRATION = (
    MenuEntry("console.account", "Account", "g k"),
    MenuEntry("console.oauth", "OAuth", "g o"),
    MenuEntry("console.ip_allow_list", "IP allow list"),
    MenuEntry("console.single_sign_on", "Single sign-on"),
    MenuEntry("console.roles", "Roles"),
    MenuEntry("console.administrators", "Administrators"),
    MenuEntry("console.audit", "Audit"),
    MenuEntry("console.alerts", "Alerts"),
    MenuEntry("console.backups", "Backups"),
    MenuEntry("console.settings", "Settings"),
    MenuEntry("console.help", "Help"),
)


def init_app(app: Flask) -> None:
    """Give templates `menus()`, two rows of the entries that the account may open, each with its URL.

    The first row is about what Entra did, with each resource type under its endpoint's name; the second is about who
    may sign in and call SCIM.
    """
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    lists = [
        MenuEntry(Endpoints.of(one).list, one.endpoint.lstrip("/"), KEYS_OF_TYPES.get(one.name, "")) for one in types
    ]
    rows = ((*BEFORE, *lists, *AFTER), ADMINISTRATION)

    @cache
    def of_role(_role: Role | None, _is_local: bool, _script_root: str) -> tuple[Links, ...]:
        """Return the menus of an account; permissions and URLs depend on nothing else."""
        who = browser_session.who()
        return tuple(
            tuple((entry, url_for(entry.endpoint)) for entry in row if page_permissions.may(who, entry.endpoint))
            for row in rows
        )

    def menus() -> tuple[Links, ...]:
        who = browser_session.who()
        return of_role(who.role, who.is_local, request.script_root)

    app.jinja_env.globals.update(menus=menus)
