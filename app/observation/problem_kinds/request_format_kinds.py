"""This module declares the kinds of problem of a request's form: body, filter, path, size."""

from app.observation.problem_kinds.problem_kind import MAPPINGS, PROXY, Asked, Kind, code_of
from app.observation.problem_kinds.value_kinds import asks_for_list
from app.scim.errors import Code

CLIENT = "The client that sent it"
PAGING = (Code.INVALID_CURSOR, Code.EXPIRED_CURSOR, Code.INVALID_COUNT)
FILTERS = (Code.INVALID_FILTER, Code.UNUSABLE_FILTER)
OF_LISTS = ("invalidValue", "invalidPath")


def _is_paging(request: Asked) -> bool:
    code = code_of(request)
    return code in PAGING or (code.scim_type in OF_LISTS and asks_for_list(request))


KINDS = (
    Kind(
        name="filter-not-understood",
        title="A search was not understood",
        what="The filter has a form, an attribute or a comparison that is not possible. Entra builds its match query "
        "from the matching attribute.",
        fix=(
            "See which attribute has Match objects using this attribute, and map it to userName or externalId.",
            "If a value holds a quotation mark or a backslash, Entra itself spoils the filter: change the value.",
        ),
        menu=MAPPINGS,
        retry="single",
        codes=FILTERS,
        fits=lambda request: request.method != "PATCH",
    ),
    Kind(
        name="paging",
        title="A list was asked for in a way that is not possible",
        what="The number of a page, the cursor, the order or the list of attributes cannot be used.",
        fix=("Begin the list anew from its first page, with the parameters that the reason names.",),
        menu=CLIENT,
        retry="nobody",
        fits=_is_paging,
    ),
    Kind(
        name="path-not-understood",
        title="The path of a change was not understood",
        what="The target attribute of a mapping is not written as SCIM writes paths.",
        fix=('Correct the target attribute; this is a right one: emails[type eq "work"].value.',),
        menu=f"{MAPPINGS} › Show advanced options › Edit attribute list",
        retry="single",
        codes=(Code.INVALID_PATH, Code.UNUSABLE_PATH, *FILTERS),
    ),
    Kind(
        name="body-not-understood",
        title="A message was not understood",
        what="The body is no JSON, or has not the structure of a SCIM message. Entra's own messages have it; a reverse "
        "proxy that cuts or rewrites bodies spoils them.",
        fix=("See that the reverse proxy passes bodies on unchanged.",),
        menu=PROXY,
        retry="single",
        codes=(Code.INVALID_SYNTAX, Code.UNRESOLVED_REFERENCE),
    ),
    Kind(
        name="too-many",
        title="Too much was asked for at once",
        what="More operations than are worked on in one request, or a search that takes too long.",
        fix=("Send it in several requests. Entra's own are far below the bound.",),
        menu=CLIENT,
        retry="single",
        codes=(Code.TOO_MANY, Code.TOO_MANY_OPERATIONS),
    ),
    Kind(
        name="body-too-large",
        title="A message was too large",
        what="The body has more bytes than one request may have.",
        fix=("Send it in several requests. Entra's own are far below the bound.",),
        menu=CLIENT,
        retry="single",
        codes=(Code.TOO_LARGE,),
    ),
    Kind(
        name="media-type",
        title="A web form was sent instead of SCIM",
        what="The body says that it is a browser's form; SCIM is JSON.",
        fix=("Send the header Content-Type: application/scim+json. Entra does.",),
        menu=CLIENT,
        retry="nobody",
        codes=(Code.UNSUPPORTED_MEDIA,),
    ),
    Kind(
        name="not-http",
        title="A request was no well-formed HTTP",
        what="Two readers could understand it differently, so it is refused before anything is done.",
        fix=("See what the reverse proxy makes of requests. Entra's own are well formed.",),
        menu=PROXY,
        retry="nobody",
    ),
)
