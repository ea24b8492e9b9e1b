"""Add the number that every administrative change raises."""

from alembic import op

revision = "0012"
down_revision = "0011"

UPDATES = {
    "scim_key": "UPDATE OF hash, stopped",
    "oauth_client": "UPDATE OF stopped",
    "oauth_secret": "UPDATE OF stopped",
    "oauth_trust": "UPDATE OF stopped",
    "access_token": "UPDATE",
    "source_policy": "UPDATE",
    "allowed_network": "UPDATE",
    "strict_attribute": "UPDATE",
    "role_mapping": "UPDATE",
}
STATEMENTS = (
    "CREATE TABLE generation (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL) STRICT",
    "INSERT INTO generation VALUES (1, 1)",
    *(
        f"CREATE TRIGGER {table}_{when.partition(' ')[0].lower()}_generation AFTER {when} ON {table} "
        "BEGIN UPDATE generation SET number = number + 1 + abs(random() % 1000000000); END"
        for table, update in UPDATES.items()
        for when in ("INSERT", update, "DELETE")
    ),
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
