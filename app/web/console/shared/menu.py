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
"""Entries of one group with their URLs."""


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
    """One entry of the menu: the page's endpoint, its title and icon, the keys of its shortcut, and a counter."""

    endpoint: str
    name: str
    icon: str  # in static/icons.svg
    keys: str = ""
    count: Callable[[], Count] = Count


WATCH = (
    MenuEntry("console.status", "Status", "status", "g s"),
    MenuEntry("console.problems", "Problems", "problems", "g p", _open_problems),
    MenuEntry("console.activity", "Activity", "activity", "g a"),
    MenuEntry("console.guard", "Guard", "guard"),
)
KEYS_OF_TYPES = {USER.name: "g u", GROUP.name: "g g"}
DIRECTORY = (
    MenuEntry("console.deleted", "Deleted", "deleted"),
    MenuEntry("console.attributes", "Attributes", "attributes", "g t"),
)
ACCESS = (
    MenuEntry("console.account", "Account", "account", "g k"),
    MenuEntry("console.oauth", "OAuth", "oauth", "g o"),
    MenuEntry("console.ip_allow_list", "IP allow list", "networks"),
    MenuEntry("console.single_sign_on", "Single sign-on", "sign-on"),
    MenuEntry("console.roles", "Roles", "roles"),
    MenuEntry("console.administrators", "Administrators", "administrators"),
    MenuEntry("console.audit", "Audit", "audit"),
)
SYSTEM = (
    MenuEntry("console.settings", "Settings", "settings"),
    MenuEntry("console.backups", "Backups", "backups"),
    MenuEntry("console.alerts", "Alerts", "alerts"),
    MenuEntry("console.help", "Help", "help"),
)


def init_app(app: Flask) -> None:
    """Give templates `menus()`: the groups by their titles, with the entries that the account may open and their URLs.

    Each resource type is in the group Directory under its endpoint's name.
    """
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    lists = (
        MenuEntry(
            Endpoints.of(one).list,
            one.endpoint.lstrip("/"),
            {USER.name: "users", GROUP.name: "groups"}.get(one.name, "other"),
            KEYS_OF_TYPES.get(one.name, ""),
        )
        for one in types
    )
    groups = {"Watch": WATCH, "Directory": (*lists, *DIRECTORY), "Access": ACCESS, "System": SYSTEM}

    @cache
    def of_role(_role: Role | None, _is_local: bool, _script_root: str) -> dict[str, Links]:
        """Return the menus of an account; permissions and URLs depend on nothing else."""
        who = browser_session.who()
        permitted = {
            title: tuple((one, url_for(one.endpoint)) for one in group if page_permissions.may(who, one.endpoint))
            for title, group in groups.items()
        }
        return {title: links for title, links in permitted.items() if links}

    def menus() -> dict[str, Links]:
        who = browser_session.who()
        return of_role(who.role, who.is_local, request.script_root)

    app.jinja_env.globals.update(menus=menus)
