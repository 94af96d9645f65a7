"""Alembic migrations, applied by `storage.database.upgrade`."""
