"""This module implements `serve`, which prepares the folder, migrates, prints the URLs, and serves until stopped."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from app import bundled_files, data_folder, exit_codes, file_swap, file_systems, log_events, process
from app.commands.shared.data_folder import migrate
from app.commands.shared.options import command_line, taking, with_console
from app.ip_addresses import read_address
from app.settings import EVERY_ADDRESS, Settings, url_of
from app.version import VERSION

if TYPE_CHECKING:
    from app.metrics.metrics_server import MetricsServer
    from app.restoration.console_restore import ConsoleRestore

log = logging.getLogger("recnice.serve")


@click.command()
@click.option("--new", "is_new", is_flag=True, help="Begin with an empty directory where the database is missing.")
@taking()
def serve(settings: Settings, is_new: bool) -> int:
    """Run the server (the default command)."""
    process.keep_private()
    _start_log(settings)
    process.mark_unpacked(bundled_files.ROOT)
    process.check_address_space(settings.threads)
    process.give_back_memory()
    open_files = process.raise_open_files()
    _refuse_network_folder(settings)
    for line in data_folder.prepare(settings.data):
        log.warning(line)
    with data_folder.hold(settings.data, "serve") as note:
        with process.without_garbage_collection():
            bound = _bind(settings)
        if bundled_files.FROZEN:
            marker = str(bundled_files.MIGRATIONS.relative_to(bundled_files.ROOT))
            for path in process.sweep(bundled_files.ROOT, marker):
                log.info("removed %s, left behind by a killed process", path)
        if settings.one_cpu:
            process.stay_on_one_cpu()
        if is_new:
            _begin_again(settings)
        settings = settings.on_port(bound.getsockname()[1])
        _serve(settings, bound, open_files, note)
    return exit_codes.DONE


def _refuse_network_folder(settings: Settings) -> None:
    """Raise FolderError for a data folder on a network file system, unless the settings accept it."""
    kind = "" if settings.network_folder else file_systems.network_type(settings.data)
    if kind:
        raise data_folder.FolderError(
            f"data folder {settings.data} is on a network file system ({kind}), where SQLite can lose data: "
            "use a folder on a local disk, or set network_folder"
        )


def _begin_again(settings: Settings) -> None:
    """Let the folder be as one that was never set up, and keep the former request log. Raises FolderError."""
    from app.store.request_log import log_database_file

    data_folder.begin_again(settings.data)
    if settings.requests_database.exists():
        log_database_file.put_aside(settings.requests_database)


def _start_log(settings: Settings) -> None:
    """Start the log. Raises CommandError for a log file that cannot be written."""
    try:
        log_events.start(settings.log_file, settings.log_format, settings.log_level)
    except OSError as error:
        code = exit_codes.TRY_AGAIN if error.errno == errno.ENOSPC else exit_codes.CONFIGURATION
        raise exit_codes.CommandError(f"log_file: {settings.log_file}: {error.strerror or error}", code) from None


def _bind(settings: Settings) -> socket.socket:
    """Return the listening socket; to be called before the database is opened.

    Raises CommandError with exit code 75 if the port is in use, and 78 if it cannot be used at all.
    """
    from app.http_server import server

    try:
        return server.bind(settings.listen)
    except OSError as error:
        host, port = settings.listen
        code = exit_codes.TRY_AGAIN if error.errno == errno.EADDRINUSE else exit_codes.CONFIGURATION
        raise exit_codes.CommandError(f"listen: {host} port {port}: {error.strerror or error}", code) from None


def _serve(
    settings: Settings, bound: socket.socket, open_files: int, note: Callable[[data_folder.Holder], None]
) -> None:
    """Run the server until it is stopped; after a restore in the console, with a new application on the same socket."""
    from app.restoration.console_restore import ConsoleRestore

    restore = ConsoleRestore(settings)
    listening: socket.socket | None = bound
    while listening is not None:
        file_swap.finish(settings.data)
        # After the swap: before it, there may be no database at its path.
        current = with_console(settings, log.warning)
        log_events.set_level(current.log_level)
        listening = _run(current, listening, open_files, note, restore)


def _run(
    settings: Settings,
    bound: socket.socket,
    open_files: int,
    note: Callable[[data_folder.Holder], None],
    restore: ConsoleRestore,
) -> socket.socket | None:
    """Run one application until it is stopped. Return the socket where a restore wants another one, else None."""
    from app import create_app
    from app.administration import installation
    from app.administration.accounts import first_administrator
    from app.administration.roles import granted_roles
    from app.http_server import server
    from app.jobs import scheduler
    from app.observation.directory import last_seen
    from app.store.database import directory_database, file_watch
    from app.store.directory import declared_attributes, rebuild_derived_rows
    from app.store.request_log import log_database, log_database_file
    from app.web import console
    from app.web.console.system import health_endpoints
    from app.web.request_log import middleware
    from app.web.security import request_authentication

    with process.without_garbage_collection():
        app = create_app(settings)
    may_be_new = data_folder.may_be_new(settings.data)
    for line in migrate(settings, may_be_new):
        log.warning(line)
    watch = file_watch.FileWatch(settings.database, partial(_abandon_database, app.app_context, settings), restore.look)
    for line in log_database_file.prepare(settings.requests_database):
        log.warning(line)
    with app.app_context():
        for line in rebuild_derived_rows.rebuild(app.config["RECNICE_RESOURCE_TYPES"], granted_roles.settle):
            log.info(line)
        for line in installation.note_start(app.config["SECRET_KEY"], settings.schemas):
            log.warning(line)
        with directory_database.reading() as connection:
            missing = [schema.sentence for schema in declared_attributes.missing(connection)]
        if may_be_new and installation.is_in_use():
            data_folder.note_set_up(settings.data)
    running = server.Server(
        app.wsgi_app,
        bound,
        threads=settings.threads,
        base_path=settings.base_path,
        on_refusal=middleware.of(app).refuse,
        body_bytes=request_authentication.body_bytes(app),
        connections=server.connections_for(open_files),
        use_while_waiting=directory_database.use_while_waiting,
    )
    has_signal = server.stop_on_signals(running)
    kept: list[socket.socket] = []

    def begin_again() -> None:
        kept.append(bound.dup())  # the server closes its own; connections wait here for the next one
        running.stop()

    restore.init_app(app, begin_again)
    urls = urls_of(settings)
    note(data_folder.Holder(os.getpid(), "serve", settings.public_url, urls, url_of(settings.listen)))
    data_folder.remove_setup_links(settings.data)
    links = []
    with app.app_context():
        if not first_administrator.is_set_up():
            links = make_setup_links(settings, urls)
        jobs = scheduler.current()
    middleware.of(app).recorder.start()
    last_seen.fill_in_background(app.app_context, app.config["RECNICE_RESOURCE_TYPES"])
    console.load_in_background(app)
    _announce(settings, links)
    for line in (*cautions(settings), *missing):
        log.warning(line)
    readiness = app.extensions[health_endpoints.EXTENSION]
    context, recorder, queues = app.app_context, middleware.of(app).recorder, running.queue_lengths
    metrics = _metrics_server(settings.metrics_listen, context, settings, recorder, readiness, queues)
    log.info("serving at %s", settings.public_url)
    watch.start()
    jobs.start()
    stop_alerts = console.send_alerts_in_background(app)
    running.run()
    jobs.stop()
    watch.stop()
    stop_alerts()
    if metrics:
        metrics.stop()
    middleware.of(app).recorder.close()
    if kept:
        server.default_signals()
        with app.app_context():
            directory_database.file.close()
            log_database.file.close()
    if restore.finish() and not has_signal():
        return kept[0]
    server.ignore_signals()
    log.info("stopped")
    return None


def _metrics_server(listen: tuple[str, int] | None, *values: Any) -> MetricsServer | None:
    """Return the server of /metrics, started; None if it is off. `values`: those of MetricCollector.

    Raises CommandError if its address cannot be used.
    """
    if listen is None:
        return None
    from app.metrics.metric_collector import MetricCollector
    from app.metrics.metrics_server import MetricsServer

    host, port = listen
    try:
        metrics = MetricsServer(listen, MetricCollector(*values))
    except OSError as error:
        code = exit_codes.TRY_AGAIN if error.errno == errno.EADDRINUSE else exit_codes.CONFIGURATION
        raise exit_codes.CommandError(f"metrics_listen: {host} port {port}: {error.strerror or error}", code) from None
    metrics.start()
    log.info("serving metrics at %s/metrics", url_of((host, metrics.port)))
    return metrics


def _abandon_database(context: Callable[[], AbstractContextManager[object]], settings: Settings) -> None:
    """Refuse every request that needs the database, whose file was removed or replaced, also at the next start."""
    from app.store.database import directory_database, file_watch

    with context():
        directory_database.file.abandon(file_watch.LOST)
    log.critical("%s was removed or replaced: every request gets 503", settings.database)
    data_folder.note_loss(settings.data)


def urls_of(settings: Settings) -> list[str]:
    """Return the URLs by which browsers reach the server: without a public URL, one for each known IP address."""
    host, port = settings.listen
    if host not in EVERY_ADDRESS or settings.public_url != url_of(settings.listen):
        return [settings.public_url]
    # A connected datagram socket sends nothing: the system only chooses the source IP address.
    ways = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")][: 1 if host == "0.0.0.0" else 2]
    addresses = []
    for family, elsewhere in ways:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.connect((elsewhere, 9))
            addresses.append(udp.getsockname()[0])
    return list(dict.fromkeys([*(url_of((address, port)) for address in addresses), settings.public_url]))


def make_setup_links(settings: Settings, urls: Sequence[str]) -> list[str]:
    """Return the links that create the first administrator, with a new code, and write them into the data folder.

    Requires an application context. Raises Refused if there is an administrator.
    """
    from app.administration.accounts import first_administrator

    code = first_administrator.create_setup_code()
    links = [f"{url}/setup?code={code}" for url in urls]
    try:
        data_folder.write_setup_links(settings.data, links)
    except (OSError, data_folder.FolderError) as error:
        log.warning("the setup link is in no file: %s", error)
    return links


def _announce(settings: Settings, setup_links: Sequence[str]) -> None:
    """Write the next steps for an administrator to standard output, flushed also into a pipe."""
    click.echo(f"Recnice SCIM {VERSION}")
    click.echo(f"Data folder: {settings.data}")
    click.echo(f"Address:     {settings.public_url}/")
    click.echo(f"Tenant URL:  {settings.tenant_url}")
    if setup_links:
        another = command_line(settings, "setup-link")
        click.echo(f"Create the first administrator here (valid once, for one hour; new link: {another}):")
        click.echo("\n".join(setup_links))


def cautions(settings: Settings) -> list[str]:
    """Return warnings about settings that are allowed, but rarely intended."""
    lines = []
    host = settings.listen[0]
    if not _is_this_machine(host):
        lines.append(f"listening on {host}: other hosts reach it without TLS; put a reverse proxy in front")
    if settings.metrics_listen and not _is_this_machine(settings.metrics_listen[0]):
        lines.append(f"metrics at {settings.metrics_listen[0]}: other hosts read them without a password")
    if not settings.is_https and not _is_this_machine(urlsplit(settings.public_url).hostname or ""):
        lines.append("public_url is not https: keys and passwords are sent unencrypted, and Entra requires https")
    return lines


def _is_this_machine(host: str) -> bool:
    address = read_address(host)
    return address.is_loopback if address else host == "localhost"
