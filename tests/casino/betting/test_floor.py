"""Bets, rounds and seeds through the group commit: every rule, every repeat, every race."""

import asyncio
from datetime import timedelta
from fractions import Fraction

import pytest

from casino import flags, switches
from casino.betting import history, seeds
from casino.betting.fairness import Seeds, commitment
from casino.betting.floor import open_floor
from casino.betting.receipts import GENESIS, receipt_hash
from casino.clock import Window, utc_now
from casino.errors import (
    BadAmount,
    BadChoice,
    ConsentRequired,
    CoolingOff,
    ExposureReached,
    IdempotencyConflict,
    InsufficientFunds,
    LimitReached,
    Paused,
    RoundClosed,
    SeedInUse,
    StakeOutOfRange,
    StaleReference,
)
from casino.ids import new_reference
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from casino.players import exclusion, limits
from casino.players.rules import LimitKind
from games.registry import INSTANT, STEPS
from games.verify import verify
from tests.factories import TON, VAULT, make_player, ready_house, ready_player

EVEN = {"target": 5050, "over": True}


def bet(floor, player_id, *, stake=TON, choice=None, reference=None):
    return floor.place_bet(
        player_id=player_id,
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=stake,
        choice=choice or EVEN,
        reference=reference or new_reference(),
    )


def start(floor, player_id, *, stake=TON, mines=3, reference=None):
    return floor.open_round(
        player_id=player_id,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=stake,
        choice={"mines": mines},
        reference=reference or new_reference(),
    )


async def cash(db, player_id) -> int:
    async with db.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


async def books_balance(db) -> bool:
    async with db.transaction() as session:
        return (await reconcile(session)).sound


async def test_a_bet_pays_exactly_what_its_seeds_say(db, floor):
    player_id = await ready_player(db)
    played = [await bet(floor, player_id) for _ in range(12)]
    assert [one.answer.seed_nonce for one in played] == list(range(12))
    rotation = await floor.rotate_seed(
        player_id=player_id, client_seed="my-own", reference=new_reference()
    )
    secret = rotation.answer
    assert commitment(secret.server_seed) == played[0].answer.commitment
    for one in played:
        shown = verify(
            "dice", Seeds(secret.server_seed, secret.client_seed, one.answer.seed_nonce), EVEN
        )
        assert one.answer.details["roll"] == shown["outcome"]
        assert one.answer.payout == TON * Fraction(str(shown["exact"]))
    paid = sum(one.answer.payout - TON for one in played)
    assert await cash(db, player_id) == 100 * TON + paid
    assert await books_balance(db)


async def test_receipts_are_chained_and_recomputable(db, floor):
    player_id = await ready_player(db)
    for _ in range(3):
        await bet(floor, player_id)
    async with db.transaction() as session:
        rounds = (await history.list_rounds(session, player_id=player_id))[::-1]
    before = GENESIS
    for round_ in rounds:
        assert round_.receipt_before == before
        assert round_.receipt_hash == receipt_hash(
            round_, table_hash=INSTANT["dice"].table_hash, before=before
        )
        before = round_.receipt_hash


