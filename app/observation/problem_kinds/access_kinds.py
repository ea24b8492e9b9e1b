"""This module declares the kinds of problem that affect every request: credentials, network, server."""

from collections.abc import Callable
from functools import partial

from app.observation.problem_kinds.problem_kind import ADDRESSES, APPLICATION, CREDENTIALS, HERE, PROXY, Kind
from app.request_record import TOKEN, KeyFault, Request
from app.scim.errors import Code

OAUTH = (
    "Check on the OAuth page whether the client is active; create another secret if you need one.",
    "Paste Token Endpoint, Client identifier and Client secret into Entra again.",
    "Press Test Connection, then Save.",
)
PASTE = (
    "Create a key on the Account page.",
    "Paste it into Secret Token in Entra, without the word Bearer.",
    "Press Test Connection, then Save.",
)


KINDS_OF_STRANGERS = ("key-missing", "too-often")
"""Browsers and monitors cause these, too."""

_key_kind = partial(Kind, menu=CREDENTIALS, retry="job", codes=(Code.UNAUTHORIZED,), is_of_key=True)
"""The problems that the next request with a valid key closes."""


def _has_fault(*faults: KeyFault) -> Callable[[Request], bool]:
    return lambda request: request.key_fault in faults


def _is_without_token(request: Request) -> bool:
    """Return whether a client got no access token, because of its credentials or the form of its request."""
    is_plain = request.status != 429 and (request.status < 500 or bool(request.key_fault))
    return request.path == TOKEN and is_plain and request.error_code not in (Code.WRONG_HOST, Code.SOURCE_REFUSED)


def is_outside(request: Request) -> bool:
    """Return whether a SCIM client sent a request outside the SCIM service: it misreads any response there."""
    return request.path == "outside"


def _is_at_no_address(request: Request) -> bool:
    is_nobody = request.status == 404 and not request.resource_type
    return (is_outside(request) or is_nobody) and request.error_code is not Code.WRONG_HOST


