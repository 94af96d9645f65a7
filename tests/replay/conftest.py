"""The same worlds as the workflow tests'."""

from tests.workflows.conftest import development_address, development_server, world

__all__ = ["development_address", "development_server", "world"]
