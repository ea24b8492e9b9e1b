"""The administration room: set-up, operators, their sessions, SCIM keys, and what the Status page says first.

Plain functions, each with a transaction of its own; all need an application context. Not here: pages, cookies, headers
(app/web), the command line (app/commands), and anything that Entra does (app/provisioning).

    Refused       a rule says no; its text is for the person who asked
    └─ Slowed     too many failures; says when to try again
"""

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
    list_operators,
    reset_password,
)
from app.administration.overview import Contact, Overview, overview
from app.administration.refusals import Refused, Slowed
from app.administration.sessions import (
    Session,
    SignedIn,
    end_session,
    list_sessions,
    open_session,
    session,
    sign_in,
    sign_out,
)
from app.administration.setup import claim_setup, create_setup_code, is_set_up, is_setup_code_open
from app.administration.storage import Storage, storage
from app.administration.strictness import set_strict

__all__ = [
    "Contact",
    "KeyRow",
    "NewKey",
    "Operator",
    "Overview",
    "Refused",
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
    "end_session",
    "find_key",
    "is_set_up",
    "is_setup_code_open",
    "judge_key",
    "list_keys",
    "list_operators",
    "list_sessions",
    "note_key_use",
    "open_session",
    "overview",
    "reset_password",
    "session",
    "set_strict",
    "sign_in",
    "sign_out",
    "stop_key",
    "storage",
]
