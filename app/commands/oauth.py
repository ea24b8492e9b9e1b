"""This module implements `oauth`, which manages the clients of the token endpoint."""

import click

from app.commands.shared.aliases import AliasedGroup
from app.commands.shared.data_folder import opened
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.settings import Settings

NEVER = "never"


@click.group(cls=AliasedGroup, no_args_is_help=False)
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
@taking("data")
def create(settings: Settings, name: str) -> None:
    """Create a client and print its identifier and secret. The secret cannot be displayed again."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        new = oauth_clients.create_client(name, audit.HOST)
        click.echo(f"{new.client_id}\n{new.text}")


@oauth.command("add-secret")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@taking("data")
def add_secret(settings: Settings, client_id: str) -> None:
    """Create another secret of a client and print it. It cannot be displayed again."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        click.echo(oauth_clients.create_secret(client_id, audit.HOST).text)


@oauth.command("list")
@taking("data")
def list_clients(settings: Settings) -> None:
    """List all clients and their credentials, including revoked ones. Secrets are never displayed."""
    with opened(settings):
        from app.administration.credentials import oauth_clients

        show(
            ("client", "name", "id", "credential", "created", "by", "last used", "from", "state"),
            [
                (
                    client.id,
                    client.name,
                    one.id,
                    one.label,
                    one.created,
                    one.created_by,
                    one.last_used or NEVER,
                    one.last_address or "-",
                    f"revoked {stopped}" if (stopped := client.stopped or one.stopped) else "active",
                )
                for client in oauth_clients.list_clients()
                for one in (*client.secrets, *client.trusts)
            ],
        )


@oauth.command()
@click.argument("client_id", metavar="ID", callback=in_utf8)
@taking("data")
def revoke(settings: Settings, client_id: str) -> None:
    """Revoke a client with its credentials and access tokens. Requests with them fail immediately."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_client(client_id, audit.HOST)


@oauth.command("revoke-secret")
@click.argument("secret_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop_secret(settings: Settings, secret_id: str) -> None:
    """Revoke a secret of a client, by its id in the list."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_secret(secret_id, audit.HOST)


@oauth.command("add-federated-credential")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@click.option("--issuer", metavar="URL", required=True, callback=in_utf8, help="The issuer, or an Entra tenant ID.")
@click.option("--subject", metavar="S", required=True, callback=in_utf8, help="The claim sub of the assertion.")
@click.option("--audience", metavar="A", required=True, callback=in_utf8, help="The claim aud of the assertion.")
@taking("data")
def add_trust(settings: Settings, client_id: str, issuer: str, subject: str, audience: str) -> None:
    """Accept signed assertions of an issuer instead of a secret of the client."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import federated_credentials, oauth_clients

        signers = federated_credentials.Signers(settings.ca_file)
        oauth_clients.add_trust(client_id, issuer, subject, audience, audit.HOST, signers)


@oauth.command("revoke-federated-credential")
@click.argument("trust_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop_trust(settings: Settings, trust_id: str) -> None:
    """Revoke a federated credential, by its id in the list."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_trust(trust_id, audit.HOST)
