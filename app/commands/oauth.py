"""This module implements `oauth`: the clients of the token endpoint."""

import click

from app.commands.shared.data_folder import opened
from app.commands.shared.options import in_utf8, taking
from app.commands.shared.table import show
from app.settings import Settings

NEVER = "never"


@click.group(no_args_is_help=False)
def oauth() -> None:
    """OAuth clients: what Entra's fields Client identifier and Client secret want."""


@oauth.command()
@click.option(
    "--name",
    metavar="N",
    default="Microsoft Entra",
    show_default=True,
    callback=in_utf8,
    help="A name to know it by.",
)
@taking("data")
def create(settings: Settings, name: str) -> None:
    """Make a client and print its identifier and its secret, this once."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        new = oauth_clients.create_client(name, audit.HOST)
        click.echo(f"{new.client_id}\n{new.text}")


@oauth.command("add-secret")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@taking("data")
def add_secret(settings: Settings, client_id: str) -> None:
    """Make one more secret of a client and print it, this once."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        click.echo(oauth_clients.create_secret(client_id, audit.HOST).text)


@oauth.command("list")
@taking("data")
def list_clients(settings: Settings) -> None:
    """Show all clients and what each may show, also what is stopped; never a secret itself."""
    with opened(settings):
        from app.administration.credentials import oauth_clients

        show(
            ("client", "name", "id", "shows", "created", "by", "last used", "from", "state"),
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
                    f"stopped {stopped}" if (stopped := client.stopped or one.stopped) else "active",
                )
                for client in oauth_clients.list_clients()
                for one in (*client.secrets, *client.trusts)
            ],
        )


@oauth.command()
@click.argument("client_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop(settings: Settings, client_id: str) -> None:
    """Stop a client with its secrets: from now on it is refused, and so are its access tokens."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_client(client_id, audit.HOST)


@oauth.command("stop-secret")
@click.argument("secret_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop_secret(settings: Settings, secret_id: str) -> None:
    """Stop one secret of a client, by its id in the list."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_secret(secret_id, audit.HOST)


@oauth.command("add-trust")
@click.argument("client_id", metavar="ID", callback=in_utf8)
@click.option("--issuer", metavar="URL", required=True, callback=in_utf8, help="Who signs, or an Entra tenant's id.")
@click.option("--subject", metavar="S", required=True, callback=in_utf8, help="Whom it must be signed for.")
@click.option("--audience", metavar="A", required=True, callback=in_utf8, help="Whom it must be meant for.")
@taking("data")
def add_trust(settings: Settings, client_id: str, issuer: str, subject: str, audience: str) -> None:
    """Accept assertions that an issuer signs in place of a client's secret."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import federated_credentials, oauth_clients

        signers = federated_credentials.Signers(settings.ca_file)
        oauth_clients.add_trust(client_id, issuer, subject, audience, audit.HOST, signers)


@oauth.command("stop-trust")
@click.argument("trust_id", metavar="ID", callback=in_utf8)
@taking("data")
def stop_trust(settings: Settings, trust_id: str) -> None:
    """Stop accepting an issuer's assertions, by the id in the list."""
    with opened(settings):
        from app.administration import audit
        from app.administration.credentials import oauth_clients

        oauth_clients.stop_trust(trust_id, audit.HOST)
