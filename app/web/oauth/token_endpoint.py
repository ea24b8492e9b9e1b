"""This module serves POST /oauth/token (RFC 6749 §4.4, §5).

Only programs use it: no cookie is read or set.
"""

import json
import logging
from collections.abc import Mapping

from flask import Blueprint, Flask, current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app import bounds
from app.administration.credentials import access_tokens
from app.administration.credentials.access_tokens import NewToken, NotAuthenticated
from app.administration.credentials.federated_credentials import SignerAway, Signers
from app.scim.errors import Code, ScimError
from app.settings import Settings
from app.web.oauth.errors import NoToken, TokenCode
from app.web.oauth.token_request import TokenRequest, read_request
from app.web.request_log import record_draft
from app.web.security import ip_allow_list_check
from app.web.security.failed_request_counts import AddressFailures
from app.web.service_routing import TOKEN_ENDPOINT

SIGNERS = "recnice_signers"
FAILURES = "recnice_token_failures"

log = logging.getLogger(__name__)
oauth = Blueprint("oauth", __name__)


def init_app(app: Flask) -> None:
    """Register the token endpoint on the application, with its own counter of failures."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    app.extensions[SIGNERS] = Signers(settings.ca_file)
    app.extensions[FAILURES] = AddressFailures()
    app.register_blueprint(oauth)


def signers() -> Signers:
    """Return the current application's `Signers`."""
    signers: Signers = current_app.extensions[SIGNERS]
    return signers


@oauth.post(TOKEN_ENDPOINT)
def token() -> Response:
    """Return an access token, for exactly one proof of the client's identity."""
    request.max_content_length = bounds.TOKEN_REQUEST_BYTES
    client = read_request(request)
    if not client.has_proof:
        raise _not_authenticated(NotAuthenticated("missing", "No client authentication was sent"))
    try:
        new = _token(client, request.remote_addr or "")
    except NotAuthenticated as refused:
        raise _not_authenticated(refused) from None
    except SignerAway as away:
        # The log is the only place where an administrator sees the cause.
        record_draft.current().key_fault = "assertion"
        record_draft.current().error = ScimError(Code.UNAVAILABLE, sentence=str(away))
        raise NoToken(TokenCode.SIGNER_AWAY) from None
    ip_allow_list_check.note(g.source_policy, request.remote_addr or "")
    return _answered(200, {"access_token": new.text, "token_type": "Bearer", "expires_in": new.expires_s})


def _token(client: TokenRequest, address: str) -> NewToken:
    if client.assertion:
        return access_tokens.token_for_assertion(client.client_id, client.assertion, signers(), address)
    return access_tokens.token_for_secret(client.client_id, client.secret, address)


def _not_authenticated(refused: NotAuthenticated) -> NoToken:
    """Return one refusal for every invalid client, secret and assertion; only the log names the cause."""
    draft = record_draft.current()
    draft.key_fault, draft.key_id = refused.fault, refused.client_id
    failures: AddressFailures = current_app.extensions[FAILURES]
    wait_s = failures.count(request.remote_addr or "")
    draft.error = ScimError(Code.TOO_OFTEN if wait_s else Code.UNAUTHORIZED, sentence=str(refused))
    return NoToken(TokenCode.TOO_OFTEN, {"Retry-After": str(wait_s)}) if wait_s else NoToken(TokenCode.INVALID_CLIENT)


def refuse(error: Exception) -> Response:
    """Return the response for any failure of a request to the token endpoint."""
    refused = _refused(error)
    code = refused.code
    if record_draft.current().error is None:
        record_draft.current().error = (
            error if isinstance(error, ScimError) else ScimError(Code.of(code.status), sentence=str(refused))
        )
    return _answered(code.status, {"error": code.error, "error_description": str(refused)}, refused.headers)


def _refused(error: Exception) -> NoToken:
    if isinstance(error, NoToken):
        return error
    if isinstance(error, ScimError) and error.code is Code.SOURCE_REFUSED:
        return NoToken(TokenCode.SOURCE_REFUSED, detail=error.detail)
    if isinstance(error, ScimError):  # any error of the database
        return NoToken(TokenCode.UNAVAILABLE)
    status = (error.code or 500) if isinstance(error, HTTPException) else 500
    if status < 500:
        codes = {405: TokenCode.NOT_ALLOWED, 413: TokenCode.TOO_LARGE}
        return NoToken(codes.get(status, TokenCode.UNREADABLE))
    number = record_draft.current().number
    log.error("token request failed, number %s", number, exc_info=error)
    return NoToken(TokenCode.INTERNAL, number=number)


def _answered(status: int, document: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    answer = Response(json.dumps(document), status, headers, content_type="application/json")
    answer.headers["Pragma"] = "no-cache"  # RFC 6749 §5.1, in addition to the no-store of every response
    return answer
