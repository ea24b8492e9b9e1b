"""This module answers the requests that Entra sends most often, without Flask.

It only accepts: GET, POST, PATCH and DELETE of resources, lists by one value of one attribute, and pages of all users,
in their usual form. The answers are those of app/web/scim/resource_endpoints.py. Flask answers everything else, every
refusal included, as if this module had not seen the request (docs/decisions/0052-frequent-requests-bypass-flask.md).
"""

import io
import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from app import bounds, current_application
from app.administration.credentials import scim_access
from app.request_record import GUID
from app.scim.errors import Code, ScimError
from app.scim.resource_types import ResourceType
from app.settings import Settings
from app.web import service_routing
from app.web.request_log import record_draft
from app.web.scim import list_endpoints, query_parameters
from app.web.scim.list_endpoints import ListReading
from app.web.scim.request_response import MEDIA_TYPE, Answer
from app.web.scim.resource_endpoints import COLLECTION, ID_ROUTE, SINGLE
from app.web.scim.scim_request import ScimRequest
from app.web.security import request_authentication, response_headers
from app.web.service_routing import ROOTS, RequestTarget, Service

_PATH = re.compile(rf"({'|'.join(ROOTS)})(/[A-Za-z]+)(?:/({GUID}))?")
_PAGE = re.compile(r"(?:(?:startIndex|count)=[0-9]{1,9}(?:&|\Z))*")
_MEDIA_TYPES = frozenset({"application/scim+json", "application/json"})
_UNUSUAL = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_UPGRADE", "HTTP_TRANSFER_ENCODING", "HTTP_COOKIE"})
_LENGTH = re.compile("[0-9]{1,9}", re.ASCII)
_STATUSES = {status: f"{status} {HTTPStatus(status).phrase.upper()}" for status in (200, 201, 204)}  # as Werkzeug


class _Unusual(Exception):  # noqa: N818  # no error: Flask answers the request
    """The body is not what its headers say, or the answer is too long."""


