"""Coins that go: asked for, taken back, decided by two, claimed, signed, sent, paid or dead."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import claiming, payouts, recovery, signing, withdrawals
from casino.cashier.batches import Payout, open_payouts
from casino.errors import CasinoError, IdempotencyConflict
from casino.money import Asset
from casino.staff import orders
from casino.staff.people import Member
from tests import factories
from tests.simulation.deposits import RAIL
from tests.simulation.model import CASH, FEES, NETWORK, OUTSIDE, RESERVED, Model, Person
from tests.simulation.tables import check_people
from tests.simulation.world import World, require, struck_before

TON = Asset.TON
FEE, SMALLEST = 50_000_000, 500_000_000
LIFETIME, SECOND_ABOVE = 5_000 * 10**6, 60 * 10**6
KEY_SEED = bytes(range(32))
TIMEOUT = timedelta(hours=1)
ORDER_VALID = timedelta(hours=72)


@dataclass(slots=True)
class Asked:
    """A withdrawal as it should stand."""

    id: int
    person: Person
    units: int
    worth: int
    destination: str
    reference: str
    status: str = "in_review"
    approvers: set[int] = field(default_factory=set)
    expires_at: datetime | None = None
    retry: bool = False


@dataclass(slots=True)
class Outgoing:
    """Players' withdrawals, the staff who decide, the sender who pays."""

    world: World
    model: Model
    staff: list[Member] = field(default_factory=list)
    asked: dict[int, Asked] = field(default_factory=dict)

    async def ask(self, person: Person, units: int) -> None:
        """Ask for a withdrawal under a new reference."""
        reference, now = self.world.reference(), self.world.now
        against = self._against_asking(person, units)
        try:
            made, _ = await self.world.transact(
                self._request(person, units, person.address, reference)
            )
        except CasinoError as error:
            require(error.code in against, "a withdrawal", error=error, wanted=against)
            self._note("ask", who=person.name, units=units, refused=error.code)
            return
        require(not against, "a withdrawal was let through", against=against)
        worth = self.model.worth_up(units, TON)
        self.asked[made.id] = Asked(made.id, person, units, worth, person.address, reference)
        person.withdrawn_ref += worth
        self.model.move(CASH, RESERVED, units, TON, person)
        self._note("ask", who=person.name, units=units, id=made.id, now=now)
        await self._check(self.asked[made.id], made)

    async def ask_again(self, *, changed: bool) -> None:
        """The reference of an earlier withdrawal, as it was or with another amount."""
        if not self.asked:
            return
        asked = self.world.random.choice(list(self.asked.values()))
        units = asked.units + changed
        try:
            made, _ = await self.world.transact(
                self._request(asked.person, units, asked.destination, asked.reference)
            )
        except IdempotencyConflict:
            require(changed, "a conflict out of nothing", id=asked.id)
            self._note("ask_again", id=asked.id, conflict=True)
        else:
            require(not changed, "a changed withdrawal went through", id=asked.id)
            require(made.id == asked.id, "same reference, another withdrawal", got=made.id)
            self._note("ask_again", id=asked.id)
            await self._check(asked, made)

    async def cancel(self, person: Person) -> None:
        """The player takes one back, if the sender has not claimed it."""
        asked = self._pick(person)
        if asked is None:
            return

        async def work(session: AsyncSession) -> Any:
            return await withdrawals.cancel(
                session, withdrawal_id=asked.id, player_id=person.id, now=self.world.now
            )

        if await self._moved(work, asked, {"in_review", "approved", "cancelled"}, "cancel"):
            self._give_back(asked, "cancelled")
        await self._check(asked)

    async def approve(self) -> None:
        """A member of staff says yes; above the ceiling a second one has to."""
        asked, member = self._pick(), self.world.random.choice(self.staff)
        if asked is None:
            return
        now = self.world.now

        async def work(session: AsyncSession) -> Any:
            return await withdrawals.approve(
                session,
                withdrawal_id=asked.id,
                member=member,
                sign=lambda order: orders.sign(order, key_seed=KEY_SEED),
                now=now,
            )

        paused = bool(self.model.stopped & {"withdrawals", "asset:TON"})
        possible = set() if paused else {"in_review"}
        if await self._moved(work, asked, possible, "approve"):
            asked.approvers.add(member.id)
            needed = 2 if asked.worth > SECOND_ABOVE else 1
            if len(asked.approvers) >= needed:
                asked.status, asked.expires_at = "approved", now + ORDER_VALID
        await self._check(asked)

    async def reject(self) -> None:
        """A member of staff says no."""
        asked, member = self._pick(), self.world.random.choice(self.staff)
        if asked is None:
            return

        async def work(session: AsyncSession) -> Any:
            return await withdrawals.reject(
                session, withdrawal_id=asked.id, member=member, reason="no", now=self.world.now
            )

        if await self._moved(work, asked, {"in_review", "approved"}, "reject"):
            self._give_back(asked, "rejected")
        await self._check(asked)

    async def refund_or_retry(self) -> None:
        """Staff look at a dead payment: another try under the same order, or the money back."""
        dead = [each for each in self.asked.values() if each.status == "dead"]
        if not dead:
            return
        asked, member = self.world.random.choice(dead), self.world.random.choice(self.staff)
        retry, now = self.world.random.random() < 0.7, self.world.now

        async def work(session: AsyncSession) -> Any:
            if retry:
                return await recovery.reassign(session, withdrawal_id=asked.id, now=now)
            return await recovery.refund(
                session, withdrawal_id=asked.id, member=member, reason="dead", now=now
            )

        assert asked.expires_at is not None
        possible = {"dead"} if not retry or asked.retry or asked.expires_at > now else set()
        if await self._moved(work, asked, possible, "retry" if retry else "refund"):
            if retry:
                asked.retry = True
            else:
                self._give_back(asked, "refunded")
                asked.retry = False
        await self._check(asked)

    async def send(self) -> None:
        """One round of the sender: every open payout one step on, then a new one."""
        async with self.world.database.transaction() as session:
            waiting = await open_payouts(session, rail=RAIL)
        for payout in waiting:
            await self._step(payout)
        await self._claim()

    async def _step(self, payout: Payout) -> None:
        now, boc = self.world.now, f"bytes of {payout.id}".encode()
        if payout.signed is None:
            await self.world.transact(
                lambda session: signing.store_signed(
                    session, payout_id=payout.id, signed=boc, tx_hash="hash", now=now
                )
            )
            self._all(payout, "signed")
        elif payout.broadcast_at is None:
            await self.world.transact(
                lambda session: payouts.mark_broadcast(session, payout_id=payout.id, now=now)
            )
            self._all(payout, "broadcast")
        elif payout.seen_at is None and self.world.random.random() < 0.8:
            await self.world.transact(
                lambda session: payouts.payout_seen(
                    session, payout_id=payout.id, tx_hash=f"carrier-{payout.id}", now=now
                )
            )
            self._note("seen", payout=payout.id)
        else:
            for member in payout.members:
                if member.outcome == "pending":
                    await self._end(payout, self.asked[member.withdrawal_id])

    async def _end(self, payout: Payout, asked: Asked) -> None:
        now, tx_hash = self.world.now, f"paid-{payout.id}-{asked.id}"
        paid = payout.seen_at is not None and self.world.random.random() < 0.8
        cost = self.world.random.choice((0, 1_234_567))

        async def work(session: AsyncSession) -> Any:
            if paid:
                return await payouts.complete_member(
                    session,
                    payout_id=payout.id,
                    withdrawal_id=asked.id,
                    tx_hash=tx_hash,
                    fee_units=cost,
                    now=now,
                )
            return await payouts.member_dead(
                session, payout_id=payout.id, withdrawal_id=asked.id, proof="expired", now=now
            )

        await self.world.transact(work)
        if paid:
            asked.status = "confirmed"
            self.model.move(RESERVED, OUTSIDE[TON], asked.units - FEE, TON, asked.person)
            self.model.move(RESERVED, FEES, FEE, TON, asked.person)
            if cost:
                self.model.move(NETWORK, OUTSIDE[TON], cost, TON)
        else:
            asked.status = "dead"
        self._note("end", payout=payout.id, id=asked.id, status=asked.status)
        await self._check(asked)

    async def _claim(self) -> None:
        now, limit = self.world.now, self.world.random.randint(1, 4)
        created_at = now - timedelta(seconds=30)
        before = {each.id for each in self.asked.values() if each.status == "assigned"}
        await self.world.transact(
            lambda session: claiming.claim(
                session,
                rail=RAIL,
                limit=limit,
                available_units=10**15,
                numbering=claiming.next_query_id,
                created_at=created_at,
                expires_at=created_at + TIMEOUT,
                orders_until=created_at + TIMEOUT,
                now=now,
                plan={},
            )
        )
        wanted = []
        if not self.model.stopped & {"withdrawals", "asset:TON"}:
            for each in sorted(self.asked.values(), key=lambda one: one.id):
                self._expire(each, created_at + TIMEOUT)
                if each.status == "approved" or (each.status == "dead" and each.retry):
                    wanted.append(each)
        # A try that was lost after its commit has claimed, and the repeat claims what was left.
        rows = await self.world.administrator.fetch(
            "SELECT id FROM withdrawals WHERE status = 'assigned' ORDER BY id"
        )
        claimed = [row[0] for row in rows if row[0] not in before]
        possible = [each.id for each in wanted]
        exact = claimed == possible[:limit] or claimed == possible[: 2 * limit]
        require(exact, "what was claimed", got=claimed, wanted=possible, limit=limit)
        for one in claimed:
            self.asked[one].status, self.asked[one].retry = "assigned", False
        self._note("claim", ids=claimed)

    def _expire(self, asked: Asked, before: datetime) -> None:
        if asked.expires_at is None or asked.expires_at > before:
            return
        if asked.status == "dead":
            asked.retry = False
        elif asked.status == "approved":
            asked.status, asked.expires_at = "in_review", None
            asked.approvers.clear()

    def _against_asking(self, person: Person, units: int) -> set[str]:
        found = set()
        if self.model.stopped & {"withdrawals", "asset:TON"}:
            found.add("refusal.paused")
        if units < SMALLEST:
            found.add("refusal.below_minimum")
        if units > self.model.purse(person, CASH, TON):
            found.add("refusal.insufficient_funds")
        if self.model.stale(TON, self.world.now):
            found.add("refusal.rate_stale")
        if person.withdrawn_ref + self.model.worth_up(units, TON) > LIFETIME:
            found.add("refusal.kyc_required")
        return found

    def _request(self, person: Person, units: int, destination: str, reference: str) -> Any:
        async def work(session: AsyncSession) -> Any:
            return await factories.ask_withdrawal(
                session,
                player_id=person.id,
                rail=RAIL,
                units=units,
                destination=destination,
                memo="",
                reference=reference,
                now=self.world.now,
            )

        return work

    async def _moved(self, work: Any, asked: Asked, possible: set[str], deed: str) -> bool:
        """Whether a deed changed the withdrawal now; its refusal must be one to expect."""
        try:
            await self.world.transact(work)
        except CasinoError as error:
            # A repeat of a deed that was done, but whose answer was lost, comes too late.
            late = struck_before(error) is not None and error.code == "error.illegal_move"
            if late and asked.status in possible:
                self._note(deed, id=asked.id, late=True)
                return True
            require(asked.status not in possible, f"{deed} was refused", error=error)
            self._note(deed, id=asked.id, refused=error.code)
            return False
        require(asked.status in possible, f"{deed} went through", status=asked.status)
        self._note(deed, id=asked.id)
        return asked.status != "cancelled"

    def _give_back(self, asked: Asked, status: str) -> None:
        asked.status = status
        asked.person.withdrawn_ref -= asked.worth
        self.model.move(RESERVED, CASH, asked.units, TON, asked.person)

    def _pick(self, person: Person | None = None) -> Asked | None:
        """One of a player's, or of all: mostly one that waits."""
        mine = [each for each in self.asked.values() if person in (None, each.person)]
        waiting = [each for each in mine if each.status in ("in_review", "approved")]
        among = waiting if waiting and self.world.random.random() < 0.9 else mine
        return self.world.random.choice(among) if among else None

    def _all(self, payout: Payout, status: str) -> None:
        for member in payout.members:
            self.asked[member.withdrawal_id].status = status
        self._note(status, payout=payout.id)

    async def _check(self, asked: Asked, made: Any = None) -> None:
        status = await self.world.administrator.fetchval(
            "SELECT status FROM withdrawals WHERE id = $1", asked.id
        )
        require(status == asked.status, "a withdrawal", got=status, wanted=asked.status)
        if made is not None:
            got = (made.units, made.fee_units, str(made.status), made.player_id)
            wanted = (asked.units, FEE, asked.status, asked.person.id)
            require(got == wanted, "a withdrawal's answer", got=got, wanted=wanted)
        await check_people(self.world, self.model, [asked.person])

    def _note(self, kind: str, **facts: object) -> None:
        self.world.trace.note(at=self.world.now.isoformat(), kind=f"withdrawal.{kind}", **facts)
