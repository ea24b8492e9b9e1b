"""The administration room: set-up, operators, their sessions, SCIM keys, and what the Status page says first.

Plain functions, each with a transaction of its own; all need an application context. Not here: pages, cookies, headers
(app/web), the command line (app/commands), and anything that Entra does (app/provisioning).

    Refused       a rule says no; its text is for the person who asked
    └─ Slowed     too many failures; says when to try again
"""

from app.administration.audit import HOST, Action, Actor
from app.administration.keys import (
    KeyRow,
    NewKey,
    Verdict,
    create_key,
    find_key,
    judge_key,
    list_keys,
    note_key_use,
    stop_key,
)
from app.administration.operators import (
    Operator,
    change_password,
    create_operator,
    delete_operator,
    list_operators,
    reset_password,
    set_disabled,
    set_role,
)
from app.administration.overview import Contact, Overview, overview
from app.administration.permissions import Permission
from app.administration.proof import prove
from app.administration.refusals import Refused, Slowed
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
from app.administration.setting_aside import heed_problems, ignore_problems
from app.administration.setup import claim_setup, create_setup_code, is_set_up, is_setup_code_open
from app.administration.sign_in import sign_in
from app.administration.storage import Storage, storage
from app.administration.strictness import set_strict
from app.roles import Role

__all__ = [
    "begin_session",
    "Action",
    "Actor",
    "Browser",
    "Contact",
    "HOST",
    "KeyRow",
    "NewKey",
    "Operator",
    "Overview",
    "Permission",
    "Refused",
    "Role",
    "Sealer",
    "Session",
    "SignedIn",
    "Slowed",
    "Storage",
    "Verdict",
    "change_password",
    "claim_setup",
    "create_key",
    "create_operator",
    "create_setup_code",
    "delete_operator",
    "end_session",
    "find_key",
    "heed_problems",
    "ignore_problems",
    "is_set_up",
    "is_setup_code_open",
    "judge_key",
    "list_keys",
    "list_operators",
    "list_sessions",
    "note_key_use",
    "overview",
    "prove",
    "reset_password",
    "session",
    "set_disabled",
    "set_role",
    "set_strict",
    "sign_in",
    "sign_out",
    "stop_key",
    "storage",
]
