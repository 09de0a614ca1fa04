"""Local chains of a test's own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from payments.rpc import Toncenter
from sandbox.ton.chain import LocalChain

MakeChain = Callable[..., LocalChain]


@pytest.fixture
def make_chain() -> Iterator[MakeChain]:
    made: list[LocalChain] = []

    def make(*, store: Path | None = None, **options: object) -> LocalChain:
        chain = LocalChain(store=store, block_ms=None, **options)  # type: ignore[arg-type]
        chain.start()
        made.append(chain)
        return chain

    yield make
    for chain in made:
        chain.kill()


@pytest.fixture
async def client() -> AsyncIterator[Callable[[LocalChain], Toncenter]]:
    made: list[Toncenter] = []

    def make(chain: LocalChain) -> Toncenter:
        made.append(Toncenter(url=chain.url, api_key="", requests_per_second=1000))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(scope="module")
def shared_chain() -> Iterator[LocalChain]:
    chain = LocalChain(block_ms=None)
    chain.start()
    yield chain
    chain.stop()
