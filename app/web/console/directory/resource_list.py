"""This module serves the Users and Groups lists."""

from collections.abc import Callable, Mapping

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from app import bounds
from app.observation.directory import console_search
from app.observation.directory.console_search import Order, ResourceQuery, View
from app.scim.resource_types import USER, ResourceType
from app.web.console.directory.resource_columns import attributes_read, columns_of, exported_columns, lines
from app.web.console.shared import list_paging
from app.web.console.shared.filter_form import choice
from app.web.console.shared.list_paging import Pages
from app.web.resource_urls import Endpoints

VIEWS: Mapping[View, str] = {
    "": "All",
    "active": "Active",
    "disabled": "Disabled",
    "silent": "Not seen for 30 days",
    "problems": "With problems",
    "leftovers": "Disabled and not seen",
}
"""The saved views with their labels."""
EXPLAINED: Mapping[View, str] = {
    "active": "Users that Entra has not disabled.",
    "disabled": "Entra disables users that leave the scope of the assignment, or that are deleted in Entra.",
    "silent": "Entra sent no request about these for 30 days. This can be normal while nothing changes.",
    "problems": "A request about these was refused and has not succeeded since.",
    "leftovers": "Disabled, and no request from Entra for 30 days. Entra may no longer manage them.",
}
_USERS_ONLY: tuple[View, ...] = ("active", "disabled", "leftovers")


def view_of(resource_type: ResourceType) -> Callable[[], str | Response]:
    """Return the view function of a type's list."""
    columns, names = columns_of(resource_type), attributes_read(resource_type)
    orders = console_search.orders_of(resource_type)
    views = views_of(resource_type)
    searched = list(
        dict.fromkeys(
            attribute.keys[-1 if attribute.path.startswith("urn:") else 0]
            for attribute in resource_type.search_attributes
        )
    )

    def view() -> str | Response:
        sought = request.args.get("q", "").strip()
        is_too_long = len(sought) > bounds.SEARCH_TEXT_LENGTH
        query = ResourceQuery(resource_type, "" if is_too_long else sought, choice("view", views), _order(orders))
        if list_paging.export_format():
            name = resource_type.endpoint.lstrip("/").lower()
            return list_paging.export(name, exported_columns(resource_type), lines(console_search.every(query, names)))
        number = list_paging.page_number()
        page = console_search.find(query, names, Pages(0, number).start, bounds.CONSOLE_PAGE_SIZE)
        return render_template(
            "resources.html",
            resource_type=resource_type,
            endpoints=Endpoints.of(resource_type),
            columns=columns,
            rows=[(row, [(column.form, column.value(row)) for column in columns]) for row in lines(page.records)],
            pages=Pages(page.total, number, page.is_at_least),
            query=query,
            sought=sought,
            is_too_long=is_too_long,
            searched=searched,
            views=views,
            explained=EXPLAINED.get(query.view, ""),
            orders=orders,
        )

    return view


def views_of(resource_type: ResourceType) -> Mapping[View, str]:
    """Return the saved views of a type; only users can be active or disabled."""
    if resource_type.name == USER.name:
        return VIEWS
    return {view: title for view, title in VIEWS.items() if view not in _USERS_ONLY}


def _order(orders: Mapping[str, str]) -> Order:
    """Return the order in `?sort=`: a path, after `-` descending; without one, the order of creation. Raises 404."""
    text = request.args.get("sort", "")
    path = text.removeprefix("-")
    if text and path not in orders:
        abort(404)
    return Order(path, is_descending=text.startswith("-")) if text else Order()
