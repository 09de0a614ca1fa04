"""What a player has, read once for the screens that show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import Refusal
from casino.ids import PlayerId
from casino.ledger import journal
from casino.money import PLAYABLE, Asset, Money
from casino.players import facts, rules
from messaging.words import Markup, Words, paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.ledger.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Purse:
    """Balances by asset, and the rule that closes play to the player now, if there is one."""

    balances: Mapping[Asset, Wallet]
    closed: Refusal | None

    def cash(self, asset: Asset) -> Money:
        """What can be played."""
        held = self.balances.get(asset)
        return Money(held.cash if held else 0, asset)

    def withdrawable(self, asset: Asset) -> Money:
        """What can be withdrawn now."""
        held = self.balances.get(asset)
        return Money(held.withdrawable if held else 0, asset)

    def headline(self, words: Words) -> Markup:
        """The first line of a screen: the cash, asset by asset."""
        shown = [asset for asset in PLAYABLE if self.cash(asset).units] or [PLAYABLE[0]]
        cash = [self.cash(asset) for asset in shown]
        return words.say("bot.balance.title", amounts=listed(cash, words))

    def details(self, words: Words) -> Markup:
        """What can be withdrawn, and a line for each kind of money that is not simply cash."""
        free = [self.withdrawable(asset) for asset in PLAYABLE if self.cash(asset).units]
        lines = [words.say("bot.balance.withdrawable", amounts=listed(free, words))] if free else []
        for asset in PLAYABLE:
            held = self.balances.get(asset)
            if held is None:
                continue
            for kind, units in (
                ("bonus", held.bonus),
                ("not_final", held.not_final),
                ("reserved", held.reserved),
                ("held", held.held),
                ("deficit", held.deficit),
            ):
                if units:
                    lines.append(self._line(words, kind, Money(units, asset)))
        return paragraphs(*lines)

    def _line(self, words: Words, kind: str, money: Money) -> Markup:
        return words.say(f"bot.balance.{kind}", amount=words.amount(money))


def listed(amounts: Iterable[Money], words: Words) -> str:
    """Amounts of several assets in one line."""
    return " · ".join(words.amount(amount) for amount in amounts)


async def read_purse(session: AsyncSession, *, player_id: int, now: datetime) -> Purse:
    """The player's balances, and whether a time-out or an exclusion runs."""
    player = await facts.load_one(session, player_id=player_id)
    return Purse(
        balances=await journal.balances(session, PlayerId(player_id)),
        closed=rules.check_account(player) or rules.check_exclusion(player, now=now),
    )
