"""This module serves the page of the IP allow list.

It displays the mode, the allowed networks, and the IP addresses that sent a valid key.
"""

from collections.abc import Sequence
from datetime import timedelta

from flask import abort, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds, clock
from app.administration.errors import Refused
from app.administration.ip_allow_list import allow_list
from app.administration.ip_allow_list.allow_list import SourceList
from app.administration.ip_allow_list.enforcement import Mode
from app.ip_addresses import NetworkSet
from app.observation.problems import refused_addresses
from app.observation.problems.refused_addresses import RefusedSource
from app.quantities import counted
from app.scim.errors import ScimError
from app.web.console.shared.error_pages import with_refusal
from app.web.public_url import IGNORED
from app.web.security import browser_session


def ip_allow_list() -> str:
    """Show the mode, the list, the IP addresses that sent a valid key, and those that were refused."""
    source_list = allow_list.source_list()
    listed = NetworkSet.of(one.network for one in source_list.listed)
    return render_template(
        "ip_allow_list.html",
        source_list=source_list,
        refused=[(one, listed.has(one.address)) for one in _refused()],
        ignored_proxies=request.environ.get(IGNORED, ()),
    )


def set_ip_allow_list_mode() -> Response:
    """Set the mode to Monitor or Off; Enforce has its own page."""
    mode = {"off": Mode.OFF, "watch": Mode.WATCH}.get(request.form.get("mode", "")) or abort(400)
    allow_list.set_mode(mode, browser_session.actor())
    return redirect(url_for("console.ip_allow_list"), 303)


def enforce_ip_allow_list() -> Response:
    """Show which IP addresses would be refused, then enforce the list."""
    refused: Refused | None = None
    if request.method == "POST":
        try:
            allow_list.set_mode(Mode.ENFORCE, browser_session.actor())
            return redirect(url_for("console.ip_allow_list"), 303)
        except Refused as error:
            refused = error
    return with_refusal("enforce_ip_allow_list.html", refused, source_list=allow_list.source_list())


def allow_networks() -> Response:
    """Add networks to the list: typed, refused before, or proposed."""
    source_list = allow_list.source_list()
    if request.method != "POST":
        proposed = source_list.proposal if "proposal" in request.args else request.args.getlist("network")
        text = "\n".join(proposed)[: bounds.FORM_BYTES]
        return with_refusal("allow_networks.html", None, source_list=source_list, text=text, note="")
    text, note = request.form.get("networks", ""), request.form.get("note", "")
    try:
        added = allow_list.allow(text.replace(",", " ").split(), note, browser_session.actor())
    except Refused as refused:
        return with_refusal("allow_networks.html", refused, source_list=source_list, text=text, note=note)
    flash(f"Added {counted(len(added), 'network')}.")
    return redirect(url_for("console.ip_allow_list"), 303)


def remove_network() -> Response:
    """Show which IP addresses would no longer be allowed, then remove the network from the list."""
    network, source_list = request.values.get("network", ""), allow_list.source_list()
    refused: Refused | None = None
    if request.method == "POST":
        try:
            allow_list.remove(network, browser_session.actor())
            return redirect(url_for("console.ip_allow_list"), 303)
        except Refused as error:
            refused = error
    listed = next((one for one in source_list.listed if one.network == network), None)
    if listed is None:
        abort(404)
    lost = _lost(source_list, network)
    return with_refusal("remove_network.html", refused, source_list=source_list, listed=listed, lost=lost)


def _lost(source_list: SourceList, network: str) -> list[str]:
    """Return the IP addresses that only this network allows."""
    before = {one.address for one in source_list.unlisted}
    return [one.address for one in source_list.without(network).unlisted if one.address not in before]


def _refused() -> Sequence[RefusedSource]:
    """Return the refused IP addresses; none while the log cannot be read, which the page then says (base.html)."""
    since = clock.to_wire(clock.utc_now() - timedelta(days=bounds.SOURCE_DAYS))
    try:
        return refused_addresses.refused_sources(since)
    except ScimError as error:
        g.log_trouble = error.detail
        return []
