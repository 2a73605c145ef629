"""What Alembic runs for each migration: the connection it is given, or SQL as text (`alembic upgrade --sql`)."""

from __future__ import annotations

from alembic import context

from cds_service.store.tables import metadata


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    else:
        context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


run()
