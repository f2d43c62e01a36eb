"""Runs the migrations on the connection that the store hands over."""

from alembic import context

from router.engine.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The store holds one transaction around everything, so that a migration happens wholly or not at all.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