async def test_eight_repeats_from_two_processes_are_one_bet(db, floor, other_floor):
    player_id = await ready_player(db)
    reference = new_reference()
    answers = await asyncio.gather(
        *(bet(one, player_id, reference=reference) for one in (floor, other_floor) * 4)
    )
    assert len({answer.answer for answer in map(_comparable, answers)}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    async with db.transaction() as session:
        assert len(await history.list_rounds(session, player_id=player_id)) == 1
    assert await books_balance(db)


def _comparable(answer):
    return type(answer)(
        (
            answer.answer.id,
            answer.answer.payout,
            answer.answer.seed_nonce,
            answer.answer.receipt_hash,
            answer.answer.details["roll"],
        ),
        answer.entry_id,
        {},
        answer.replayed,
    )


async def test_the_same_reference_for_another_bet_is_a_conflict(db, floor):
    player_id = await ready_player(db)
    reference = new_reference()
    await bet(floor, player_id, reference=reference)
    with pytest.raises(IdempotencyConflict):
        await bet(floor, player_id, reference=reference, stake=2 * TON)


@pytest.mark.parametrize("stake", [0, -1, 10**30, True, "5", 1.5])
async def test_a_stake_that_is_not_an_amount_is_refused(db, floor, stake):
    player_id = await ready_player(db)
    with pytest.raises(BadAmount):
        await bet(floor, player_id, stake=stake)
    assert await cash(db, player_id) == 100 * TON


async def test_refusals_change_nothing(db, floor):
    player_id = await ready_player(db, units=2 * TON)
    with pytest.raises(InsufficientFunds):
        await bet(floor, player_id, stake=3 * TON)
    with pytest.raises(StakeOutOfRange):
        await bet(floor, player_id, stake=1)
    with pytest.raises(BadChoice):
        await bet(floor, player_id, choice={"target": 10_000, "over": True})
    with pytest.raises(StaleReference):
        await bet(floor, player_id, reference="0190163d-8694-739b-aea5-966c26f8ad91")
    assert await cash(db, player_id) == 2 * TON
    async with db.transaction() as session:
        assert await history.list_rounds(session, player_id=player_id) == []


async def test_no_play_before_consent(db, floor):
    async with db.transaction() as session:
        player_id = await make_player(session, consented=False)
    with pytest.raises(ConsentRequired):
        await bet(floor, player_id)


async def test_no_play_in_a_time_out(db, floor):
    player_id = await ready_player(db)
    async with db.transaction() as session:
        await exclusion.take_time_out(
            session, player_id=player_id, duration=timedelta(days=1), now=utc_now()
        )
    with pytest.raises(CoolingOff):
        await bet(floor, player_id)


@pytest.mark.parametrize(
    "name", [switches.BETS, switches.game_flag("dice"), switches.asset_flag("TON")]
)
async def test_a_kill_switch_stops_the_next_bet(db, floor, name):
    player_id = await ready_player(db)
    await bet(floor, player_id)
    async with db.transaction() as session:
        await flags.set_flag(
            session, name=name, stop=True, reason="drill", actor="staff:1", now=utc_now()
        )
    with pytest.raises(Paused):
        await bet(floor, player_id)


async def test_a_wager_limit_is_not_passed_by_one_unit_however_many_bet_at_once(
    db, floor, other_floor
):
    player_id = await ready_player(db)
    async with db.transaction() as session:
        await limits.set_limit(
            session,
            player_id=player_id,
            kind=LimitKind.WAGER,
            window=Window.DAY,
            units=10 * 3_000_000,  # ten stakes of one TON at 3 EUR
            now=utc_now(),
        )
    answers = await asyncio.gather(
        *(bet(one, player_id) for one in (floor, other_floor) * 15), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, LimitReached)]
    assert len(answers) - len(refused) == 10
    assert refused[0].data["kind"] == "wager"


async def test_the_house_does_not_risk_more_than_its_rule(db):
    await ready_house(db, bankroll_units=1000 * TON)
    player_id = await ready_player(db)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        with pytest.raises(ExposureReached):
            await bet(floor, player_id, stake=10 * TON, choice={"target": 9900, "over": True})
        with pytest.raises(ExposureReached):
            await start(floor, player_id, stake=20 * TON, mines=24)
        assert (await start(floor, player_id, mines=5)).answer.steps_allowed >= 1


async def test_mines_goes_on_step_by_step_and_pays_the_exact_multiplier(db, floor):
    player_id = await ready_player(db)
    opened = await start(floor, player_id)
    assert opened.wallets[Asset.TON].cash == 99 * TON
    secret = await _secret(db, floor, player_id, opened.answer)
    safe = [tile for tile in range(25) if tile not in secret]
    first, replayed_with = new_reference(), None
    step = await floor.act(
        player_id=player_id, round_id=opened.answer.id, action={"tile": safe[0]}, reference=first
    )
    assert (step.answer.status, step.answer.steps) == ("open", (safe[0],))
    await floor.act(
        player_id=player_id,
        round_id=opened.answer.id,
        action={"tile": safe[1]},
        reference=new_reference(),
    )
    replayed_with = await floor.act(
        player_id=player_id, round_id=opened.answer.id, action={"tile": safe[0]}, reference=first
    )
    assert replayed_with.replayed
    assert replayed_with.answer.steps == (safe[0],)
    with pytest.raises(SeedInUse):
        await floor.rotate_seed(player_id=player_id, client_seed=None, reference=new_reference())
    cash_out = new_reference()
    ended = [
        await floor.cash_out(player_id=player_id, round_id=opened.answer.id, reference=cash_out)
        for _ in range(2)
    ]
    multiplier = STEPS["mines"].multiplier({"mines": 3}, 2)
    assert ended[0].answer.payout == TON * multiplier.numerator // multiplier.denominator
    assert ended[1].answer == ended[0].answer
    assert tuple(ended[0].answer.details["mines"]) == secret
    assert await cash(db, player_id) == 99 * TON + ended[0].answer.payout
    assert await books_balance(db)


async def _secret(db, floor, player_id, round_):
    async with db.transaction() as session:
        await journal.lock_players(session, [player_id])
        connection = await journal.driver_connection(session)
        state = (await floor.seeds.load(connection, [player_id]))[player_id]
    drawn = Seeds(state.server_seed, round_.client_seed, round_.seed_nonce)
    return STEPS["mines"].secret(round_.choice, drawn.stream())


