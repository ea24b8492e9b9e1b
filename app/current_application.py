"""This module finds what belongs to the application that a thread works for, also where Flask has no context.

A context of Flask takes longer than a frequent request may (app/web/hot_routes.py).
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from flask import current_app

extensions: ContextVar[Mapping[str, Any] | None] = ContextVar("extensions", default=None)
"""The `extensions` of an application without a context of Flask; None where there is one."""


def extension(name: str) -> Any:
    """Return what the current application has under a name. Raises RuntimeError without an application."""
    known = extensions.get()
    return (current_app.extensions if known is None else known)[name]
