"""A server for the worker to talk to."""

from collections.abc import Iterator

import pytest
from tests.support.worker_test_server import FakeServer, serve


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A fresh server with no jobs."""
    with serve(FakeServer()) as fake:
        yield fake
