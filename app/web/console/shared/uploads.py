"""This module keeps uploaded files in memory."""

from io import BytesIO
from typing import IO

from flask import Flask, Request


class RequestInMemory(Request):
    """werkzeug puts a larger file into the system's folder for temporary ones; here each is small enough for memory."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


def init_app(app: Flask) -> None:
    """Let the application's requests be such ones."""
    app.request_class = RequestInMemory
