"""The application in this process, as the service's own tests have it."""

from tests.service.conftest import client, service  # noqa: F401 - fixtures
