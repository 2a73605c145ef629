"""The application without clients, as the service's own tests use it."""

from tests.service.conftest import client, service  # noqa: F401 - fixtures
