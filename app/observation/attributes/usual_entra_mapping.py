"""This module declares Entra's usual attribute mapping and where it is in the admin center.

Entra: the defaults of a gallery application or a custom one.
"""

from collections.abc import Mapping

from app.scim.recnice_mapping import ENTERPRISE_USER, WORK

ADDITIVE_ROLES = "AppRoleAssignmentsComplex"
WHOLE_ROLES = "AssertiveAppRoleAssignmentsComplex"
SINGLE_ROLE = "SingleAppRoleAssignment"
WORK_EMAIL = f"emails{WORK}.value"

_PAGES: Mapping[str, str] = {
    "User": "Synchronize Microsoft Entra users to Recnice (custom app: Provision Microsoft Entra ID Users)",
    "Group": "Synchronize Microsoft Entra groups to Recnice (custom app: Provision Microsoft Entra ID Groups)",
}

USUAL_SOURCES: Mapping[str, Mapping[str, str]] = {
    "User": {
        "userName": "userPrincipalName",
        "active": 'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
        "displayName": "displayName",
        "title": "jobTitle",
        WORK_EMAIL: "mail",
        "preferredLanguage": "preferredLanguage",
        "name.givenName": "givenName",
        "name.familyName": "surname",
        "name.formatted": 'Join(" ", [givenName], [surname])',
        f"addresses{WORK}.formatted": "physicalDeliveryOfficeName",
        f"addresses{WORK}.streetAddress": "streetAddress",
        f"addresses{WORK}.locality": "city",
        f"addresses{WORK}.region": "state",
        f"addresses{WORK}.postalCode": "postalCode",
        f"addresses{WORK}.country": "country",
        "externalId": "objectId",
        "roles": f"{WHOLE_ROLES}([appRoleAssignments])",
        f"{ENTERPRISE_USER}:department": "department",
    },
    "Group": {"displayName": "displayName", "externalId": "objectId", "members": "members"},
}
"""The source to choose, by resource type and mapped path.

Entra's own default for `externalId` is `mailNickname`, which can change and later belong to another user. Entra has no
default for `roles`.
"""


def where(type_name: str) -> str:
    """Return the menu path to a type's mapping in Entra."""
    return f"Provisioning › Mappings › {_PAGES[type_name]}" if type_name in _PAGES else "Provisioning › Mappings"


def advice(type_name: str, path: str) -> str:
    """Return a sentence that says where to map which source to a path."""
    source = USUAL_SOURCES.get(type_name, {}).get(path)
    return f"In Entra, {where(type_name)}: map {source or 'a source'} to {path}."