KINDS = (
    Kind(
        name="path-unknown",
        title="Unknown URL",
        what="The URL is not part of SCIM: the Tenant URL is wrong, or a reverse proxy changes the path. Entra puts "
        "the provisioning job into quarantine after such responses.",
        fix=(
            "Copy the Tenant URL from the Account page, with the slash at the end.",
            "Paste it into Tenant URL in Entra, press Test Connection, then Save.",
        ),
        menu=CREDENTIALS,
        retry="job",
        fits=_is_at_no_address,
    ),
    _key_kind(
        name="token-refused",
        title="Access token request refused",
        what="The token endpoint rejected a request: unknown client, wrong secret, untrusted assertion, or malformed "
        "request. Entra cannot call SCIM until this is fixed.",
        fix=OAUTH,
        codes=(),
        fits=_is_without_token,
    ),
    _key_kind(
        name="token-expired",
        title="Expired access token",
        what="The access token was valid for one hour. A client learns with each token how long it is valid, and "
        "fetches the next one. If this continues, the clock of the client or of this host is wrong.",
        fix=("Check the clock of the host.", "Press Test Connection in Entra: it fetches a new token."),
        fits=_has_fault("expired"),
    ),
    _key_kind(
        name="key-missing",
        title="Request without a SCIM Key",
        what="The request had no Authorization header with a key. Browsers and monitors send such requests, and so "
        "does Entra through a reverse proxy that removes the header.",
        fix=("Check that the reverse proxy forwards the Authorization header.", *PASTE[1:]),
        fits=_has_fault("missing", "no-bearer"),
    ),
    _key_kind(
        name="key-stopped",
        title="Revoked SCIM Key",
        what="The key was revoked, or deactivated after a rotation. Access tokens of a revoked client or secret are "
        "reported here too.",
        fix=PASTE,
        fits=_has_fault("stopped"),
    ),
    _key_kind(
        name="key-cut",
        title="Incomplete SCIM Key",
        what="The token begins like a key of this server, but a part is missing or mistyped.",
        fix=(
            "Use the complete key. It is displayed only once: if you did not save it, create another one.",
            *PASTE[1:],
        ),
        fits=_has_fault("cut"),
    ),
    _key_kind(
        name="key-bearer",
        title="Word Bearer pasted with the SCIM Key",
        what="Entra adds the word Bearer itself, so the header contains it twice.",
        fix=("Paste only the key into Secret Token, without the word Bearer.", *PASTE[2:]),
        fits=_has_fault("twice-bearer"),
    ),
    _key_kind(
        name="entra-token",
        title="Entra token instead of the SCIM Key",
        what="The field Secret Token in Entra is empty, so Entra sends a token that it signed. It is refused.",
        fix=PASTE,
        fits=_has_fault("entra-token"),
    ),
    _key_kind(
        name="key-wrong",
        title="Invalid SCIM Key",
        what="The token is not a key of this server. It may belong to another server or data folder.",
        fix=PASTE,
    ),
    _key_kind(
        name="too-often",
        title="Too many requests without a valid key",
        what="One IP address sent more invalid keys in a minute than the server answers. Requests with a valid key are "
        "not limited.",
        fix=("Check whether the IP address is Entra's. If it is, replace the key as follows.", *PASTE),
        codes=(Code.TOO_OFTEN,),
    ),
    Kind(
        name="host-unknown",
        title="Unknown host name",
        what="The Host header names neither the public URL of this server nor an IP address of the host.",
        fix=(
            "Set public_url to the URL that Entra uses, and restart.",
            "Or let the reverse proxy forward the Host header that it received.",
        ),
        menu=PROXY,
        retry="job",
        codes=(Code.WRONG_HOST,),
    ),
    Kind(
        name="source-refused",
        title="Client IP address not on the IP allow list",
        what="The IP allow list is enforced, and it does not contain the address of this request. The key was not "
        "checked. Entra puts the provisioning job into quarantine after such refusals.",
        fix=(
            "Check whether the address of the request is Entra's.",
            "If it is, add it to the IP allow list. If you do not know it, do nothing: the request had no effect.",
            "If you are not sure, go back to monitoring there: then no request is refused.",
        ),
        menu=ADDRESSES,
        retry="job",
        codes=(Code.SOURCE_REFUSED,),
    ),
    Kind(
        name="method-not-allowed",
        title="HTTP method not allowed",
        what="The URL exists, but does not accept this method. Entra does not send such requests; a reverse proxy that "
        "replaces PATCH does.",
        fix=("Let the reverse proxy forward GET, POST, PUT, PATCH and DELETE unchanged (IIS: remove WebDAV).",),
        menu=PROXY,
        retry="nobody",
        codes=(Code.NOT_ALLOWED,),
    ),
    Kind(
        name="not-offered",
        title="SCIM feature not supported",
        what="The request is valid, but uses a part of SCIM that this server does not support.",
        fix=("Read /ServiceProviderConfig for the supported features. Entra uses no others.",),
        menu=APPLICATION,
        retry="nobody",
        codes=(Code.FORBIDDEN, Code.NOT_IMPLEMENTED),
    ),
    Kind(
        name="unavailable",
        title="Database not available",
        what="The disk is full, another program locks the database, or too many requests arrived. The log has the "
        "cause.",
        fix=(
            "Check the disk on the Status page, and the log.",
            "Nothing was changed; only a user that Entra disables is disabled even if the database is damaged. Entra "
            "sends the request again.",
        ),
        menu=HERE,
        retry="job",
        codes=(Code.UNAVAILABLE, Code.DAMAGED),
    ),
    Kind(
        name="internal",
        title="Internal error",
        what="The request failed because of a defect in Recnice SCIM. Nothing was changed.",
        fix=("Find the request ID in the log, and report the log lines.",),
        menu=HERE,
        retry="job",
        codes=(Code.INTERNAL,),
    ),
)