class HotRoutes:
    """The WSGI middleware that answers frequent requests: `app.wsgi_app = HotRoutes(app, settings)`."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._flask: WSGIApplication = app.wsgi_app
        self._public_url = settings.public_url
        self._headers = response_headers.scim_headers(settings)
        self._routes = {
            (root, one.endpoint): _Route(one, root, settings.public_url + root)
            for root in ROOTS
            for one in app.config["RECNICE_RESOURCE_TYPES"]
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = self._read(environ)
        answer = self._answer(environ, *call) if call else None
        if not answer:
            return self._flask(environ, start_response)
        status, pieces, headers = answer
        if pieces is None:
            start_response(_STATUSES[status], [*headers.items(), *self._headers])
            return []
        body = "".join(pieces).encode()
        of_body = ("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))
        start_response(_STATUSES[status], [*of_body, *headers.items(), *self._headers])
        return [body]

    def _read(self, environ: WSGIEnvironment) -> tuple[ScimRequest, Callable[..., Answer], tuple[Any, ...]] | None:
        """Return a request, still without its sender, the function that answers it, and what it is about.

        None for an unusual one.
        """
        match = _PATH.fullmatch(environ["PATH_INFO"])
        route = self._routes.get((match[1], match[2])) if match else None
        if match is None or route is None or not environ.keys().isdisjoint(_UNUSUAL):
            return None
        method: str = environ["REQUEST_METHOD"]
        request = ScimRequest(
            method, self._public_url + match[1], environ.get("QUERY_STRING", ""), record_draft.of(environ)
        )
        if not request.query.isascii():
            return None
        if method in ("POST", "PATCH") and not _has_usual_body(environ, request):
            return None
        if match[3] is not None:
            environ[service_routing.PLACE] = route.single
            is_usual = method in ("GET", "PATCH", "DELETE")
            return (request, SINGLE[method], (route.resource_type, match[3])) if is_usual else None
        environ[service_routing.PLACE] = route.collection
        if method == "GET" and (reading := route.lookup(request.query)):
            return request, list_endpoints.answer, (reading,)
        # Without members, which may be too many for one text in memory.
        is_page = not route.resource_type.has_members and _PAGE.fullmatch(request.query) is not None
        is_usual = method == "POST" or (method == "GET" and is_page)
        return (request, COLLECTION[method], (route.resource_type,)) if is_usual else None

    def _answer(
        self, environ: WSGIEnvironment, request: ScimRequest, verb: Callable[..., Answer], about: tuple[Any, ...]
    ) -> Answer | None:
        """Return the answer to a request; None if it is refused.

        An error of this server is passed to Flask, which does not try again: the work may be done already.
        """
        address = environ.get("REMOTE_ADDR", "")
        token = request_authentication.bearer_token(environ.get("HTTP_AUTHORIZATION", ""))
        application = current_application.extensions.set(self._app.extensions)
        try:
            access = scim_access.recall(token, address)
            if access is None or not access.bearer.is_valid:
                return None
            request.generation, request.actor = access.generation, access.bearer.author
            answer = _in_memory(verb(request, *about), request.method)
            request_authentication.note_access(access, address, request.draft)  # now the generation is known
            return answer
        except _Unusual:
            record_draft.renew(environ)
        except Exception as error:
            if isinstance(error, ScimError) and error.status < 500 and error.code is not Code.TOO_MANY:
                record_draft.renew(environ)
            else:
                environ[request_authentication.FAILURE] = error
        finally:
            current_application.extensions.reset(application)
        return None


def _in_memory(answer: Answer, method: str) -> Answer:
    """Return an answer whose text is complete. Raises _Unusual for a long one of a GET: Flask sends it as a file."""
    if answer.pieces is None:
        return answer
    length, pieces = 0, []
    for piece in answer.pieces:
        pieces.append(piece)
        length += len(piece)
        if length > bounds.ANSWER_IN_MEMORY_LENGTH and method == "GET":
            raise _Unusual
    return Answer(answer.status, pieces, answer.headers)


class _Route:
    """The routes of one resource type below one root, as Flask has them, for the request log.

    `base` is the public URL of the root.
    """

    def __init__(self, resource_type: ResourceType, root: str, base: str) -> None:
        self.resource_type = resource_type
        path = root + resource_type.endpoint
        self.collection = RequestTarget(Service.SCIM, path)
        self.single = RequestTarget(Service.SCIM, path + ID_ROUTE)
        self._lookup = lru_cache(bounds.LOOKUPS_REMEMBERED)(partial(list_endpoints.lookup, resource_type, base))

    def lookup(self, query: str) -> ListReading | None:
        """Return what a query selects whose only quoted text is the value of an attribute; None for another one.

        What surrounds the text is read once for all requests.
        """
        quote = "%22" if "%22" in query else '"'
        before, _, rest = query.partition(quote)
        text, closing, after = rest.partition(quote)
        if not closing or "&" in text or len(query) > bounds.FILTER_LENGTH:
            return None
        read = self._lookup(before + quote, quote + after)
        return read(query_parameters.decoded(text)) if read else None


def _has_usual_body(environ: WSGIEnvironment, request: ScimRequest) -> bool:
    """Return whether a body is announced as JSON with a length that may be read, and let the request read it."""
    length_text: str = environ.get("CONTENT_LENGTH", "")
    request.media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if request.media_type not in _MEDIA_TYPES or not _LENGTH.fullmatch(length_text):
        return False
    length = int(length_text)

    def read() -> bytes:
        body: bytes = environ["wsgi.input"].read(-1 if "wsgi.input_terminated" in environ else length)
        environ["wsgi.input"] = io.BytesIO(body)  # for Flask, if it has to answer
        if len(body) != length:
            raise _Unusual
        return body

    request.read = read
    return length <= bounds.BODY_BYTES
