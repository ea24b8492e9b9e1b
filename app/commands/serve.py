"""`serve`: prepare the folder, have it, bring the database up to date, say where to go, serve until told to stop.

Not here: each of those steps.
"""

import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import click

from app import bundle, exits, folder, logs, process
from app.commands.options import taking
from app.settings import EVERY_ADDRESS, Settings, url_of
from app.version import VERSION

log = logging.getLogger("recnice.serve")


@click.command()
@taking()
def serve(settings: Settings) -> int:
    """Run the appliance (the default command)."""
    logs.to_stderr()
    process.keep_private()
    process.mark_unpacked(bundle.ROOT)
    process.give_back_memory()
    open_files = process.raise_open_files()
    for line in folder.prepare(settings.data):
        log.warning(line)
    with folder.held(settings.data, "serve") as hold:
        bound = _bind(settings)
        if bundle.FROZEN:
            for path in process.sweep(bundle.ROOT, str(bundle.MIGRATIONS.relative_to(bundle.ROOT))):
                log.info("removed %s, left behind by a killed process", path)
        if settings.one_cpu:
            process.stay_on_one_cpu()
        settings = settings.on_port(bound.getsockname()[1])
        _run(settings, bound, open_files, hold)
    return exits.DONE


def _bind(settings: Settings) -> socket.socket:
    """The socket, before the database is touched. Ends with exit code 75 (taken) or 78 (never to be had)."""
    from app import server

    try:
        return server.bind(settings.listen)
    except OSError as error:
        host, port = settings.listen
        code = exits.TRY_AGAIN if error.errno == errno.EADDRINUSE else exits.CONFIGURATION
        raise exits.CommandError(f"listen: {host} port {port}: {error.strerror or error}", code) from None


def _run(settings: Settings, bound: socket.socket, open_files: int, hold: folder.Hold) -> None:
    from app import administration, create_app, server
    from app.administration import grants
    from app.observation import first_mentions
    from app.store import db, declarations, requests, shelf
    from app.web import observed, security

    app = create_app(settings)
    for line in (*db.migrate(settings.database), *requests.prepare(settings.requests_database)):
        log.warning(line)
    with app.app_context():
        for line in shelf.settle(app.config["RECNICE_RESOURCE_TYPES"], grants.settle):
            log.info(line)
        with db.reading() as connection:
            missing = [schema.sentence for schema in declarations.missing(connection)]
    running = server.Server(
        app.wsgi_app,
        bound,
        threads=settings.threads,
        base_path=settings.base_path,
        on_refusal=observed.of(app).refuse,
        body_bytes=security.body_bytes(app),
        connections=server.connections_for(open_files),
    )
    server.stop_on_signals(running)
    urls = urls_of(settings)
    hold.note(folder.Holder(os.getpid(), "serve", settings.public_url, urls))
    folder.remove_setup_links(settings.data)
    links = []
    with app.app_context():
        if not administration.is_set_up():
            links = make_setup_links(settings, urls)
    observed.of(app).recorder.start()
    first_mentions.note_in_background(app.app_context, app.config["RECNICE_RESOURCE_TYPES"])
    _announce(settings, links)
    for line in (*cautions(settings), *missing):
        log.warning(line)
    log.info("serving at %s", settings.public_url)
    running.run()
    observed.of(app).recorder.close()
    server.ignore_signals()
    log.info("stopped")


def urls_of(settings: Settings) -> list[str]:
    """Return the URLs by which browsers reach the server: without a public URL, one for each known address."""
    host, port = settings.listen
    if host not in EVERY_ADDRESS or settings.public_url != url_of(settings.listen):
        return [settings.public_url]
    # A datagram socket sends nothing here: the system only chooses the address that it would send from.
    ways = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")][: 1 if host == "0.0.0.0" else 2]
    addresses = []
    for family, elsewhere in ways:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((elsewhere, 9))
            addresses.append(asked.getsockname()[0])
    return list(dict.fromkeys([*(url_of((address, port)) for address in addresses), settings.public_url]))


def make_setup_links(settings: Settings, urls: Sequence[str]) -> list[str]:
    """Return the links that make the first operator, with a new code; they stand in a file of the data folder too.

    Needs an application context. Raises administration.Refused when there is an operator.
    """
    from app import administration

    code = administration.create_setup_code()
    links = [f"{url}/setup?code={code}" for url in urls]
    try:
        folder.write_setup_links(settings.data, links)
    except (OSError, folder.FolderError) as error:
        log.warning("the setup link is in no file: %s", error)
    return links


def _announce(settings: Settings, setup_links: Sequence[str]) -> None:
    """Say on standard output what an administrator needs to go on; at once, also into a pipe."""
    click.echo(f"Recnice SCIM {VERSION}")
    click.echo(f"Data folder: {settings.data}")
    click.echo(f"Address:     {settings.public_url}/")
    click.echo(f"Tenant URL:  {settings.tenant_url}")
    if setup_links:
        another = settings.command("setup-link")
        click.echo(f"Make the first operator here (valid for one hour, once; a new one: {another}):")
        click.echo("\n".join(setup_links))


def cautions(settings: Settings) -> list[str]:
    """What is allowed, but seldom meant."""
    lines = []
    host = settings.listen[0]
    if not _is_this_machine(host):
        lines.append(f"listening on {host}: other machines reach it without TLS; a reverse proxy should stand in front")
    if not settings.is_https and not _is_this_machine(urlsplit(settings.public_url).hostname or ""):
        lines.append("public_url is not https: keys and passwords travel in the clear, and Entra wants https")
    return lines


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
