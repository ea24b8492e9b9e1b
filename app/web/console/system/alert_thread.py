"""This module makes the thread that sends alerts, and gives it what only the console and the settings know."""

from flask import Flask, current_app

from app.administration.alerts import alert_targets
from app.administration.alerts.alert_delivery import Network
from app.administration.alerts.alert_sender import Sender
from app.administration.alerts.conditions import Look, PublicCertificate
from app.administration.encryption import Sealer
from app.backup import copies
from app.settings import Settings
from app.web.console.access import provider_sign_in

_EXTENSION = "recnice_alerts"


def start(app: Flask) -> Sender:
    """Start the thread of an application whose pages are loaded."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    certificate = PublicCertificate(settings.public_url, settings.ca_file)
    files = settings.database, settings.requests_database

    def newest_backup() -> str:
        newest = copies.newest(settings)
        return newest.made if newest else ""

    def look() -> Look:
        now: Settings = app.config["RECNICE_SETTINGS"]  # the console can have set other values since the start
        hours, provider = now.alert_no_contact_hours, provider_sign_in.provider_client
        return Look(*files, hours, certificate, provider, now.makes_nightly_backups, newest_backup)

    with app.app_context():
        app.extensions[_EXTENSION] = sender = Sender(app.app_context, look, network(), sealer())
    sender.start()
    return sender


def network() -> Network:
    """Return how alerts leave the current application."""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return Network(settings.public_url, settings.listen[1], settings.alert_loopback, settings.ca_file)


def sealer() -> Sealer:
    """Return the encryption of the secrets of targets."""
    return Sealer(current_app.config["SECRET_KEY"], alert_targets.SEAL)


def wake() -> None:
    """Let the thread send at once what was added, if it runs."""
    sender: Sender | None = current_app.extensions.get(_EXTENSION)
    if sender:
        sender.wake()
