"""A large win is told to staff in the same transaction, once; a small one is not."""

from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text

from casino.betting.game import Outcome
from casino.betting.notices import LARGE_WIN
from casino.ids import new_reference, public
from casino.money import Asset
from games.registry import INSTANT
from tests.factories import TON, ready_player


class Certain:
    """Dice that always pay double."""

    def __getattr__(self, name: str) -> Any:
        return getattr(INSTANT["dice"], name)

    def resolve(self, _choice: object, _stream: object) -> Outcome:
        return Outcome(Fraction(2), {"roll": 1})


# A TON is worth three of the reference currency in these houses.
SMALLEST = -(-LARGE_WIN // 3_000_000) * TON


@pytest.mark.parametrize(("stake", "told"), [(SMALLEST, 1), (SMALLEST - TON, 0)])
async def test_only_a_large_win_is_told_and_only_once(db, floor, stake, told):
    player_id = await ready_player(db, units=1_000 * TON)
    reference = new_reference()
    for _ in range(2):
        won = await floor.place_bet(
            player_id=player_id,
            game=Certain(),
            asset=Asset.TON,
            stake=stake,
            choice={"target": 5050, "over": True},
            reference=reference,
        )
    async with db.transaction() as session:
        rows = (
            await session.execute(
                text("SELECT consumer, payload FROM outbox WHERE kind = 'alert.large_win'")
            )
        ).all()
    assert len(rows) == told
    for consumer, payload in rows:
        assert consumer == "staff"
        assert payload["round"] == public(won.answer.id)
        assert payload["stake"] == {"units": stake, "asset": "TON"}
        assert payload["payout"] == {"units": 2 * stake, "asset": "TON"}
