"""This module declares the console's menu and its keyboard shortcuts."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, g

from app.observation.problems import problem_list
from app.scim.errors import ScimError
from app.scim.resource_types import GROUP, USER, ResourceType
from app.web.resource_urls import Endpoints


def _open_problems() -> int:
    """Return the number of open problems; 0 while the log cannot be read, which the page then says (base.html)."""
    try:
        return problem_list.counts()["open"]
    except ScimError as error:
        g.log_trouble = error.detail
        return 0


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of the menu: the page's endpoint, its title, the keys of its shortcut with blanks, and a counter."""

    endpoint: str
    name: str
    keys: str = ""
    number: Callable[[], int] = lambda: 0


BEFORE = (
    MenuEntry("console.status", "Status", "g s"),
    MenuEntry("console.problems", "Problems", "g p", _open_problems),
    MenuEntry("console.activity", "Activity", "g a"),
)
KEYS_OF_TYPES = {USER.name: "g u", GROUP.name: "g g"}
AFTER = (MenuEntry("console.attributes", "Attributes", "g t"),)
ADMINISTRATION = (
    MenuEntry("console.account", "Account", "g k"),
    MenuEntry("console.oauth", "OAuth", "g o"),
    MenuEntry("console.ip_allow_list", "IP allow list"),
    MenuEntry("console.single_sign_on", "Single sign-on"),
    MenuEntry("console.roles", "Roles"),
    MenuEntry("console.administrators", "Administrators"),
    MenuEntry("console.audit", "Audit"),
    MenuEntry("console.help", "Help"),
)


def init_app(app: Flask) -> None:
    """Give templates `menus`, two rows of entries.

    The first row is about what Entra did, with each resource type under its endpoint's name; the second is about who
    may sign in and call SCIM.
    """
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    lists = [
        MenuEntry(Endpoints.of(one).list, one.endpoint.lstrip("/"), KEYS_OF_TYPES.get(one.name, "")) for one in types
    ]
    rows = ((*BEFORE, *lists, *AFTER), ADMINISTRATION)
    app.jinja_env.globals.update(menus=rows)
