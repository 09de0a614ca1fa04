"""How long until a deposit is final: by the pace of the last blocks, and nothing where nobody knows."""

from datetime import timedelta

from casino.cashier import blocks, when_final
from casino.cashier.blocks import Block
from casino.cashier.when_final import Outlook
from casino.db import Database
from tests.casino.cashier.cashbox import NOW

FIRST = Block(height=100, hash="100", parent="99", at=NOW)
MINUTE = timedelta(minutes=1)


def after(below: Block, *spent: timedelta) -> list[Block]:
    """Blocks on top of `below`, each so long after the one before."""
    made = [below]
    for time in spent:
        last = made[-1]
        height = last.height + 1
        made.append(Block(height, str(height), last.hash, last.at + time))
    return made[1:]


async def follow(db: Database, above: list[Block], *, final: int) -> None:
    async with db.transaction() as session:
        await blocks.begin(session, chain="bitcoin", first=FIRST, now=NOW)
        before = await blocks.read_place(session, chain="bitcoin")
        assert before is not None
        await blocks.advance(
            session,
            chain="bitcoin",
            before=before,
            ancestor=FIRST,
            above=above,
            final_height=final,
            now=NOW,
        )


async def outlook(db: Database) -> Outlook | None:
    async with db.transaction() as session:
        return await when_final.outlook(session, chain="bitcoin")


async def test_the_pace_is_that_of_the_last_blocks(house: Database) -> None:
    slow = [timedelta(hours=1)] * 10
    await follow(house, after(FIRST, *slow, *[MINUTE] * when_final.PACE_BLOCKS), final=115)
    found = await outlook(house)
    assert found == Outlook(final_height=115, block_time=MINUTE)
    assert [found.until(height) for height in (114, 115, 118)] == [
        0 * MINUTE,
        0 * MINUTE,
        3 * MINUTE,
    ]


async def test_clocks_of_blocks_that_run_backwards_make_no_negative_time(house: Database) -> None:
    await follow(house, after(FIRST, MINUTE, -3 * MINUTE), final=100)
    assert await outlook(house) == Outlook(final_height=100, block_time=timedelta(0))


async def test_nothing_is_promised_of_a_chain_that_was_hardly_read_or_is_halted(
    house: Database,
) -> None:
    assert await outlook(house) is None
    async with house.transaction() as session:
        await blocks.begin(session, chain="bitcoin", first=FIRST, now=NOW)
    assert await outlook(house) is None, "one block has no pace"
    await follow(house, after(FIRST, MINUTE), final=100)
    assert await outlook(house) is not None
    async with house.transaction() as session:
        await blocks.halt(session, chain="bitcoin", reason="another chain", now=NOW)
    assert await outlook(house) is None
