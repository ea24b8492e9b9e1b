"""This module declares the kinds of problem of a request's form: body, filter, path, size."""

from app.observation.problem_kinds.problem_kind import MAPPINGS, PROXY, Kind
from app.observation.problem_kinds.value_kinds import asks_for_list
from app.request_record import Request
from app.scim.errors import Code

CLIENT = "The client that sent it"
PAGING = (Code.INVALID_CURSOR, Code.EXPIRED_CURSOR, Code.INVALID_COUNT)
FILTERS = (Code.INVALID_FILTER, Code.UNUSABLE_FILTER)
OF_LISTS = ("invalidValue", "invalidPath")


def _is_paging(request: Request) -> bool:
    code = request.error_code
    return code in PAGING or (code.scim_type in OF_LISTS and asks_for_list(request))


KINDS = (
    Kind(
        name="filter-not-understood",
        title="Invalid filter",
        what="The filter has an invalid syntax, attribute or comparison. Entra builds its filter from the matching "
        "attribute.",
        fix=(
            "Find the attribute with Match objects using this attribute, and map it to userName or externalId.",
            "If a value contains a quotation mark or a backslash, Entra sends an invalid filter: change the value.",
        ),
        menu=MAPPINGS,
        retry="single",
        codes=FILTERS,
        fits=lambda request: request.method != "PATCH",
    ),
    Kind(
        name="paging",
        title="Invalid or expired paging cursor",
        what="The cursor, the page, the order or the list of attributes is invalid, or the cursor has expired.",
        fix=("Start again with the first page, with the parameters that the reason names.",),
        menu=CLIENT,
        retry="nobody",
        fits=_is_paging,
    ),
    Kind(
        name="path-not-understood",
        title="Invalid path in a change",
        what="The target attribute of a mapping is not a valid SCIM path.",
        fix=('Correct the target attribute. A valid one is: emails[type eq "work"].value.',),
        menu=f"{MAPPINGS} › Show advanced options › Edit attribute list",
        retry="single",
        codes=(Code.INVALID_PATH, Code.UNUSABLE_PATH, *FILTERS),
    ),
    Kind(
        name="body-not-understood",
        title="Invalid message body",
        what="The body is not JSON, or not a SCIM message. Entra sends valid messages; a reverse proxy that truncates "
        "or rewrites bodies makes them invalid.",
        fix=("Let the reverse proxy forward bodies unchanged.",),
        menu=PROXY,
        retry="single",
        codes=(Code.INVALID_SYNTAX, Code.UNRESOLVED_REFERENCE),
    ),
    Kind(
        name="too-many",
        title="Too many operations in one request",
        what="The request has more operations than the limit, or a search took too long.",
        fix=("Send several smaller requests. Entra's own are far below the limit.",),
        menu=CLIENT,
        retry="single",
        codes=(Code.TOO_MANY, Code.TOO_MANY_OPERATIONS),
    ),
    Kind(
        name="body-too-large",
        title="Request body too large",
        what="The body is larger than the limit of one request.",
        fix=("Send several smaller requests. Entra's own are far below the limit.",),
        menu=CLIENT,
        retry="single",
        codes=(Code.TOO_LARGE,),
    ),
    Kind(
        name="media-type",
        title="Web form instead of SCIM",
        what="The Content-Type is that of a browser's form; SCIM is JSON.",
        fix=("Send the header Content-Type: application/scim+json. Entra does.",),
        menu=CLIENT,
        retry="nobody",
        codes=(Code.UNSUPPORTED_MEDIA,),
    ),
    Kind(
        name="not-http",
        title="Malformed HTTP request",
        what="The length or framing of the request is ambiguous, so it was rejected before processing. Usual sources "
        "are scanners, and proxies that rewrite requests.",
        fix=("Check how the reverse proxy rewrites requests. Entra's own are well formed.",),
        menu=PROXY,
        retry="nobody",
    ),
)
