"""This module serves the page of the setup link.

After the setup it answers 404.
"""

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from app import data_folder
from app.administration.accounts import first_administrator
from app.administration.accounts.first_administrator import USED_UP
from app.administration.errors import Refused
from app.web.console.shared.error_pages import NEW_SETUP_LINK, sentence, with_refusal
from app.web.security import browser_session, request_authentication


def setup() -> Response:
    """Ask for a name and a password, create the administrator, and sign in."""
    if first_administrator.is_set_up():
        abort(404)
    code = request.values.get("code", "")
    if not code:
        raise request_authentication.NotSetUp
    if not first_administrator.is_setup_code_open(code):
        return sentence(403, "Link not valid", f"{USED_UP} Create a new one with: {NEW_SETUP_LINK}")
    if request.method != "POST":
        return _page(code)
    user_name, password = request.form.get("user_name", ""), request.form.get("password", "")
    try:
        if password != request.form.get("repeated", ""):
            raise Refused("The two passwords differ.")
        token = first_administrator.claim_setup(code, user_name, password, browser_session.browser())
    except Refused as refused:
        return _page(code, user_name, refused)
    folder = current_app.config["RECNICE_SETTINGS"].data
    data_folder.note_set_up(folder)
    data_folder.remove_setup_links(folder)
    session.clear()
    answer = redirect(url_for("console.account"), 303)
    browser_session.set_cookie(answer, token)
    return answer


def _page(code: str, user_name: str = "", refused: Refused | None = None) -> Response:
    return with_refusal("setup.html", refused, code=code, user_name=user_name)
