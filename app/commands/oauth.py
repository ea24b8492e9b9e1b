"""This module implements `oauth`, which manages the clients of the token endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from app.commands.shared.command_group import CommandGroup
from app.commands.shared.data_folder import on_data_folder, open_data_folder
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import Row, listing, or_never
from app.settings import Settings

if TYPE_CHECKING:
    from app.administration.audit import Actor


@click.group(cls=CommandGroup, no_args_is_help=False)
def oauth() -> None:
    """Manage OAuth clients, for Entra's fields Client identifier and Client secret."""


@oauth.command()
@click.option(
    "--name",
    metavar="N",
    default="",
    show_default="Client 1, Client 2, …",
    callback=in_utf8,
    help="The name of the client.",
)
@on_data_folder
def create(host: Actor, name: str) -> None:
    """Create a client and print its identifier and secret. The secret cannot be displayed again."""
    from app.administration.credentials import oauth_clients

    new = oauth_clients.create_client(name, host)
    click.echo(f"{new.client_id}\n{new.text}")


@oauth.command("add-secret")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@on_data_folder
def add_secret(host: Actor, client_id: str) -> None:
    """Create another secret of a client and print it. It cannot be displayed again."""
    from app.administration.credentials import oauth_clients

    click.echo(oauth_clients.create_secret(client_id, host).text)


@oauth.command("list")
@listing("client", "name", "id", "credential", "created", "by", "last_used", "last_address", "state")
@taking("data")
def list_clients(settings: Settings) -> Iterator[Row]:
    """List all clients and their credentials, including revoked ones. Secrets are never displayed."""
    with open_data_folder(settings):
        from app.administration.credentials import oauth_clients

        for client in oauth_clients.list_clients():
            for one in (*client.secrets, *client.trusts):
                yield (
                    *(client.id, client.name, one.id, one.label, one.created, one.created_by),
                    *(or_never(one.last_used), one.last_address or None),
                    f"revoked {stopped}" if (stopped := client.stopped or one.stopped) else "active",
                )


@oauth.command()
@click.argument("client_id", metavar="ID", callback=in_utf8)
@on_data_folder
def revoke(host: Actor, client_id: str) -> None:
    """Revoke a client with its credentials and access tokens. Requests with them fail immediately."""
    from app.administration.credentials import oauth_clients

    oauth_clients.stop_client(client_id, host)


@oauth.command("revoke-secret")
@click.argument("secret_id", metavar="ID", callback=in_utf8)
@on_data_folder
def revoke_secret(host: Actor, secret_id: str) -> None:
    """Revoke a secret of a client, by its id in the list."""
    from app.administration.credentials import oauth_clients

    oauth_clients.stop_secret(secret_id, host)


@oauth.command("add-federated-credential")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@click.option("--issuer", metavar="URL", required=True, callback=in_utf8, help="The issuer, or an Entra tenant ID.")
@click.option("--subject", metavar="S", required=True, callback=in_utf8, help="The claim sub of the assertion.")
@click.option("--audience", metavar="A", required=True, callback=in_utf8, help="The claim aud of the assertion.")
@taking("data")
def add_federated_credential(settings: Settings, client_id: str, issuer: str, subject: str, audience: str) -> None:
    """Accept signed assertions of an issuer instead of a secret of the client."""
    with open_data_folder(settings):
        from app.administration import audit
        from app.administration.credentials import federated_credentials, oauth_clients

        signers = federated_credentials.Signers(settings.ca_file)
        oauth_clients.add_trust(client_id, issuer, subject, audience, audit.HOST, signers)


@oauth.command("revoke-federated-credential")
@click.argument("credential_id", metavar="ID", callback=in_utf8)
@on_data_folder
def revoke_federated_credential(host: Actor, credential_id: str) -> None:
    """Revoke a federated credential, by its id in the list."""
    from app.administration.credentials import oauth_clients

    oauth_clients.stop_trust(credential_id, host)
