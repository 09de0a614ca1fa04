"""At the tables: every deed at the floor, its answer beside what the model says it must be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from casino.betting.commands import Credit, Debit, Rollback
from casino.errors import CasinoError, IdempotencyConflict, OutsideUnavailable, Refusal
from casino.ids import RoundId
from casino.ledger.journal import Result
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.simulation import oracle
from tests.simulation.faults import Fault, Point
from tests.simulation.model import AGGREGATORS, GAMING, OPEN, Field, Model, Person
from tests.simulation.world import World, require

PROVIDER = "acme"
SEAMLESS = ("debit", "credit", "rollback")
REMEMBERED_FOR = timedelta(days=28)


@dataclass(slots=True)
class Asked:
    """A command under its reference; `told` is the first answer that was no refusal."""

    person: Person
    kind: str
    reference: str
    made: datetime
    facts: dict[str, Any]
    asset: Asset = Asset.TON
    told: Result[Any] | None = None
    remembered: bool = False


@dataclass(slots=True)
class OutsideDebit:
    """What we know of an aggregator's stake: whose it was, or that it is refused for ever."""

    person: Person
    asset: Asset
    units: int
    undone: bool = False


@dataclass(slots=True)
class Tables:
    """Puts commands to the floor and judges each answer."""

    world: World
    model: Model
    history: list[Asked] = field(default_factory=list)
    debits: dict[str, OutsideDebit] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)

    async def put(self, *batch: Asked) -> None:
        """Put commands at once, in this order; again while connections are lost; judge answers."""

        async def start() -> Sequence[Any]:
            answers = await asyncio.gather(*map(self._try, batch), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException) and not isinstance(
                    answer, Refusal | IdempotencyConflict
                ):
                    raise answer
            return answers

        self.model.see_bankroll(self.world.now)
        answers, struck = await self.world.once(start)
        for asked, answer in zip(batch, answers, strict=True):
            self._note(asked, answer, struck)
        # What a lost commit had done was there before the repeat was decided.
        lost_answers = struck is not None and struck.point is Point.AFTER_COMMIT
        order = sorted(
            zip(batch, answers, strict=True),
            key=lambda pair: lost_answers and not getattr(pair[1], "replayed", False),
        )
        for asked, answer in order:
            if isinstance(answer, IdempotencyConflict):
                require(self._conflicts(asked), "a conflict out of nothing", kind=asked.kind)
            elif asked.told is not None:
                self._judge_repeat(asked, answer)
            else:
                self._judge_first(asked, answer, lost=lost_answers, alone=len(batch) == 1)
            if not asked.remembered:
                asked.remembered = True
                self.history.append(asked)
        await check_people(self.world, self.model, [asked.person for asked in batch])

    async def put_other_content(self, asked: Asked, other: Asked) -> None:
        """The reference of a command that went through, with other content: a conflict."""
        self.model.see_bankroll(self.world.now)
        try:
            answer, _ = await self.world.once(lambda: self._start(other))
        except (Refusal, IdempotencyConflict) as error:
            self._note(other, error, None)
            if self._too_old(other):
                require(error.code == "refusal.stale_reference", "too old", error=error)
            else:
                require(isinstance(error, IdempotencyConflict), "a changed command", error=error)
        else:
            require(False, "a changed command went through", kind=asked.kind, answer=answer)
        await check_people(self.world, self.model, [asked.person, other.person])

    def _too_old(self, asked: Asked) -> bool:
        return asked.kind not in SEAMLESS and self.world.now - asked.made > REMEMBERED_FOR

    def _note(self, asked: Asked, answer: Any, struck: Fault | None) -> None:
        told: dict[str, object]
        if isinstance(answer, CasinoError):
            told = {"refused": answer.code}
        else:
            one = answer.answer
            told = {"entry": answer.entry_id, "replayed": answer.replayed}
            for name in ("status", "payout", "seed_nonce", "units", "commitment"):
                told[name] = getattr(one, name, None)
            told["receipt"] = (getattr(one, "receipt_hash", None) or b"").hex()
        self.world.trace.note(
            at=self.world.now.isoformat(),
            who=asked.person.name,
            kind=asked.kind,
            reference=asked.reference,
            facts=asked.facts,
            asset=asked.asset,
            struck=struck.point if struck else None,
            **told,
        )

    async def _try(self, asked: Asked) -> Any:
        try:
            return await self._start(asked)
        except (Refusal, IdempotencyConflict) as error:
            return error
        except OutsideUnavailable:
            raise

    def _start(self, asked: Asked) -> Any:
        floor, facts = self.world.floor, asked.facts
        mine = {"player_id": asked.person.id, "reference": asked.reference}
        match asked.kind:
            case "bet":
                return floor.place_bet(
                    game=INSTANT["dice"],
                    asset=asked.asset,
                    stake=facts["units"],
                    choice={"target": facts["target"], "over": facts["over"]},
                    **mine,
                )
            case "open":
                return floor.open_round(
                    game=STEPS["mines"],
                    asset=asked.asset,
                    stake=facts["units"],
                    choice={"mines": facts["mines"]},
                    **mine,
                )
            case "act":
                return floor.act(round_id=facts["round"], action={"tile": facts["tile"]}, **mine)
            case "cash_out":
                return floor.cash_out(round_id=facts["round"], **mine)
            case "rotate":
                return floor.rotate_seed(client_seed=facts["client_seed"], **mine)
            case _:
                return floor.seamless(self._call(asked))

    def _call(self, asked: Asked) -> Debit | Credit | Rollback:
        common = {
            "player_id": asked.person.id,
            "reference": asked.reference,
            "provider": PROVIDER,
            "asset": asked.asset,
            "round_reference": asked.facts["round"],
        }
        if asked.kind == "rollback":
            return Rollback(target=asked.facts["target"], **common)
        call = Debit if asked.kind == "debit" else Credit
        return call(units=asked.facts["units"], **common)

    def _judge_repeat(self, asked: Asked, answer: Any) -> None:
        assert asked.told is not None
        if self._too_old(asked):
            code = getattr(answer, "code", None)
            require(code == "refusal.stale_reference", "an old reference", answer=answer)
            return
        require(not isinstance(answer, CasinoError), "a repeat was refused", answer=answer)
        require(answer.replayed, "a repeat was done anew", kind=asked.kind)
        require(answer.entry_id == asked.told.entry_id, "another entry", kind=asked.kind)
        require(
            answer.answer == asked.told.answer,
            "same reference, another answer",
            first=asked.told.answer,
            now=answer.answer,
        )

    def _judge_first(self, asked: Asked, answer: Any, *, lost: bool, alone: bool) -> None:
        expected = {"refusal.stale_reference"} if self._too_old(asked) else self._refusals(asked)
        if isinstance(answer, CasinoError):
            require(answer.code in expected, "a refusal", got=answer.code, expected=expected)
            return
        require(not expected, "something was let through", kind=asked.kind, against=expected)
        # In a batch, what the lost commit refused may have gone through the second time.
        once = answer.replayed == lost or (lost and not alone)
        require(once, "done how often", kind=asked.kind, replayed=answer.replayed)
        asked.told = answer
        settle = getattr(self, f"_{asked.kind}")
        settle(asked, answer.answer)

    def _conflicts(self, asked: Asked) -> bool:
        """Whether a rollback aims at somebody else's debit, or one in another coin."""
        if asked.kind != "rollback":
            return False
        target = self.debits.get(asked.facts["target"])
        if target is None or target.undone:
            return False
        return target.person is not asked.person or target.asset is not asked.asset

    def _refusals(self, asked: Asked) -> set[str]:
        person, facts, now = asked.person, asked.facts, self.world.now
        match asked.kind:
            case "bet":
                return self.model.dice_refusals(
                    person,
                    asked.asset,
                    facts["units"],
                    target=facts["target"],
                    over=facts["over"],
                    moment=now,
                )
            case "open":
                return self.model.mines_refusals(
                    person, asked.asset, facts["units"], mines=facts["mines"], moment=now
                )
            case "act":
                if facts["round"] not in person.fields:
                    return {"refusal.round_closed"}
                opened = person.fields[facts["round"]].opened
                return {"refusal.bad_choice"} if facts["tile"] in opened else set()
            case "cash_out":
                return set() if facts["round"] in person.fields else {"refusal.round_closed"}
            case "rotate":
                return {"refusal.seed_in_use"} if person.fields else set()
            case "debit":
                if asked.reference in self.buried:
                    return {"refusal.round_closed"}
                return self.model.stake_refusals(person, PROVIDER, asked.asset, facts["units"], now)
        return set()

    def _draw(self, person: Person, round_: Any) -> tuple[str, str, int]:
        """Check that a round was drawn from the next nonce of the pair in force; what it was."""
        facts = (round_.commitment, round_.client_seed, round_.seed_nonce)
        wanted = (person.commitment, person.client_seed, person.nonce)
        require(facts == wanted, "drawn from other seeds", got=facts, wanted=wanted)
        person.nonce += 1
        return self.world.tokens[person.commitment], person.client_seed, round_.seed_nonce

    def _receipt(self, person: Person, round_: Any) -> None:
        require(round_.status == "settled", "a round that has ended", status=round_.status)
        if person.receipt is not None:
            require(round_.receipt_before == person.receipt, "the chain of receipts")
        person.receipt = round_.receipt_hash
        person.rounds += 1

    def _bet(self, asked: Asked, round_: Any) -> None:
        person, facts, now = asked.person, asked.facts, self.world.now
        server_seed, client_seed, nonce = self._draw(person, round_)
        payout = oracle.dice_payout(
            server_seed=server_seed,
            client_seed=client_seed,
            nonce=nonce,
            stake=facts["units"],
            target=facts["target"],
            over=facts["over"],
        )
        require(round_.payout == payout, "a payout", got=round_.payout, wanted=payout)
        self.model.stake(person, GAMING, facts["units"], asked.asset, now)
        self.model.payout(person, GAMING, payout, asked.asset, now)
        self._receipt(person, round_)

    def _open(self, asked: Asked, round_: Any) -> None:
        person, stake, mines = asked.person, asked.facts["units"], asked.facts["mines"]
        bankroll = self.model.bankroll[asked.asset]
        steps = oracle.mines_steps(stake=stake, mines=mines, bankroll=bankroll)
        cost = oracle.mines_payout(stake=stake, mines=mines, opened=steps) - stake
        got = (round_.status, round_.steps_allowed, round_.exposure)
        require(got == ("open", steps, cost), "an opening", got=got, wanted=(steps, cost))
        server_seed, client_seed, nonce = self._draw(person, round_)
        hidden = oracle.mined(
            server_seed=server_seed, client_seed=client_seed, nonce=nonce, mines=mines
        )
        self.model.stake(person, OPEN, stake, asked.asset, self.world.now)
        person.fields[round_.id] = Field(
            asked.asset, stake, mines, hidden, steps, cost, self.world.now
        )

    def _act(self, asked: Asked, round_: Any) -> None:
        person, tile = asked.person, asked.facts["tile"]
        field_ = person.fields[asked.facts["round"]]
        field_.opened.append(tile)
        require(list(round_.steps) == field_.opened, "the steps so far", got=round_.steps)
        if tile in field_.mined:
            self._end(person, asked.facts["round"], 0, round_)
        elif len(field_.opened) == field_.steps_max:
            self._end(person, asked.facts["round"], len(field_.opened), round_)
        else:
            require(round_.status == "open", "a round that goes on", status=round_.status)

    def _cash_out(self, asked: Asked, round_: Any) -> None:
        field_ = asked.person.fields[asked.facts["round"]]
        self._end(asked.person, asked.facts["round"], len(field_.opened), round_, out=True)

    def _end(
        self, person: Person, round_id: RoundId, opened: int, round_: Any, *, out: bool = False
    ) -> None:
        ended = person.fields.pop(round_id)
        payout = 0
        if opened or out:
            payout = oracle.mines_payout(stake=ended.stake, mines=ended.mines, opened=opened)
        require(round_.payout == payout, "a payout", got=round_.payout, wanted=payout)
        self.model.move(OPEN, GAMING, ended.stake, ended.asset)
        self.model.payout(person, GAMING, payout, ended.asset, self.world.now)
        self._receipt(person, round_)

    def _rotate(self, asked: Asked, answer: Any) -> None:
        person = asked.person
        server_seed = self.world.tokens[person.commitment]
        got = (answer.server_seed, answer.commitment, answer.client_seed, answer.rounds)
        wanted = (server_seed, person.commitment, person.client_seed, person.nonce)
        require(got == wanted, "what was revealed", got=got, wanted=wanted)
        require(answer.current_commitment == person.next_commitment, "what was promised")
        person.commitment, person.next_commitment = person.next_commitment, answer.next_commitment
        person.client_seed = asked.facts["client_seed"] or person.client_seed
        require(answer.current_client_seed == person.client_seed, "the client seed")
        person.nonce = 0

    def _debit(self, asked: Asked, answer: Any) -> None:
        units = asked.facts["units"]
        require((answer.units, answer.asset) == (units, asked.asset), "a debit", got=answer)
        self.debits[asked.reference] = OutsideDebit(asked.person, asked.asset, units)
        self.model.stake(asked.person, AGGREGATORS, units, asked.asset, self.world.now)

    def _credit(self, asked: Asked, answer: Any) -> None:
        units = asked.facts["units"]
        require((answer.units, answer.asset) == (units, asked.asset), "a credit", got=answer)
        self.model.payout(asked.person, AGGREGATORS, units, asked.asset, self.world.now)

    def _rollback(self, asked: Asked, answer: Any) -> None:
        target = self.debits.get(asked.facts["target"])
        require(not self._conflicts(asked), "a rollback of a stranger's debit went through")
        if target is None or target.undone:
            require(answer.units == 0, "a rollback of nothing", got=answer)
            if target is None:
                self.buried.add(asked.facts["target"])
            return
        require(answer.units == target.units, "a rollback", got=answer, wanted=target.units)
        target.undone = True
        if target.units:
            worth = self.model.worth_down(target.units, asked.asset)
            asked.person.count(self.world.now, staked=-worth, lost=-worth)
            self.model.move(AGGREGATORS, "player:cash", target.units, asked.asset, asked.person)


