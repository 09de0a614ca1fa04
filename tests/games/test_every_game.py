"""What every game of the registry owes: declared returns, bounded payouts, pure outcomes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.betting.fairness import Seeds
from casino.betting.terms import DEFAULTS
from casino.errors import BadChoice
from casino.i18n import LANGUAGES, text
from casino.money import PLAYABLE
from games.engines.dice import ROLLS
from games.registry import INSTANT, STEPS


class Fixed:
    """A stream that draws one number over and over."""

    def __init__(self, number: int) -> None:
        self.number = number

    def draw(self, n: int) -> int:
        assert 0 <= self.number < n
        return self.number


DICE_CHOICES = [
    {"target": target, "over": over}
    for over, targets in ((True, (200, 5050, 9999)), (False, (1, 4950, 9800)))
    for target in targets
]


@pytest.mark.parametrize("choice", DICE_CHOICES, ids=str)
def test_dice_returns_what_it_declares_by_full_enumeration(choice):
    dice = INSTANT["dice"]
    paid = [dice.resolve(dice.parse(choice), Fixed(roll)).multiplier for roll in range(ROLLS)]
    assert sum(paid) / ROLLS == dice.rtp(choice) == Fraction(9900, 10001)
    assert max(paid) == dice.max_multiplier(choice)


@pytest.mark.parametrize("mines", range(1, 25))
def test_mines_returns_99_percent_at_every_stopping_point(mines):
    game = STEPS["mines"]
    choice = game.parse({"mines": mines})
    chance = Fraction(1)
    for step in range(game.steps_max(choice)):
        chance *= Fraction(25 - mines - step, 25 - step)
        assert chance * game.multiplier(choice, step + 1) == game.rtp(choice) == Fraction(99, 100)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 2**31), st.integers(1, 24))
def test_the_same_seeds_give_the_same_mines(server_seed, client_seed, nonce, mines):
    game = STEPS["mines"]
    choice = game.parse({"mines": mines})
    drawn = [game.secret(choice, Seeds(server_seed, client_seed, nonce).stream()) for _ in "ab"]
    assert drawn[0] == drawn[1] == tuple(sorted(set(drawn[0])))
    assert len(drawn[0]) == mines
    assert set(drawn[0]) <= set(range(25))


@pytest.mark.parametrize(
    ("slug", "choice"),
    [
        ("dice", {}),
        ("dice", {"target": 5050}),
        ("dice", {"target": 5050.0, "over": True}),
        ("dice", {"target": "5050", "over": True}),
        ("dice", {"target": True, "over": True}),
        ("dice", {"target": 199, "over": True}),
        ("dice", {"target": 10_000, "over": True}),
        ("dice", {"target": 0, "over": False}),
        ("dice", {"target": 9_801, "over": False}),
        ("dice", {"target": 5050, "over": 1}),
        ("dice", {"target": 5050, "over": True, "luck": 1}),
        ("mines", {"mines": 0}),
        ("mines", {"mines": 25}),
        ("mines", {"mines": 3.0}),
        ("mines", {"mines": 3, "tile": 1}),
    ],
    ids=str,
)
def test_a_choice_that_is_not_offered_is_refused(slug, choice):
    with pytest.raises(BadChoice):
        ({**INSTANT, **STEPS})[slug].parse(choice)


@pytest.mark.parametrize("action", [{}, {"tile": 25}, {"tile": -1}, {"tile": 7}, {"tile": "1"}])
def test_a_tile_that_cannot_be_opened_is_refused(action):
    game = STEPS["mines"]
    with pytest.raises(BadChoice):
        game.act({"mines": 3}, (0, 1, 2), (7,), action)


def test_the_secret_is_shown_only_when_the_round_is_over():
    game = STEPS["mines"]
    assert game.view({"mines": 3}, None, (7,)) == {"opened": [7]}
    assert game.view({"mines": 3}, (0, 1, 2), (7,)) == {"opened": [7], "mines": [0, 1, 2]}


@pytest.mark.parametrize("slug", [*INSTANT, *STEPS])
def test_every_game_has_stakes_and_a_name_in_every_language(slug):
    game = ({**INSTANT, **STEPS})[slug]
    assert game.slug == slug
    assert game.algorithm.startswith(f"{slug}/")
    for asset in PLAYABLE:
        assert DEFAULTS[slug, asset].low >= 10_000
    for language in LANGUAGES:
        assert text(language, f"game.{slug}")
