"""The pages of resources on the application: for every type a list and a page each.

Not here: the list (resource_list.py), the page of one (resource_page.py), and the menu (menu.py).
"""

from flask import Flask

from app.scim.resource_types import ResourceType
from app.web.console import resource_list, resource_page
from app.web.endpoints import Endpoints

__all__ = ["Endpoints", "init_app"]


def init_app(app: Flask) -> None:
    """Routes for every resource type that the application has."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    for resource_type in types:
        endpoints = Endpoints.of(resource_type)
        app.add_url_rule(endpoints.path, endpoints.list, resource_list.view_of(resource_type))
        app.add_url_rule(f"{endpoints.path}/<resource_id>", endpoints.single, resource_page.view_of(resource_type))