async def check_people(world: World, model: Model, people: Sequence[Person]) -> None:
    """Compare the wallets and counters of these players with the model's."""
    ids = sorted({person.id for person in people})
    by_id = {person.id: person for person in people}
    rows = await world.administrator.fetch(
        "SELECT player_id, asset, cash, reserved, held, bonus, deficit, not_final"
        " FROM wallets WHERE player_id = ANY($1) ORDER BY 1, 2",
        ids,
    )
    for player_id, code, *parts in rows:
        person, asset = by_id[player_id], Asset.from_code(code)
        wanted = [
            model.purses[person.id, account, asset]
            for account in ("player:cash", "player:reserved", "player:held")
        ]
        require(parts == [*wanted, 0, 0, 0], "a wallet", who=person.name, got=parts, wanted=wanted)
    rows = await world.administrator.fetch(
        "SELECT player_id, day, day_staked, day_lost, day_deposited, week, week_staked, week_lost,"
        " week_deposited, month, month_staked, month_lost, month_deposited"
        " FROM player_counters WHERE player_id = ANY($1)",
        ids,
    )
    for player_id, *parts in rows:
        tallies = by_id[player_id].rolled(world.now).values()
        for place, tally in enumerate(tallies):
            start, *got = parts[4 * place : 4 * place + 4]
            if start < tally.start.date():
                got = [0, 0, 0]
            counted = [tally.staked, tally.lost, tally.deposited]
            require(got == counted, "counters", who=by_id[player_id].name, got=got, wanted=counted)
