"""This module declares the URLs of the console's pages, with the permission and the view of each.

It imports no page: app/web/console/pages.py does, at the first request for one.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from werkzeug.routing import IntegerConverter

from app import bounds
from app.administration.permissions import Permission
from app.scim.resource_types import ResourceType
from app.web.public_url import CALLBACK
from app.web.resource_urls import Endpoints
from app.web.service_routing import DOCUMENTATION

ROUTES = f"""
access.account
    GET      /account                                             SEE            account
    POST     /account/keys                                        KEYS           create_key
    GET      /account/keys/<key_id>/revoke                        KEYS           confirm_revoke_key
    POST     /account/keys/<key_id>/revoke                        KEYS           revoke_key
access.administrators
    GET      /administrators                                      OPERATORS      administrators=list_administrators
    POST     /administrators                                      OPERATORS      create_administrator
    GET      /administrators/<administrator_id>                   OPERATORS      administrator
    POST     /administrators/<administrator_id>/role              OPERATORS      set_administrator_role
    POST     /administrators/<administrator_id>/state             OPERATORS      set_administrator_state
    POST     /administrators/<administrator_id>/password          OPERATORS      reset_administrator_password
    POST     /administrators/<administrator_id>/second-factor     OPERATORS      turn_off_administrator_two_factor
    GET      /administrators/<administrator_id>/delete            OPERATORS      confirm_delete_administrator
    POST     /administrators/<administrator_id>/delete            OPERATORS      delete_administrator
access.audit
    GET      /audit                                               AUDIT          audit
access.ip_allow_list
    GET      /ip-allow-list                                       SEE            ip_allow_list
    POST     /ip-allow-list/mode                                  SOURCES        set_ip_allow_list_mode
    GET,POST /ip-allow-list/enforce                               SOURCES        enforce_ip_allow_list
    GET,POST /ip-allow-list/add                                   SOURCES        allow_networks
    GET,POST /ip-allow-list/remove                                SOURCES        remove_network
access.oauth_clients
    GET      /oauth                                               SEE            oauth
    POST     /oauth/clients                                       KEYS           create_client
    POST     /oauth/clients/<client_id>/secrets                   KEYS           create_secret
    POST     /oauth/clients/<client_id>/federated-credentials     KEYS           add_federated_credential
    GET      /oauth/<kind>/<id>/revoke                            KEYS           confirm_revoke_credential
    POST     /oauth/<kind>/<id>/revoke                            KEYS           revoke_credential
access.profile
    GET      /me                                                  OWN            profile
    POST     /me/password                                         OWN_OPERATOR   change_password
    POST     /me/sessions                                         OWN            end_session
access.provider_sign_in
    GET      /auth/start                                          OPEN           auth_start
    GET      /auth/proof                                          OWN            auth_proof
    GET      {CALLBACK}                                           OPEN           auth_callback
    GET      /signed-out                                          OPEN           signed_out
access.reauthentication
    GET,POST /confirm                                             OWN            confirm
access.roles
    GET      /roles                                               SEE            roles
    GET      /roles/edit                                          ROLES          edit_roles
    POST     /roles/preview                                       ROLES          preview_roles
    POST     /roles/save                                          ROLES          save_roles
access.setup
    GET,POST /setup                                               OPEN           setup
access.sign_in
    GET,POST /login                                               OPEN           sign_in
    GET,POST /login/code                                          OPEN           sign_in_code
    POST     /logout                                              OWN            sign_out
access.single_sign_on
    GET      /single-sign-on                                      SEE            single_sign_on
    POST     /single-sign-on                                      SINGLE_SIGN_ON save_single_sign_on
    GET      /single-sign-on/test                                 SINGLE_SIGN_ON test_single_sign_on
    GET      /single-sign-on/remove                               SINGLE_SIGN_ON confirm_remove_single_sign_on
    POST     /single-sign-on/remove                               SINGLE_SIGN_ON remove_single_sign_on
access.two_factor
    GET      /me/second-factor                                    SECOND_FACTOR  second_factor
    POST     /me/second-factor                                    SECOND_FACTOR  begin_second_factor
    POST     /me/second-factor/code                               SECOND_FACTOR  confirm_second_factor
    POST     /me/second-factor/recovery-codes                     SECOND_FACTOR  renew_recovery_codes
    POST     /me/second-factor/off                                SECOND_FACTOR  turn_off_second_factor
directory.attributes
    GET      /attributes                                          SEE            attributes
    GET      /attributes/strict                                   OPERATE        confirm_strict
    POST     /attributes/strict                                   OPERATE        set_strict
    POST     /attributes/review                                   SEE            review=review_schema
directory.personal_data
    GET      /users/<resource_id>/personal-data                   PERSONAL_DATA  personal_data
    POST     /users/<resource_id>/export                          PERSONAL_DATA  export_user
    POST     /users/<resource_id>/erase                           PERSONAL_DATA  erase_user
