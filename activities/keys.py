"""The public keys of the API, for workflows that check who has signed what they are told."""

from __future__ import annotations

from sqlalchemy import Engine
from temporalio import activity

from domain.signing import SigningKey
from storage import signing_keys


class KeyActivities:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn
    def signing_keys(self) -> list[SigningKey]:
        """Every key that is not retired, by id."""
        with self._engine.connect() as connection:
            known = signing_keys.list_keys(connection)
        return [each.key for each in known if each.retired_at is None]
