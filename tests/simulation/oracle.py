"""What a fair draw must give, worked out apart from the product: dice, mines, the house's caps."""

from __future__ import annotations

import hashlib
import hmac
from math import comb

TILES = 25


def numbers(server_seed: str, client_seed: str, nonce: int, ranges: list[int]) -> list[int]:
    """The draws of a round: four bytes each of HMAC-SHA256 blocks, scaled by multiplication."""
    blocks = (len(ranges) + 7) // 8
    stream = b"".join(
        hmac.new(
            server_seed.encode(), f"{client_seed}:{nonce}:{block}".encode(), hashlib.sha256
        ).digest()
        for block in range(blocks)
    )
    return [
        int.from_bytes(stream[4 * place : 4 * place + 4], "big") * size >> 32
        for place, size in enumerate(ranges)
    ]


def dice_payout(
    *, server_seed: str, client_seed: str, nonce: int, stake: int, target: int, over: bool
) -> int:
    """What a roll pays: 99 percent of the fair price, rounded down."""
    (roll,) = numbers(server_seed, client_seed, nonce, [10_001])
    won = roll > target if over else roll < target
    return stake * 9_900 // dice_chances(target=target, over=over) if won else 0


def dice_chances(*, target: int, over: bool) -> int:
    """Winning hundredths of ten thousand."""
    return 10_000 - target if over else target


def dice_within(*, stake: int, target: int, over: bool, bankroll: int) -> bool:
    """Whether the house may take this bet: a quarter of its edge of 101 / 10001 is the cap."""
    winnings = stake * 9_900 // dice_chances(target=target, over=over) - stake
    return winnings <= bankroll * 101 // 40_004


def mined(*, server_seed: str, client_seed: str, nonce: int, mines: int) -> frozenset[int]:
    """The mined tiles: each draw takes one of those that are left."""
    left = list(range(TILES))
    draws = numbers(server_seed, client_seed, nonce, [TILES - taken for taken in range(mines)])
    return frozenset(left.pop(draw) for draw in draws)


def mines_payout(*, stake: int, mines: int, opened: int) -> int:
    """What a field pays after so many safe tiles; the stake itself before the first."""
    if opened == 0:
        return stake
    return stake * 99 * comb(TILES, opened) // (100 * comb(TILES - mines, opened))


def mines_steps(*, stake: int, mines: int, bankroll: int) -> int:
    """How many safe tiles the house can cover: a quarter of its edge of one percent is the cap."""
    steps = 0
    while steps < TILES - mines:
        if mines_payout(stake=stake, mines=mines, opened=steps + 1) - stake > bankroll // 400:
            break
        steps += 1
    return steps
