"""This module declares which permission each page and form of the console needs.

An endpoint that is not listed is refused to every account.
"""

from collections.abc import Mapping

from flask import Flask, current_app

from app.administration.accounts.sessions import SignedIn
from app.administration.permissions import Permission
from app.scim.resource_types import ResourceType
from app.web.resource_urls import Endpoints

_EXTENSION = "recnice_access"


_OPEN = "setup sign_in sign_in_code auth_start auth_callback signed_out healthz readyz documentation renamed"
_BY_PERMISSION: Mapping[Permission, str] = {
    Permission.OWN: "sign_out confirm auth_proof profile end_session help help_page help_picture",
    Permission.OWN_OPERATOR: "change_password",
    Permission.SECOND_FACTOR: "second_factor begin_second_factor confirm_second_factor renew_recovery_codes "
    "turn_off_second_factor",
    Permission.SEE: "status problems problem activity cycle search attributes review account oauth single_sign_on "
    "roles ip_allow_list",
    Permission.OPERATE: "ignore_problems stop_ignoring_problems ignore_problem stop_ignoring_problem confirm_strict "
    "set_strict",
    Permission.REMOVE_ACCESS: "remove_access",
    Permission.SCHEMAS: "confirm_removal",
    Permission.AUDIT: "audit",
    Permission.KEYS: "create_key confirm_revoke_key revoke_key create_client create_secret add_federated_credential "
    "confirm_revoke_credential revoke_credential close_exposure",
    Permission.SOURCES: "set_ip_allow_list_mode allow_networks remove_network enforce_ip_allow_list",
    Permission.SINGLE_SIGN_ON: "save_single_sign_on test_single_sign_on confirm_remove_single_sign_on "
    "remove_single_sign_on",
    Permission.ROLES: "edit_roles preview_roles save_roles",
    Permission.UNCONFIRMED: "confirm_user leave_groups",
    Permission.OPERATORS: "administrators create_administrator administrator set_administrator_role "
    "set_administrator_state reset_administrator_password turn_off_administrator_two_factor "
    "confirm_delete_administrator delete_administrator",
}
"""The views of the console (without `console.`) that need each permission."""

OPEN_ENDPOINTS = frozenset(["static", "oauth.token", *(f"console.{name}" for name in _OPEN.split())])
"""The endpoints that answer without a session; everything else except SCIM needs one."""

ENDPOINTS: Mapping[str, Permission] = {
    f"console.{name}": permission for permission, names in _BY_PERMISSION.items() for name in names.split()
}


def init_app(app: Flask) -> None:
    """Register the permissions, with those for the pages of each resource type."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    own = [Endpoints.of(one) for one in types]
    pages = {name: Permission.SEE for one in own for name in (one.list, one.single)}
    app.extensions[_EXTENSION] = {**pages, **ENDPOINTS}


def permission_for(endpoint: str) -> Permission | None:
    """Return the permission that an endpoint of the current application needs; None: no account may use it."""
    permissions: Mapping[str, Permission] = current_app.extensions[_EXTENSION]
    return permissions.get(endpoint)


def may(who: SignedIn, endpoint: str) -> bool:
    """Return whether an account may open an endpoint, after re-authentication where that is required."""
    permission = permission_for(endpoint)
    return endpoint in OPEN_ENDPOINTS or (permission is not None and permission.is_given_to(who.role, who.is_local))
