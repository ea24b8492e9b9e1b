"""This module declares which target attributes Entra fills and where each is in a document."""

import re
from collections.abc import Mapping
from typing import Any

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTRA_GROUP_SCHEMA = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

Value = str | bool
Mapped = dict[str, Value]
"""The values by target attribute. An attribute without a value in the directory is missing: Entra sends no nulls."""

USER_NAME = "userName"
ACTIVE = "active"
DISPLAY_NAME = "displayName"
TITLE = "title"
WORK_EMAIL = 'emails[type eq "work"].value'
LANGUAGE = "preferredLanguage"
GIVEN_NAME = "name.givenName"
FAMILY_NAME = "name.familyName"
FORMATTED_NAME = "name.formatted"
OFFICE = 'addresses[type eq "work"].formatted'
STREET = 'addresses[type eq "work"].streetAddress'
LOCALITY = 'addresses[type eq "work"].locality'
REGION = 'addresses[type eq "work"].region'
POSTAL_CODE = 'addresses[type eq "work"].postalCode'
COUNTRY = 'addresses[type eq "work"].country'
WORK_PHONE = 'phoneNumbers[type eq "work"].value'
EXTERNAL_ID = "externalId"
DEPARTMENT = f"{ENTERPRISE_SCHEMA}:department"
EMPLOYEE_NUMBER = f"{ENTERPRISE_SCHEMA}:employeeNumber"
MANAGER = f"{ENTERPRISE_SCHEMA}:manager"
ROLES = "roles"

USER_TARGETS = (
    USER_NAME, ACTIVE, DISPLAY_NAME, TITLE, WORK_EMAIL, LANGUAGE, GIVEN_NAME, FAMILY_NAME, FORMATTED_NAME, OFFICE,
    STREET, LOCALITY, REGION, POSTAL_CODE, COUNTRY, WORK_PHONE, EXTERNAL_ID, DEPARTMENT, EMPLOYEE_NUMBER,
)  # fmt: skip
NEEDED = (USER_NAME, ACTIVE, EXTERNAL_ID)  # Entra's null test clears every other one

_PATH = re.compile(
    r"""(?:(?P<urn>urn:[\w.:-]+):)?(?P<name>\w+)(?:\[type\ eq\ "(?P<type>\w+)"\])?(?:\.(?P<part>\w+))?""", re.VERBOSE
)


def _steps(path: str) -> tuple[str, str, str, str]:
    """Return a target attribute as extension, name, type and sub-attribute; "" for a part that it does not have."""
    match = _PATH.fullmatch(path)
    assert match, path
    return match["urn"] or "", match["name"], match["type"] or "", match["part"] or ""


def is_value_path(path: str) -> bool:
    """Return whether the attribute is in one selected element of a list, such as the work e-mail."""
    return "[" in path


def document(mapped: Mapping[str, Value]) -> dict[str, Any]:
    """Return the mapped values as the body of a POST; a single e-mail is the primary one."""
    body: dict[str, Any] = {}
    for path, value in mapped.items():
        urn, name, kind, part = _steps(path)
        place = body.setdefault(urn, {}) if urn else body
        if kind:
            elements = place.setdefault(name, [])
            element = next((one for one in elements if one["type"] == kind), None)
            if element is None:
                element = {"type": kind, **({"primary": True} if name == "emails" else {})}
                elements.append(element)
            element[part] = value
        elif part:
            place.setdefault(name, {})[part] = value
        else:
            place[name] = value
    return body


def value_at(resource: Mapping[str, Any], path: str) -> Any:
    """Return the value of a target attribute in an answered resource; None if it has none, or in another shape."""
    urn, name, kind, part = _steps(path)
    place = resource.get(urn) if urn else resource
    value = place.get(name) if isinstance(place, dict) else None
    if kind:
        elements = value if isinstance(value, list) else []
        value = next((one for one in elements if isinstance(one, dict) and one.get("type") == kind), None)
    if part:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def shows(resource: Mapping[str, Any], path: str) -> bool:
    """Return whether an answered resource has a value there; it decides between Add and Replace in the next PATCH."""
    return value_at(resource, path) not in (None, "", [], {})
