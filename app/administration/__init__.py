"""The administration room: set-up, operators, their sessions, SCIM keys, and what the Status page says first.

Plain functions, each with a transaction of its own; all need an application context. Not here: pages, cookies, headers
(app/web), the command line (app/commands), and anything that Entra does (app/provisioning).

    Refused           a rule says no; its text is for the person who asked
    ├─ Slowed         too many failures; says when to try again
    │  └─ Busy        too many people sign in at the same moment; the same
    ├─ Ended          the session is over; the way on begins at the sign-in page
    └─ Outdated       what was previewed is not what would happen any more
    Withdrawn         who asked was permitted to, and is not any more
    NotAuthenticated  no access token for what a program showed; its text is for the log
    SignerAway        whether to give one cannot be told just now; the same
"""

from app.administration.access_tokens import (
    NewToken,
    NotAuthenticated,
    token_for_assertion,
    token_for_secret,
)
from app.administration.attempts import failed_sign_ins
from app.administration.audit import HOST, Action, Actor
from app.administration.bearer import Bearer, judge_bearer, note_use
from app.administration.client_assertions import SignerAway, Signers
from app.administration.grants import Grant, Granted, grant_of, granted
from app.administration.grants import news as role_news
from app.administration.key_standing import ActiveKey, active_keys
from app.administration.key_use import note_key_use
from app.administration.keys import (
    KeyRow,
    NewKey,
    Verdict,
    create_key,
    find_key,
    judge_key,
    list_keys,
    stop_key,
)
from app.administration.networks import CountedNetwork, NetworkSet, counted_networks, read_address, site_of
from app.administration.oauth import (
    ENTRA_AUDIENCE,
    Client,
    Credential,
    NewSecret,
    add_trust,
    create_client,
    create_secret,
    list_clients,
    stop_client,
    stop_secret,
    stop_trust,
)
from app.administration.operators import (
    Operator,
    change_password,
    create_operator,
    delete_operator,
    find_operator,
    list_operators,
    remove_second_factor,
    reset_password,
    set_disabled,
    set_role,
)
from app.administration.overview import Contact, Overview, overview
from app.administration.permissions import Permission
from app.administration.proof import prove
from app.administration.refusals import Busy, Ended, Refused, Slowed, Withdrawn
from app.administration.removed_schemas import confirm_removal, missing_schemas
from app.administration.role_mapping import Outdated
from app.administration.sealing import Sealer
from app.administration.sessions import (
    Browser,
    Session,
    SignedIn,
    end_session,
    list_sessions,
    session,
    sign_out,
)
from app.administration.sessions import (
    begin as begin_session,
)
from app.administration.setting_aside import close_exposure, heed_problems, ignore_problems
from app.administration.setup import claim_setup, create_setup_code, is_set_up, is_setup_code_open
from app.administration.sign_in import CodeWanted, sign_in, sign_in_by_code
from app.administration.source_policy import CurrentPolicy, Mode, SeenSources
from app.administration.sources import SourceList, source_list
from app.administration.sources import allow as allow_networks
from app.administration.sources import remove as remove_network
from app.administration.sources import set_mode as set_sources_mode
from app.administration.storage import Storage, storage
from app.administration.strictness import set_strict
from app.administration.unconfirmed import (
    UnconfirmedUser,
    UnconfirmedUsers,
    confirm_user,
    find_unconfirmed,
    list_unconfirmed,
)
from app.roles import Role

__all__ = [
    "Action",
    "ActiveKey",
    "Actor",
    "Bearer",
    "Browser",
    "Busy",
    "Client",
    "CodeWanted",
    "CountedNetwork",
    "Contact",
    "Credential",
    "CurrentPolicy",
    "ENTRA_AUDIENCE",
    "Ended",
    "Grant",
    "Granted",
    "HOST",
    "KeyRow",
    "Mode",
    "NetworkSet",
    "NewKey",
    "NewSecret",
    "NewToken",
    "NotAuthenticated",
    "Operator",
    "Outdated",
    "Overview",
    "Permission",
    "Refused",
    "Role",
    "Sealer",
    "SeenSources",
    "Session",
    "SignedIn",
    "SignerAway",
    "Signers",
    "Slowed",
    "SourceList",
    "Storage",
    "UnconfirmedUser",
    "UnconfirmedUsers",
    "Verdict",
    "Withdrawn",
    "active_keys",
    "add_trust",
    "allow_networks",
    "begin_session",
    "change_password",
    "claim_setup",
    "close_exposure",
    "confirm_removal",
    "confirm_user",
    "counted_networks",
    "create_client",
    "create_key",
    "create_operator",
    "create_secret",
    "create_setup_code",
    "delete_operator",
    "end_session",
    "failed_sign_ins",
    "find_key",
    "find_operator",
    "find_unconfirmed",
    "grant_of",
    "granted",
    "heed_problems",
    "ignore_problems",
    "is_set_up",
    "is_setup_code_open",
    "judge_bearer",
    "judge_key",
    "list_clients",
    "list_keys",
    "list_operators",
    "list_sessions",
    "list_unconfirmed",
    "missing_schemas",
    "note_key_use",
    "note_use",
    "overview",
    "prove",
    "read_address",
    "remove_network",
    "remove_second_factor",
    "reset_password",
    "role_news",
    "session",
    "set_disabled",
    "set_role",
    "set_sources_mode",
    "set_strict",
    "sign_in",
    "sign_in_by_code",
    "sign_out",
    "site_of",
    "source_list",
    "stop_client",
    "stop_key",
    "stop_secret",
    "stop_trust",
    "storage",
    "token_for_assertion",
    "token_for_secret",
]
