"""This module serves the page of the IP allow list.

Who came, the allow list, and whether it is enforced.
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
from app.scim.errors import ScimError
from app.web.console.shared.blueprint import console
from app.web.console.shared.error_pages import with_refusal
from app.web.console.shared.formats import counted
from app.web.public_url import IGNORED
from app.web.security import request_authentication


@console.get("/sources")
def sources() -> str:
    """How addresses are held, the list, who came, and who was refused."""
    found = allow_list.source_list()
    listed = NetworkSet.of(one.network for one in found.listed)
    return render_template(
        "sources.html",
        found=found,
        refused=[(one, listed.has(one.address)) for one in _refused()],
        ignored_proxies=request.environ.get(IGNORED, ()),
    )


@console.post("/sources/mode")
def set_sources_mode() -> Response:
    """Watch, or hold nobody to the list any more; to enforce it has a page of its own."""
    wanted = {"off": Mode.OFF, "watch": Mode.WATCH}.get(request.form.get("mode", "")) or abort(400)
    allow_list.set_mode(wanted, request_authentication.actor())
    return redirect(url_for("console.sources"), 303)


@console.route("/sources/enforce", methods=["GET", "POST"])
def enforce_sources() -> Response:
    """Say who would be refused, then hold everybody to the list."""
    refused: Refused | None = None
    if request.method == "POST":
        try:
            allow_list.set_mode(Mode.ENFORCE, request_authentication.actor())
            return redirect(url_for("console.sources"), 303)
        except Refused as error:
            refused = error
    return with_refusal("enforce_sources.html", refused, found=allow_list.source_list())


@console.route("/sources/add", methods=["GET", "POST"])
def allow_networks() -> Response:
    """Put networks on the list: typed by hand, one that was refused, or what is proposed, to be looked through."""
    found = allow_list.source_list()
    if request.method != "POST":
        proposed = found.proposal if "proposal" in request.args else request.args.getlist("network")
        text = "\n".join(proposed)[: bounds.FORM_BYTES]
        return with_refusal("allow_networks.html", None, found=found, text=text, note="")
    text, note = request.form.get("networks", ""), request.form.get("note", "")
    try:
        added = allow_list.allow(text.replace(",", " ").split(), note, request_authentication.actor())
    except Refused as refused:
        return with_refusal("allow_networks.html", refused, found=found, text=text, note=note)
    flash(f"{counted(len(added), 'network is', 'networks are')} on the list now.")
    return redirect(url_for("console.sources"), 303)


@console.route("/sources/remove", methods=["GET", "POST"])
def remove_network() -> Response:
    """Say who would not be on the list any more, then take the network off it."""
    network, found = request.values.get("network", ""), allow_list.source_list()
    refused: Refused | None = None
    if request.method == "POST":
        try:
            allow_list.remove(network, request_authentication.actor())
            return redirect(url_for("console.sources"), 303)
        except Refused as error:
            refused = error
    listed = next((one for one in found.listed if one.network == network), None)
    if listed is None:
        abort(404)
    lost = _lost(found, network)
    return with_refusal("remove_network.html", refused, found=found, listed=listed, lost=lost)


def _lost(found: SourceList, network: str) -> list[str]:
    """The sources that only this network holds."""
    before = {one.address for one in found.unlisted}
    return [one.address for one in found.without(network).unlisted if one.address not in before]


def _refused() -> Sequence[RefusedSource]:
    """Nobody while the log cannot be read: then the page says so (base.html)."""
    since = clock.to_wire(clock.utc_now() - timedelta(days=bounds.SOURCE_DAYS))
    try:
        return refused_addresses.refused_sources(since)
    except ScimError as error:
        g.log_trouble = error.detail
        return []
