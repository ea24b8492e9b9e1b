"""This module declares the kinds of problem that affect every request: credentials, network, server."""

from collections.abc import Callable

from app.observation.problem_kinds.problem_kind import (
    ADDRESSES,
    APPLICATION,
    CREDENTIALS,
    HERE,
    PROXY,
    Asked,
    Kind,
    code_of,
)
from app.observation.request_record import TOKEN, KeyFault
from app.scim.errors import Code

OAUTH = (
    "See on the OAuth page here which client it was, and make another secret there if need be.",
    "Paste Token Endpoint, Client identifier and Client secret again.",
    "Press Test Connection, then Save.",
)
PASTE = (
    "Make a new key on the Account page here.",
    "Paste it into Secret Token, without the word Bearer.",
    "Press Test Connection, then Save.",
)


def _key(*faults: KeyFault) -> Callable[[Asked], bool]:
    return lambda request: request.key_fault in faults


def _is_without_token(request: Asked) -> bool:
    """Whether a client got no access token for what it showed, or for the way in which it asked."""
    is_plain = request.status != 429 and (request.status < 500 or bool(request.key_fault))
    return request.path == TOKEN and is_plain and code_of(request) not in (Code.WRONG_HOST, Code.SOURCE_REFUSED)


def is_outside(request: Asked) -> bool:
    """Whether a SCIM client knocked where no SCIM service is: whatever the answer there was, it misunderstands it."""
    return request.path == "outside"


def _is_at_no_address(request: Asked) -> bool:
    is_nobody = request.status == 404 and not request.resource_type
    return (is_outside(request) or is_nobody) and code_of(request) is not Code.WRONG_HOST


KINDS = (
    Kind(
        name="path-unknown",
        title="Nothing is at this address",
        what="The address is none that a SCIM service has: the Tenant URL is wrong, or a reverse proxy changes the "
        "path. Entra takes this for a broken service, and quarantines the job.",
        fix=(
            "Copy the Tenant URL from the Account page here, slash at the end included.",
            "Paste it into Tenant URL, press Test Connection, then Save.",
        ),
        menu=CREDENTIALS,
        retry="job",
        fits=_is_at_no_address,
    ),
    Kind(
        name="token-refused",
        title="An OAuth client got no access token",
        what="Whoever asked at the token endpoint showed no client and secret that are right here, no signed assertion "
        "that is trusted here, or asked in another form. Without a token Entra does not come at all.",
        fix=OAUTH,
        menu=CREDENTIALS,
        retry="job",
        fits=_is_without_token,
        is_of_key=True,
    ),
    Kind(
        name="token-expired",
        title="An access token was used after its hour",
        what="The access token was right once. A client is told how long a token lasts and fetches the next one by "
        "itself; one that goes on like this has a clock that is wrong, or does not look at the time.",
        fix=("Look whether the clock of this machine is right.", "Press Test Connection: Entra fetches a new token."),
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("expired"),
        is_of_key=True,
    ),
    Kind(
        name="key-missing",
        title="No SCIM Key was shown",
        what="A request came without an Authorization header that carries a key. A browser or a monitor looks like "
        "that, and so does Entra behind a reverse proxy that takes the header away.",
        fix=("See that the reverse proxy passes the Authorization header on.", *PASTE[1:]),
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("missing", "no-bearer"),
        is_of_key=True,
    ),
    Kind(
        name="key-stopped",
        title="A stopped SCIM Key was used",
        what="The key was right once, and was stopped here. The same is said of an access token whose client or secret "
        "was stopped.",
        fix=PASTE,
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("stopped"),
        is_of_key=True,
    ),
    Kind(
        name="key-cut",
        title="An incomplete SCIM Key was used",
        what="The token begins like a key of this server, but part of it is missing or mistyped.",
        fix=("Copy the whole key with the button on the Account page; if it was not kept, make a new one.", *PASTE[1:]),
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("cut"),
        is_of_key=True,
    ),
    Kind(
        name="key-bearer",
        title="The word Bearer was pasted with the SCIM Key",
        what="Entra puts the word Bearer before the token itself; here it came twice.",
        fix=("Paste the key alone into Secret Token, without Bearer before it.", *PASTE[2:]),
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("twice-bearer"),
        is_of_key=True,
    ),
    Kind(
        name="entra-token",
        title="Entra sent a token of its own instead of the SCIM Key",
        what="The field Secret Token is empty, so Entra signs a token itself. That is meant for tests; it is refused.",
        fix=PASTE,
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        fits=_key("entra-token"),
        is_of_key=True,
    ),
    Kind(
        name="key-wrong",
        title="A wrong SCIM Key was used",
        what="The token is no key of this server: it is something else, or belongs to another server or data folder.",
        fix=PASTE,
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.UNAUTHORIZED,),
        is_of_key=True,
    ),
    Kind(
        name="too-often",
        title="Too many requests without a right key",
        what="One address showed wrong keys more often than is answered in a minute. Requests with a right key are "
        "never slowed.",
        fix=("See from which address they come; if it is Entra's, mend the key as below.", *PASTE),
        menu=CREDENTIALS,
        retry="job",
        codes=(Code.TOO_OFTEN,),
        is_of_key=True,
    ),
    Kind(
        name="host-unknown",
        title="The request was for another host name",
        what="The Host header names neither the public URL of this server nor an address of this machine.",
        fix=(
            "Set public_url to the address that Entra uses, and start again.",
            "Or let the reverse proxy pass on the Host header that it received.",
        ),
        menu=PROXY,
        retry="job",
        codes=(Code.WRONG_HOST,),
    ),
    Kind(
        name="source-refused",
        title="A request came from an address that is not allowed",
        what="SCIM is held to a list of addresses here, and the address is not on it. The key was not looked at. Entra "
        "takes such refusals for a broken service, and quarantines the job.",
        fix=(
            "See from which address it came, and whether that is Entra's.",
            "If it is, put it on the list on the Addresses page here. If you do not know it, leave it: nothing opened.",
            "To be on the safe side meanwhile, go back to watching there: then nobody is refused.",
        ),
        menu=ADDRESSES,
        retry="job",
        codes=(Code.SOURCE_REFUSED,),
    ),
    Kind(
        name="method-not-allowed",
        title="This address cannot be used that way",
        what="The address is right, but has not this method. Entra itself never does that; a reverse proxy that turns "
        "PATCH into something else does.",
        fix=("See that GET, POST, PATCH and DELETE pass the reverse proxy unchanged (on IIS: remove WebDAV).",),
        menu=PROXY,
        retry="nobody",
        codes=(Code.NOT_ALLOWED,),
    ),
    Kind(
        name="not-offered",
        title="Something was asked for that is not offered",
        what="The request is right, but about a part of SCIM that this server says it does not have.",
        fix=("See in /ServiceProviderConfig what there is. Entra asks for nothing else.",),
        menu=APPLICATION,
        retry="nobody",
        codes=(Code.FORBIDDEN, Code.NOT_IMPLEMENTED),
    ),
    Kind(
        name="unavailable",
        title="The server could not use its database",
        what="The disk is full, another program holds the database, or too much came at once. The log says which.",
        fix=("Look at the disk on the Status page and into the log.", "Nothing was half done: Entra sends it again."),
        menu=HERE,
        retry="job",
        codes=(Code.UNAVAILABLE,),
    ),
    Kind(
        name="internal",
        title="Something went wrong here",
        what="A fault in this program. Nothing was half done.",
        fix=("Find the request's number in the log, and report what stands there.",),
        menu=HERE,
        retry="job",
        codes=(Code.INTERNAL,),
    ),
)
