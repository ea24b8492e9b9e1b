"""This module adds the response headers that restrict what a browser may do."""

from flask import Flask, request
from werkzeug.wrappers import Response

from app.settings import Settings
from app.web import service_routing
from app.web.service_routing import Service

CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SCIM_POLICY = "default-src 'none'; frame-ancestors 'none'"
ABILITIES = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment", "usb")
ONE_YEAR_S = 365 * 24 * 60 * 60


def init_app(app: Flask, settings: Settings) -> None:
    """Add the headers to every response of the application, refusals included."""
    of_scim, of_others = (_headers(settings, service) for service in (Service.SCIM, Service.CONSOLE))

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in of_scim if service_routing.current() is Service.SCIM else of_others:
            response.headers[name] = value
        # The version is in a static file's URL, so the content of such a URL never changes.
        if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
            response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_S}, immutable"
        return response


def scim_headers(settings: Settings) -> list[tuple[str, str]]:
    """Return the headers of every response of the SCIM service."""
    return _headers(settings, Service.SCIM)


def _headers(settings: Settings, service: Service) -> list[tuple[str, str]]:
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    if settings.is_https:
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_S}"
    headers["Content-Security-Policy"] = SCIM_POLICY if service is Service.SCIM else CONSOLE_POLICY
    if service is not Service.SCIM:
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = ", ".join(f"{ability}=()" for ability in ABILITIES)
    return list(headers.items())
