"""This module serves the page of one user or group.

Entra manages the resource, so only owners can change it, in few ways (local_changes.py). A deleted resource still has a
page, from its history.
"""

from collections.abc import Callable, Mapping

from flask import render_template
from werkzeug.wrappers import Response

from app.observation.directory import deletion_list, history_reader
from app.provisioning import resource_queries
from app.scim.errors import ScimError
from app.scim.projection import Selection
from app.scim.resource_types import USER, ResourceType
from app.web.console.directory import resource_tabs
from app.web.console.directory.resource_tabs import NOW, Subject, Tab
from app.web.console.shared.filter_form import choice
from app.web.resource_urls import Endpoints

_NO_MEMBERSHIPS = Selection(attributes=frozenset())


def view_of(resource_type: ResourceType) -> Callable[[str], str | Response]:
    """Return the view function of a type's pages."""
    tabs = tabs_of(resource_type)

    def view(resource_id: str) -> str | Response:
        subject = _subject(resource_type, resource_id)
        # A deleted resource has no present state, so its history is the first tab.
        shown = tabs if subject.resource else {name: tab for name, tab in tabs.items() if name != NOW}
        name = choice("tab", shown)
        content = shown[name].draw(subject)
        if isinstance(content, Response):
            return content
        return render_template(
            "resource.html",
            resource_type=resource_type,
            endpoints=Endpoints.of(resource_type),
            subject=subject,
            tabs={name: tab.title for name, tab in shown.items()},
            tab=name,
            **content,
        )

    return view


def tabs_of(resource_type: ResourceType) -> Mapping[str, Tab]:
    """Return the tabs of a type's pages, by their values of `?tab=`; the first one is the default."""
    of_memberships = {}
    if resource_type.has_members:
        of_memberships = {"moves": Tab("Joined and left", resource_tabs.moves)}
    elif resource_type.name == USER.name:
        of_memberships = {"groups": Tab("Groups", resource_tabs.groups)}
    return {
        NOW: Tab("Now", resource_tabs.now),
        "history": Tab("History", resource_tabs.history),
        "earlier": Tab("Earlier", resource_tabs.earlier),
        **of_memberships,
        "requests": Tab("Requests", resource_tabs.requests),
    }


def _subject(resource_type: ResourceType, resource_id: str) -> Subject:
    """Return the resource, or its history if it was deleted. Raises 404 for an id that the type never had."""
    try:
        resource = resource_queries.get(resource_type, resource_id, _NO_MEMBERSHIPS)
    except ScimError as error:
        last = history_reader.last_event(resource_id) if error.status == 404 else None
        if last is None or last.verb != "delete" or last.resource_type != resource_type.name:
            raise
        return Subject(
            resource_type,
            resource_id,
            last.name,
            deletion=last,
            can_be_put_back=deletion_list.is_kept(resource_id),
        )
    return Subject.here(resource)
