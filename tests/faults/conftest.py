"""One house for the tests that need a whole one, and short log lines for all of them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from sandbox.home import Home
from tests.faults.scene import Scene, open_scene
from tests.servers import Run


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """One line an event: the product complains a lot here, and drawn tracebacks are slow."""
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


@pytest.fixture(scope="package")
async def the_scene(run: Run) -> AsyncIterator[Scene]:
    """One house for all tests of this folder that need a whole one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        async with open_scene(Home(run.folder / "stage")) as scene:
            yield scene


@pytest.fixture
async def scene(the_scene: Scene) -> AsyncIterator[Scene]:
    """The house with all its processes at work, and sound books afterwards."""
    await the_scene.start()
    yield the_scene
    await the_scene.stage.chain.fault(dropSend=0, failAfterSend=0, http429=0, http500=0, lag=0)
    await the_scene.require_sound()