directory.deleted
    GET      /deleted                                             SEE            deleted
    GET      /deleted/<resource_id>                               LOCAL_CHANGES  confirm_put_back
    POST     /deleted/<resource_id>                               LOCAL_CHANGES  put_back
    GET      /deleted/sync/<row:cycle_id>                         LOCAL_CHANGES  confirm_put_cycle_back
    POST     /deleted/sync/<row:cycle_id>                         LOCAL_CHANGES  put_cycle_back
directory.local_changes
    GET      /history/<resource_id>/undo                          LOCAL_CHANGES  confirm_undo_change
    POST     /history/<resource_id>/undo                          LOCAL_CHANGES  undo_change
    GET      /users/<resource_id>/delete                          LOCAL_CHANGES  confirm_delete_user
    POST     /users/<resource_id>/delete                          LOCAL_CHANGES  delete_user
directory.search_page
    GET      /search                                              SEE            search
directory.users_to_confirm
    POST     /users/<resource_id>/confirm                         UNCONFIRMED    confirm_user
    POST     /users/<resource_id>/leave-groups                    UNCONFIRMED    leave_groups
monitoring.activity
    GET      /activity                                            SEE            activity
    GET      /activity/<row:cycle_id>                             SEE            cycle
monitoring.guard
    GET      /guard                                               SEE            guard
    GET      /guard/<row:alarm_id>                                SEE            alarm
    POST     /guard/<row:alarm_id>/meant                          OPERATE        confirm_alarm
    POST     /guard/<row:alarm_id>/undo                           ALARMS         undo_alarm
monitoring.problems
    GET      /problems                                            SEE            problems
    GET      /problems/<row:problem_id>                           SEE            problem
    GET      /problems/remove-access                              REMOVE_ACCESS  confirm_access_removal
    POST     /problems/remove-access                              REMOVE_ACCESS  remove_access
    POST     /problems/ignore                                     OPERATE        ignore_problems
    POST     /problems/stop-ignoring                              OPERATE        stop_ignoring_problems
    POST     /problems/<row:problem_id>/ignore                    OPERATE        ignore_problem
    POST     /problems/<row:problem_id>/stop-ignoring             OPERATE        stop_ignoring_problem
monitoring.status
    GET      /                                                    SEE            status
    POST     /exposure/close                                      KEYS           close_exposure
    POST     /schemas/confirm-removal                             SCHEMAS        confirm_removal
system.alerts
    GET      /alerts                                              SEE            alerts
    POST     /alerts/mail                                         ALERTS         save_alert_mail
    POST     /alerts/webhook                                      ALERTS         save_alert_webhook
    POST     /alerts/heartbeat                                    ALERTS         save_heartbeat
    POST     /alerts/test                                         ALERTS         send_test_alert
    POST     /alerts/remove                                       ALERTS         remove_alert_target
system.backups
    GET      /backups                                             SEE            backups
    POST     /backups                                             BACK_UP        back_up
    POST     /backups/verify                                      BACK_UP        verify_backup
    GET      /backups/<name>/download                             BACKUPS        download_backup
system.connection_test
    GET      /connection-test                                     CONNECTION     connection_test
    POST     /connection-test                                     CONNECTION     judge_connection
system.appearance
    POST     /theme                                               OWN            set_theme
system.client_documentation
    GET      {DOCUMENTATION}                                      OPEN           documentation
system.help
    GET      /help                                                OWN            help=help_page
    GET      /help/<path:name>                                    OWN            help_page
    GET      /help/pictures/<name>                                OWN            help_picture
system.settings
    GET      /settings                                            SEE            settings
    POST     /settings                                            SETTINGS       save_settings
system.support
    POST     /support-bundle                                      SUPPORT        support_bundle
system.restore
    GET      /backups/restore                                     RESTORE        restore
    POST     /backups/restore/prepare                             RESTORE        prepare_restore
    POST     /backups/restore/discard                             RESTORE        discard_restore
    POST     /backups/restore/begin                               RESTORE        begin_restore
    POST     /backups/replaced/delete                             RESTORE        delete_replaced
"""
"""For each module in app/web/console: methods, path, permission, and the name of the endpoint and of its view.

OPEN: without a session. A view with another name than the endpoint's is behind it: `help=help_page`.
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
    """A URL of a page, with the module in app/web/console and the name of its view; of one resource type, or of all.

    `permission`: None for a page that answers without a session.
    """

    path: str
    methods: Sequence[str]
    permission: Permission | None
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
        methods, path, name_of_permission, name = line.split()
        permission = None if name_of_permission == "OPEN" else Permission[name_of_permission]
        endpoint, _, view = name.partition("=")
        yield Route(path, methods.split(","), permission, f"console.{endpoint}", module, view or endpoint)
    for path, methods in RENAMED.items():
        yield Route(path, methods.split(","), None, "console.renamed", "system.renamed_pages", "renamed")
    for one in types:
        own, see = Endpoints.of(one), Permission.SEE
        yield Route(own.path, ["GET"], see, own.list, "directory.resource_list", "view_of", one)
        yield Route(f"{own.path}/<resource_id>", ["GET"], see, own.single, "directory.resource_page", "view_of", one)
