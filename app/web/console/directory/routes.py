"""This module registers a list and a page for every resource type."""

from flask import Flask

from app.scim.resource_types import ResourceType
from app.web.console.directory import resource_list, resource_page
from app.web.resource_urls import Endpoints

__all__ = ["Endpoints", "init_app"]


def init_app(app: Flask) -> None:
    """Routes for every resource type that the application has."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    for resource_type in types:
        endpoints = Endpoints.of(resource_type)
        app.add_url_rule(endpoints.path, endpoints.list, resource_list.view_of(resource_type))
        app.add_url_rule(f"{endpoints.path}/<resource_id>", endpoints.single, resource_page.view_of(resource_type))
