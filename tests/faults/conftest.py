"""Short log lines: these tests make the product complain a lot, and drawn tracebacks are slow."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Write each event as one line of JSON."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=repr),
        ],
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()