async def test_a_mine_ends_the_round_and_late_steps_are_refused(db, floor):
    player_id = await ready_player(db)
    opened = await start(floor, player_id, mines=24)
    secret = await _secret(db, floor, player_id, opened.answer)
    lost = await floor.act(
        player_id=player_id,
        round_id=opened.answer.id,
        action={"tile": secret[0]},
        reference=new_reference(),
    )
    assert (lost.answer.status, lost.answer.payout) == ("settled", 0)
    with pytest.raises(RoundClosed):
        await floor.cash_out(
            player_id=player_id, round_id=opened.answer.id, reference=new_reference()
        )
    assert await cash(db, player_id) == 99 * TON
    assert await books_balance(db)


async def test_simultaneous_cash_outs_pay_once(db, floor, other_floor):
    player_id = await ready_player(db)
    opened = await start(floor, player_id)
    answers = await asyncio.gather(
        *(
            one.cash_out(player_id=player_id, round_id=opened.answer.id, reference=new_reference())
            for one in (floor, other_floor) * 4
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, RoundClosed) for answer in answers) == 7
    assert await cash(db, player_id) == 100 * TON


async def test_an_open_round_survives_the_process(db, floor):
    player_id = await ready_player(db)
    opened = await start(floor, player_id)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as restarted:
        async with db.transaction() as session:
            (found,) = await history.open_rounds(session, player_id=player_id)
        assert found.id == opened.answer.id
        ended = await restarted.cash_out(
            player_id=player_id, round_id=found.id, reference=new_reference()
        )
    assert ended.answer.payout == TON


async def test_another_players_round_does_not_exist(db, floor):
    ann, bob = await ready_player(db), await ready_player(db)
    opened = await start(floor, ann)
    with pytest.raises(RoundClosed):
        await floor.cash_out(player_id=bob, round_id=opened.answer.id, reference=new_reference())


async def test_rotation_promotes_the_pair_that_was_committed_to(db, floor):
    player_id = await ready_player(db)
    async with db.transaction() as session:
        await journal.lock_players(session, [player_id])
        before = await seeds.current(session, player_id=player_id, store=floor.seeds)
    reference = new_reference()
    first = await floor.rotate_seed(player_id=player_id, client_seed="a", reference=reference)
    again = await floor.rotate_seed(player_id=player_id, client_seed="a", reference=reference)
    assert again.answer == first.answer
    assert first.answer.current_commitment == before.next_commitment
    assert first.answer.commitment == before.commitment
    second = await floor.rotate_seed(
        player_id=player_id, client_seed=None, reference=new_reference()
    )
    assert second.answer.current_client_seed == "a"
    assert commitment(second.answer.server_seed) == before.next_commitment
    async with db.transaction() as session:
        shown = await seeds.revealed(session, player_id=player_id)
    assert [one.server_seed for one in shown] == [
        second.answer.server_seed,
        first.answer.server_seed,
    ]


async def test_several_rotations_and_bets_in_one_batch_stay_in_order(db, floor):
    player_id = await ready_player(db)
    await asyncio.gather(
        *(
            work
            for _ in range(5)
            for work in (
                bet(floor, player_id),
                floor.rotate_seed(player_id=player_id, client_seed=None, reference=new_reference()),
                bet(floor, player_id),
            )
        )
    )
    async with db.transaction() as session:
        shown = await seeds.revealed(session, player_id=player_id)
        rounds = await history.list_rounds(session, player_id=player_id)
    assert len({(one.seed_pair_id, one.seed_nonce) for one in rounds}) == 10
    by_pair = {one.pair_id: one for one in shown}
    for round_ in rounds:
        pair = by_pair.get(round_.seed_pair_id)
        if pair is None:
            continue
        assert round_.seed_nonce < pair.rounds
        drawn = verify("dice", Seeds(pair.server_seed, pair.client_seed, round_.seed_nonce), EVEN)
        assert drawn["outcome"] == round_.details["roll"]
    assert await books_balance(db)


async def test_a_bad_tile_is_refused_alone(db, floor):
    ann, bob = await ready_player(db), await ready_player(db)
    opened = await start(floor, ann)
    answers = await asyncio.gather(
        floor.act(
            player_id=ann,
            round_id=opened.answer.id,
            action={"tile": 25},
            reference=new_reference(),
        ),
        bet(floor, bob),
        return_exceptions=True,
    )
    assert isinstance(answers[0], BadChoice)
    assert answers[1].answer.status == "settled"
