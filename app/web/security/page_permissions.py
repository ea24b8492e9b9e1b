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

OPEN_ENDPOINTS = frozenset(
    {
        "static",
        "console.setup",
        "console.sign_in",
        "console.sign_in_code",
        "console.auth_start",
        "console.auth_callback",
        "console.signed_out",
        "console.healthz",
        "console.readyz",
        "console.documentation",
        "console.renamed",
        "oauth.token",
    }
)
"""The endpoints that answer without a session; everything else except SCIM needs one."""

ENDPOINTS: Mapping[str, Permission] = {
    "console.sign_out": Permission.OWN,
    "console.confirm": Permission.OWN,
    "console.auth_proof": Permission.OWN,
    "console.profile": Permission.OWN,
    "console.end_session": Permission.OWN,
    "console.help": Permission.OWN,
    "console.help_page": Permission.OWN,
    "console.help_picture": Permission.OWN,
    "console.change_password": Permission.OWN_OPERATOR,
    "console.second_factor": Permission.SECOND_FACTOR,
    "console.begin_second_factor": Permission.SECOND_FACTOR,
    "console.confirm_second_factor": Permission.SECOND_FACTOR,
    "console.renew_recovery_codes": Permission.SECOND_FACTOR,
    "console.turn_off_second_factor": Permission.SECOND_FACTOR,
    "console.status": Permission.SEE,
    "console.problems": Permission.SEE,
    "console.problem": Permission.SEE,
    "console.activity": Permission.SEE,
    "console.cycle": Permission.SEE,
    "console.search": Permission.SEE,
    "console.attributes": Permission.SEE,
    "console.review": Permission.SEE,
    "console.account": Permission.SEE,
    "console.oauth": Permission.SEE,
    "console.single_sign_on": Permission.SEE,
    "console.roles": Permission.SEE,
    "console.ignore_problems": Permission.OPERATE,
    "console.stop_ignoring_problems": Permission.OPERATE,
    "console.ignore_problem": Permission.OPERATE,
    "console.stop_ignoring_problem": Permission.OPERATE,
    "console.confirm_strict": Permission.OPERATE,
    "console.set_strict": Permission.OPERATE,
    "console.remove_access": Permission.REMOVE_ACCESS,
    "console.audit": Permission.AUDIT,
    "console.create_key": Permission.KEYS,
    "console.confirm_revoke_key": Permission.KEYS,
    "console.revoke_key": Permission.KEYS,
    "console.administrators": Permission.OPERATORS,
    "console.create_administrator": Permission.OPERATORS,
    "console.administrator": Permission.OPERATORS,
    "console.set_administrator_role": Permission.OPERATORS,
    "console.set_administrator_state": Permission.OPERATORS,
    "console.reset_administrator_password": Permission.OPERATORS,
    "console.turn_off_administrator_two_factor": Permission.OPERATORS,
    "console.confirm_delete_administrator": Permission.OPERATORS,
    "console.delete_administrator": Permission.OPERATORS,
    "console.ip_allow_list": Permission.SEE,
    "console.set_ip_allow_list_mode": Permission.SOURCES,
    "console.allow_networks": Permission.SOURCES,
    "console.remove_network": Permission.SOURCES,
    "console.enforce_ip_allow_list": Permission.SOURCES,
    "console.create_client": Permission.KEYS,
    "console.create_secret": Permission.KEYS,
    "console.add_federated_credential": Permission.KEYS,
    "console.confirm_revoke_credential": Permission.KEYS,
    "console.revoke_credential": Permission.KEYS,
    "console.save_single_sign_on": Permission.SINGLE_SIGN_ON,
    "console.test_single_sign_on": Permission.SINGLE_SIGN_ON,
    "console.confirm_remove_single_sign_on": Permission.SINGLE_SIGN_ON,
    "console.remove_single_sign_on": Permission.SINGLE_SIGN_ON,
    "console.close_exposure": Permission.KEYS,
    "console.confirm_removal": Permission.SCHEMAS,
    "console.confirm_user": Permission.UNCONFIRMED,
    "console.leave_groups": Permission.UNCONFIRMED,
    "console.edit_roles": Permission.ROLES,
    "console.preview_roles": Permission.ROLES,
    "console.save_roles": Permission.ROLES,
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
