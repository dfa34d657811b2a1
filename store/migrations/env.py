"""How Alembic reaches the store: always through the connection that ``store.schema`` hands it."""

from alembic import context

import store.partial_indexes  # noqa: F401 - they are part of the metadata
from store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
