"""Local Ethereums of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.evm.chain import LocalEvm
from sandbox.evm.usdt import LocalUsdt, deploy_usdt

MakeEvm = Callable[..., LocalEvm]


@pytest.fixture
def make_evm() -> Iterator[MakeEvm]:
    made: list[LocalEvm] = []

    def make(*, store: Path | None = None) -> LocalEvm:
        chain = LocalEvm(store=store, block_seconds=None)
        chain.start()
        made.append(chain)
        return chain

    yield make
    for chain in made:
        chain.kill()


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalEvm]:
    chain = LocalEvm(block_seconds=None)
    chain.start()
    yield chain
    chain.stop()


@pytest.fixture
async def usdt(chain: LocalEvm) -> LocalUsdt:
    """A token that only this test sees, on the module's chain."""
    return await deploy_usdt(chain)
