"""This module sets and reads the console's cookies."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from app.settings import Settings


def give(response: Response, name: str, value: str, max_age: int | None = None) -> None:
    """Set a cookie for `max_age` seconds; None: until the browser is closed."""
    response.set_cookie(full_name(_settings(), name), value, max_age=max_age, **_attributes())


def take(response: Response, name: str) -> None:
    """Delete a cookie in the browser."""
    response.delete_cookie(full_name(_settings(), name), **_attributes())


def sent(name: str) -> str:
    """Return the value of a cookie that the browser sent, or ""."""
    return request.cookies.get(full_name(_settings(), name), "")


def full_name(settings: Settings, name: str) -> str:
    """Return a cookie's name with the prefix by which a browser keeps other hosts from setting it.

    `__Host-` requires the path /, so below a sub-path the prefix is `__Secure-`. Plain HTTP allows no prefix.
    """
    if not settings.is_https:
        return name
    return f"__Secure-{name}" if settings.base_path else f"__Host-{name}"


def _attributes() -> dict[str, Any]:
    settings = _settings()
    return {"path": settings.base_path or "/", "secure": settings.is_https, "httponly": True, "samesite": "Lax"}


def _settings() -> Settings:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return settings
