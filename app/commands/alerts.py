"""This module implements `alerts`, which shows alerts and tries their channels, also while the server does not run."""

from collections.abc import Iterator

import click

from app import exit_codes
from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import open_data_folder
from app.commands.shared.options import taking
from app.commands.shared.table import Row, listing, printing_json, show
from app.settings import Settings

OUTCOME = ("channel", "to", "sent", "answer")


@click.group(cls=CommandGroup, no_args_is_help=False)
def alerts() -> None:
    """Show alerts, and try the channels that they are sent by."""


@alerts.command("list")
@listing("kind", "title", "since", "detail")
@taking("data")
def list_alerts(settings: Settings) -> Iterator[Row]:
    """Show the alerts that last, as the running server found them."""
    with open_data_folder(settings):
        from app.administration.alerts import alert_sender
        from app.administration.alerts.alert_kinds import TITLES

        for one in alert_sender.state().open_alerts():
            detail = " ".join((one.level, one.detail)).strip()
            yield one.kind, TITLES.get(one.kind, ""), one.since or one.began, detail


@alerts.command()
@printing_json(*OUTCOME, is_array=True)
@taking("data")
def test(settings: Settings, is_json: bool) -> int:
    """Send a test message by e-mail and webhook now, and show what became of it."""
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.alerts import alert_delivery
        from app.web.console.system import alert_thread

        outcomes = list(alert_delivery.send_tests(alert_thread.network(), alert_thread.sealer(), audit.HOST))
        show(OUTCOME, [(o.channel, o.name, o.sent, o.answer) for o in outcomes], is_json)
        return exit_codes.DONE if outcomes and all(one.sent == "yes" for one in outcomes) else exit_codes.FAILED
