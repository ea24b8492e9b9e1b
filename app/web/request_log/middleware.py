"""This module records every SCIM and token request, as the outermost WSGI layer.

It measures the duration, adds the request ID (X-Request-Id) to each response below /scim, writes each refusal as one
line to the program's log, and passes the request to the recorder.
"""

import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, current_app

from app import bounds, clock
from app.ip_addresses import read_address
from app.observation.guard import Guard, Limits
from app.observation.request_recorder import Recorder
from app.request_record import Request
from app.scim.errors import ScimError
from app.scim.resource_types import ResourceType
from app.settings import Settings
from app.web import service_routing
from app.web.request_log import path_kinds, record_draft
from app.web.request_log.record_draft import Draft
from app.web.request_log.redacted_record import requests_of
from app.web.service_routing import RequestTarget, Service

HEADER = "X-Request-Id"
EXTENSION = "recnice_observed"

log = logging.getLogger("recnice.scim")


class Observed:
    """The WSGI middleware that records requests: `app.wsgi_app = Observed(app.wsgi_app, …)`, around all others."""

    def __init__(self, application: WSGIApplication, recorder: Recorder, app: Flask, is_https: bool) -> None:
        self.recorder = recorder
        self._application = application
        self._types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
        self._urls = app.url_map
        self._is_https = is_https

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        record_draft.of(environ).at = clock.to_wire(clock.utc_now())

        def answer(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            draft = record_draft.of(environ)  # not the same if the record began again
            draft.status = int(status[:3])
            if service_routing.of(environ, self._urls).service is Service.SCIM:
                headers = [*headers, (HEADER, draft.number)]
            return start_response(status, headers, *more)

        answered = self._application(environ, answer)
        draft = record_draft.of(environ)
        target = service_routing.of(environ, self._urls)
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        draft.method, draft.path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        draft.has_proof = bool(authorization) if target.service is Service.TOKEN else has_scheme(authorization)
        if target.service is Service.SCIM or self._is_recorded(target.service, draft):
            draft.query, draft.address = environ.get("QUERY_STRING", ""), environ.get("REMOTE_ADDR", "")
            draft.is_plain_http = self._is_https and _is_readable_on_its_way(environ)
            self._note(draft, target, (time.perf_counter() - began) * 1_000)
        return answered

    def _is_recorded(self, service: Service, draft: Draft) -> bool:
        """Return whether a request outside /scim is a SCIM client's at a wrong URL, or was refused an access token."""
        if service is Service.TOKEN:
            return draft.status >= 400 and draft.status != 405  # a browser's GET is not from a client
        return draft.has_proof or (draft.status == 404 and path_kinds.is_scim_client(draft.path, self._types))

    def refuse(self, method: str, path: str, error: ScimError, address: str, has_proof: bool) -> str:
        """Record a request that the server refused before the application; return its request ID, "" if not recorded.

        `has_proof`: whether it has an Authorization header.
        """
        target = service_routing.at(path, self._urls)
        if target.service is not Service.SCIM and not path_kinds.is_scim_client(path, self._types):
            return ""
        draft = Draft(method=method, path=path, status=error.status, error=error, address=address, has_proof=has_proof)
        draft.at = clock.to_wire(clock.utc_now())
        self._note(draft, target, 0.0)
        return draft.number

    def _note(self, draft: Draft, target: RequestTarget, duration_ms: float) -> None:
        """Record a request. Every exception is only logged, since a failure here must not prevent a response."""
        try:
            requests = requests_of(draft, target, duration_ms)
            sent_bytes = len(draft.body) // len(requests)
            kept = [self.recorder.note(request, sent_bytes) for request in requests]
            if requests[0].is_refused and (kept[0] or requests[0].has_key):
                _say(requests[0])
        except Exception:
            log.exception("request %s could not be noted", draft.number)


def _is_readable_on_its_way(environ: WSGIEnvironment) -> bool:
    """Return whether a request was sent unencrypted over a network, where others can read it; not over loopback."""
    return environ.get("wsgi.url_scheme") == "http" and not _is_loopback(environ.get("REMOTE_ADDR", ""))


@lru_cache(bounds.ADDRESSES_REMEMBERED)
def _is_loopback(text: str) -> bool:
    address = read_address(text)
    return address is not None and address.is_loopback


def has_scheme(authorization: str) -> bool:
    """Return whether an Authorization header has the scheme Bearer, with any token (RFC 6750 §2.1)."""
    return authorization[:7].lower() == "bearer "


def _say(request: Request) -> None:
    words = (request.method, request.path, str(request.status), request.scim_type, request.attribute)
    text = " ".join(word for word in words if word)
    if request.status >= 500:  # the log counts warnings of one cause, such as a full disk (log_events.py)
        log.warning("request %s refused: %s", request.number, text)
    else:
        log.info("request %s refused: %s", request.number, text)


def init_app(app: Flask, settings: Settings) -> None:
    """Wrap the application in the recording middleware; call this last."""
    app.config["RECNICE_GUARD_LIMITS"] = limits = Limits(
        settings.guard_people,
        settings.guard_people_percent,
        settings.guard_members,
        settings.guard_members_percent,
        settings.guard_learning_days,
    )
    types = app.config["RECNICE_RESOURCE_TYPES"]
    recorder = Recorder(app.app_context, settings.request_days, types, Guard(limits))
    app.extensions[EXTENSION] = observer = Observed(app.wsgi_app, recorder, app, settings.is_https)
    app.wsgi_app = observer  # type: ignore[method-assign]


def of(app: Flask) -> Observed:
    """Return the recording middleware of an application."""
    observer: Observed = app.extensions[EXTENSION]
    return observer


def recorder() -> Recorder:
    """Return the recorder of the current application."""
    return of(current_app).recorder
