"""Words that people are found by, and indexes for the console's lists. The start after this step fills `word`."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "CREATE VIRTUAL TABLE word USING fts5(text, tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1 2 3')",
    "CREATE INDEX resource_type_last_modified ON resource (type, last_modified)",
    "CREATE INDEX resource_disabled ON resource (type, position, id) WHERE json_extract(document, '$.active') = 0",
    """
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
        ('resource', 'resource_type_last_modified', '1000000 500000 2'),
        ('resource', 'resource_disabled', '50000 50000 1 1')
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
