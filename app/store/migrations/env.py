"""Alembic's environment: runs the steps on the connection that app/store/database/migration.py gives."""

from typing import Any

from alembic import context


def _check_foreign_keys(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    """Foreign keys are off while a step rebuilds tables, so they are checked before it commits."""
    broken = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise ValueError(f"the step leaves {len(broken)} rows that refer to nothing, the first in {broken[0][0]}")


context.configure(
    connection=context.config.attributes["connection"],
    # Alembic takes SQLite for a database whose DDL cannot be rolled back; it can, once the driver leaves BEGIN to us.
    transactional_ddl=True,
    transaction_per_migration=True,
    on_version_apply=_check_foreign_keys,
)
with context.begin_transaction():
    context.run_migrations()
