"""This module names the pages of resources and their URLs."""

from dataclasses import dataclass

from app.scim.resource_types import GROUP, USER, ResourceType

_OWN = frozenset((USER.name, GROUP.name))


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The Flask endpoints of a type's list and of a resource's page, and the path of the list."""

    list: str
    single: str
    path: str

    @classmethod
    def of(cls, resource_type: ResourceType) -> "Endpoints":
        """Return the endpoints of a type; a custom type has its own prefixes, which no page of the console can have."""
        name, path = resource_type.name.lower(), resource_type.endpoint.lower()
        if resource_type.name in _OWN:
            return cls(f"console.{path.strip('/')}", f"console.{name}", path)
        return cls(f"console.resources-{name}", f"console.resource-{name}", f"/resources{path}")
