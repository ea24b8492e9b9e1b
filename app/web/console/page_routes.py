"""This module declares the URLs of the console's pages, and the view of each.

It imports no page: app/web/console/pages.py does, at the first request for one. The permissions are in
app/web/security/page_permissions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from werkzeug.routing import IntegerConverter

from app import bounds
from app.scim.resource_types import ResourceType
from app.web.public_url import CALLBACK
from app.web.resource_urls import Endpoints
from app.web.scim.discovery_endpoints import DOCUMENTATION

ROUTES = f"""
access.account
    GET      /account                                                   account
    POST     /account/keys                                              create_key
    GET      /account/keys/<key_id>/revoke                              confirm_revoke_key
    POST     /account/keys/<key_id>/revoke                              revoke_key
access.administrators
    GET      /administrators                                            administrators=list_administrators
    POST     /administrators                                            create_administrator
    GET      /administrators/<administrator_id>                         administrator
    POST     /administrators/<administrator_id>/role                    set_administrator_role
    POST     /administrators/<administrator_id>/state                   set_administrator_state
    POST     /administrators/<administrator_id>/password                reset_administrator_password
    POST     /administrators/<administrator_id>/second-factor           turn_off_administrator_two_factor
    GET      /administrators/<administrator_id>/delete                  confirm_delete_administrator
    POST     /administrators/<administrator_id>/delete                  delete_administrator
access.audit
    GET      /audit                                                     audit
access.ip_allow_list
    GET      /ip-allow-list                                             ip_allow_list
    POST     /ip-allow-list/mode                                        set_ip_allow_list_mode
    GET,POST /ip-allow-list/enforce                                     enforce_ip_allow_list
    GET,POST /ip-allow-list/add                                         allow_networks
    GET,POST /ip-allow-list/remove                                      remove_network
access.oauth_clients
    GET      /oauth                                                     oauth
    POST     /oauth/clients                                             create_client
    POST     /oauth/clients/<client_id>/secrets                         create_secret
    POST     /oauth/clients/<client_id>/federated-credentials           add_federated_credential
    GET      /oauth/<kind>/<id>/revoke                                  confirm_revoke_credential
    POST     /oauth/<kind>/<id>/revoke                                  revoke_credential
access.profile
    GET      /me                                                        profile
    POST     /me/password                                               change_password
    POST     /me/sessions                                               end_session
access.provider_sign_in
    GET      /auth/start                                                auth_start
    GET      /auth/proof                                                auth_proof
    GET      {CALLBACK}                                                 auth_callback
    GET      /signed-out                                                signed_out
access.reauthentication
    GET,POST /confirm                                                   confirm
access.roles
    GET      /roles                                                     roles
    GET      /roles/edit                                                edit_roles
    POST     /roles/preview                                             preview_roles
    POST     /roles/save                                                save_roles
access.setup
    GET,POST /setup                                                     setup
access.sign_in
    GET,POST /login                                                     sign_in
    GET,POST /login/code                                                sign_in_code
    POST     /logout                                                    sign_out
access.single_sign_on
    GET      /single-sign-on                                            single_sign_on
    POST     /single-sign-on                                            save_single_sign_on
    GET      /single-sign-on/test                                       test_single_sign_on
    GET      /single-sign-on/remove                                     confirm_remove_single_sign_on
    POST     /single-sign-on/remove                                     remove_single_sign_on
access.two_factor
    GET      /me/second-factor                                          second_factor
    POST     /me/second-factor                                          begin_second_factor
    POST     /me/second-factor/code                                     confirm_second_factor
    POST     /me/second-factor/recovery-codes                           renew_recovery_codes
    POST     /me/second-factor/off                                      turn_off_second_factor
directory.attributes
    GET      /attributes                                                attributes
    GET      /attributes/strict                                         confirm_strict
    POST     /attributes/strict                                         set_strict
    POST     /attributes/review                                         review=review_schema
directory.search_page
    GET      /search                                                    search
directory.users_to_confirm
    POST     /users/<resource_id>/confirm                               confirm_user
    POST     /users/<resource_id>/leave-groups                          leave_groups
monitoring.activity
    GET      /activity                                                  activity
    GET      /activity/<row:cycle_id>                                   cycle
monitoring.problems
    GET      /problems                                                  problems
    GET      /problems/<row:problem_id>                                 problem
    POST     /problems/remove-access                                    remove_access
    POST     /problems/ignore                                           ignore_problems
    POST     /problems/stop-ignoring                                    stop_ignoring_problems
    POST     /problems/<row:problem_id>/ignore                          ignore_problem
    POST     /problems/<row:problem_id>/stop-ignoring                   stop_ignoring_problem
monitoring.status
    GET      /                                                          status
    POST     /exposure/close                                            close_exposure
    POST     /schemas/confirm-removal                                   confirm_removal
system.client_documentation
    GET      {DOCUMENTATION}                                            documentation
system.help
    GET      /help                                                      help=help_page
    GET      /help/<path:name>                                          help_page
    GET      /help/pictures/<name>                                      help_picture
"""
"""For each module in app/web/console: methods, path, and the name of the view, which is also the endpoint's name.

A view that serves two endpoints, or has another name, is behind the endpoint: `help=help_page`.
"""

RENAMED = {
    "/<any(sources,operators):page>": "GET,POST",
    "/<any(sources,operators):page>/<path:rest>": "GET,POST",
    "/account/keys/<key_id>/stop": "GET,POST",
    "/oauth/<kind>/<id>/<any(stop,trusts):action>": "GET,POST",
    "/problems/heed": "POST",
    "/problems/<row:problem_id>/heed": "POST",
    "/help/<any(sources,operators,provider,rehearsal):name>": "GET",
}
"""The URLs of earlier versions, with their methods: `system.renamed_pages` redirects them."""


class RowConverter(IntegerConverter):
    """The converter `<row:…>`: a row's id with no more digits than the database allows; any other path is 404."""

    regex = rf"[0-9]{{1,{bounds.NUMBER_DIGITS - 2}}}"


class Route(NamedTuple):
    """A URL of a page, with the module in app/web/console and the name of its view; of one resource type, or of all."""

    path: str
    methods: Sequence[str]
    endpoint: str
    module: str
    name: str
    resource_type: ResourceType | None = None

    def view(self) -> Callable[..., Any]:
        """Import the module of the page, and return its view."""
        view: Callable[..., Any] = getattr(import_module(f"app.web.console.{self.module}"), self.name)
        return view(self.resource_type) if self.resource_type else view


def routes(types: Sequence[ResourceType]) -> Iterator[Route]:
    """Yield every route: those of ROUTES and RENAMED, and a list and a page for each resource type."""
    module = ""
    for line in ROUTES.strip().split("\n"):
        if not line.startswith(" "):
            module = line
            continue
        methods, path, name = line.split()
        endpoint, _, view = name.partition("=")
        yield Route(path, methods.split(","), f"console.{endpoint}", module, view or endpoint)
    for path, methods in RENAMED.items():
        yield Route(path, methods.split(","), "console.renamed", "system.renamed_pages", "renamed")
    for one in types:
        own = Endpoints.of(one)
        yield Route(own.path, ["GET"], own.list, "directory.resource_list", "view_of", one)
        yield Route(f"{own.path}/<resource_id>", ["GET"], own.single, "directory.resource_page", "view_of", one)
