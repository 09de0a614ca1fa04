"""Money in on chains of blocks: follows each block by its parent, back to where histories agree.

No keys and no decisions: what the blocks say goes into the cashier in one transaction with the
blocks themselves, so the cursor can never be ahead of what was booked. Nothing moves past an error,
and a node that knows less than we do is waited for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from casino.cashier import address_pool, ahead, blocks, cold_storage, following, rails, unmined
from casino.cashier.blocks import Block
from casino.cashier.following import Stretch
from casino.cashier.unclaimed import ChainDeposit
from casino.cashier.unmined import UnminedDeposit
from casino.clock import utc_now
from casino.errors import OutsideUnavailable
from casino.telemetry import watcher_lag_blocks
from payments.chains.blocks import HasMempool
from payments.polling import poll
from payments.pool import Pool
from payments.reading_ahead import Read, ReadingAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from casino.cashier.blocks import Place
    from casino.cashier.coins import CoinMoves
    from casino.db import Database
    from payments.chains.blocks import BlockChain, Header, Incoming, Tip, Watched
    from payments.pool import AddressSource
    from payments.token_watch import TokenSource

PAGE_BLOCKS = 500
WALK_BLOCKS = 64
TOO_DEEP = "the node's chain leaves ours below the blocks that we remember"
BEHIND_FINAL = "the node's chain leaves ours below a final block"

log = structlog.get_logger(__name__)


class CoinSource(Protocol):
    """Where coins are outputs: reads of the blocks what they did to ours."""

    @property
    def hot_wallet(self) -> str:
        """The address that stands for all of them."""

    async def read(
        self, database: Database, headers: Sequence[Header], watched: Watched
    ) -> tuple[Sequence[Incoming], CoinMoves]:
        """What these blocks brought to watched addresses, and what they did to our coins. May
        raise OutsideUnavailable: then nothing is known."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed, and how: the rail on the chain, its network and token, where its
    addresses come from and how many of them are kept free, and the first block that matters on a
    new install (0: whatever comes after the final one).

    `tokens` tells of what else comes to these addresses, if anybody wants to know. `scale` is how
    many units of the asset make one of the chain's own; `watch` makes the container that the chain
    searches fastest. `own_form` turns an address that people know into the one of the chain's
    blocks; without it nothing that comes to the hot wallet is read here."""

    chain: BlockChain
    rail: str
    network_id: str
    token: str | None
    addresses: AddressSource
    pool_ahead: int
    start_height: int
    poll_seconds: int
    tokens: TokenSource | None = None
    scale: int = 1
    watch: Callable[[], Watched] = set[str]
    coins: CoinSource | None = None
    own_form: Callable[[str], str] | None = None


@dataclass(slots=True)
class Follower:
    """Follows one chain for one rail."""

    database: Database
    followed: Followed
    _watched: Watched = field(init=False)
    _next_number: int = 0
    _opened: bool = False
    _pool: Pool = field(init=False)
    _hot: str = ""
    _ours: frozenset[str] = frozenset()
    """Accounts that were ever given a payout: what they send to the hot wallet came from it."""
    _cold: frozenset[str] = frozenset()
    _ahead: ReadingAhead[Read] = field(default_factory=ReadingAhead)

    def __post_init__(self) -> None:
        followed = self.followed
        self._pool = Pool(self.database, followed.rail, followed.addresses, followed.pool_ahead)
        self._watched = followed.watch()

    async def run(self) -> None:
        """Follow the chain until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.followed.chain.name)
        await poll(
            self.step,
            seconds=self.followed.poll_seconds,
            on_trouble=lambda error: log.warning("follower.node_in_trouble", error=str(error)),
        )

    async def step(self) -> None:
        """Open the rail if it is new, keep addresses ready, read up to the present tip, and look
        at what waits behind it where the chain shows that."""
        tip = await self.followed.chain.tip()
        if not self._opened:
            await self._begin(tip)
            await self._fill_pool()
            self._opened = True
        try:
            while await self._read_page(tip):
                pass
        finally:
            await self._ahead.stop()
            # News come first, but players need addresses also while blocks cannot be read.
            await self._fill_pool()
        await self._look_at_mempool()

    async def _begin(self, tip: Tip) -> None:
        """Choose the first block before any address can be shown, so that no payment is older."""
        chain, name = self.followed.chain, self.followed.chain.name
        async with self.database.transaction() as session:
            if await blocks.read_place(session, chain=name) is not None:
                return
        height = self.followed.start_height - 1 if self.followed.start_height else tip.final_height
        found = await chain.headers(height, height)
        if not found:
            raise OutsideUnavailable(source=name, reason="it does not have the first block")
        async with self.database.transaction() as session:
            await blocks.begin(session, chain=name, first=_block(found[0]), now=utc_now())
        log.info("follower.begun", height=height)

    async def _fill_pool(self) -> None:
        """Keep addresses ahead of the players who will ask, then open the rail."""
        if not await self._pool.fill():
            return
        async with self.database.transaction() as session:
            await rails.set_network(
                session,
                rail=self.followed.rail,
                network_id=self.followed.network_id,
                token=self.followed.token,
                now=utc_now(),
            )
            if self.followed.coins is not None:
                await rails.set_hot_wallet(
                    session,
                    rail=self.followed.rail,
                    address=self.followed.coins.hot_wallet,
                    now=utc_now(),
                )
        await self._watch_new()

    async def _watch_new(self) -> None:
        async with self.database.transaction() as session:
            found = await address_pool.read_from(
                session, rail=self.followed.rail, number=self._next_number
            )
        if found:
            self._watched.update(address for _, address in found)
            self._next_number = found[-1][0] + 1
        if self.followed.own_form is not None:
            await self._watch_hot(self.followed.own_form)

    async def _watch_hot(self, own_form: Callable[[str], str]) -> None:
        """Watch the hot wallet as well: cold storage sends there."""
        rail = self.followed.rail
        async with self.database.transaction() as session:
            hot = (await rails.get_rail(session, rail)).address
            cold = await cold_storage.addresses(session, rail=rail)
            ours = await ahead.sending_accounts(session, rail=rail)
        self._cold = frozenset(own_form(one) for one in cold)
        self._ours = frozenset(own_form(one) for one in ours)
        if hot is not None:
            self._hot = own_form(hot)
            self._watched.update([self._hot])

    async def _read_page(self, tip: Tip) -> bool:
        """Book the next stretch of blocks; True if there is more up to the tip."""
        name = self.followed.chain.name
        async with self.database.transaction() as session:
            place = await blocks.read_place(session, chain=name)
        if place is None:
            return False
        watcher_lag_blocks.labels(chain=name).set(max(0, tip.head.height - place.top.height))
        if tip.head.height < place.top.height:
            # It lags, or its branch is still the shorter one: either way there is nothing to learn.
            log.warning("follower.tip_behind", tip=tip.head.height, known=place.top.height)
            return False
        ancestor = place.top
        read = await self._ahead.take(ancestor.hash) or await self._read_above(ancestor, tip)
        if read is None:
            shared = await self._walk_back(place)
            if shared is None:
                return False
            ancestor = shared
            read = await self._read_above(ancestor, tip)
            if read is None:
                raise OutsideUnavailable(source=name, reason="its history changes as it is read")
            reach = min(ancestor.height + PAGE_BLOCKS, place.top.height)
            if not read.headers or read.headers[-1].height < reach:
                log.warning("follower.branch_too_short", ancestor=ancestor.height)
                return False
        more = bool(read.headers) and read.headers[-1].height < tip.head.height
        # What became of our coins can only be read where those of the blocks below are booked.
        if more and self.followed.coins is None:
            last = _block(read.headers[-1])
            self._ahead.begin(last.hash, self._read_above(last, tip))
        return await self._book(place, ancestor, read, tip)

    async def _read_above(self, below: Block, tip: Tip) -> Read | None:
        """The next blocks on top of one that we know, or that is about to be booked, and what they
        brought; None if the node's chain does not contain that one."""
        headers = await self._above(below, tip)
        if headers is None:
            return None
        # After the headers: whoever was paid in one of these blocks had his address before.
        await self._watch_new()
        source = self.followed.coins
        if source is not None:
            incoming, moves = await source.read(self.database, headers, self._watched)
            return Read(headers, incoming, moves)
        incoming = await self.followed.chain.incoming(headers, self._watched) if headers else ()
        return Read(headers, incoming)

    async def _above(self, below: Block, tip: Tip) -> Sequence[Header] | None:
        """The next headers on top of a block that we know; None instead if the node's chain does
        not contain it. Raises OutsideUnavailable if the node does not reach that far."""
        head = tip.head
        if head.hash == below.hash:
            return ()
        if (head.parent, head.height) == (below.hash, below.height + 1):
            return (head,)  # as nearly always: the tip itself says all there is to know
        last = min(below.height + PAGE_BLOCKS, tip.head.height)
        found = await self.followed.chain.headers(below.height, last)
        if not found:
            raise OutsideUnavailable(
                source=self.followed.chain.name, reason="it lags behind its own tip"
            )
        return found[1:] if found[0].hash == below.hash else None

    async def _walk_back(self, place: Place) -> Block | None:
        """The newest block that the node's chain shares with ours; None if there is none that may
        be returned to, which staff are told."""
        name = self.followed.chain.name
        async with self.database.transaction() as session:
            ring = await blocks.read_ring(session, chain=name)
        for at in range(0, len(ring), WALK_BLOCKS):
            part = ring[at : at + WALK_BLOCKS]
            theirs = await self.followed.chain.headers(part[-1].height, part[0].height)
            hashes = {header.height: header.hash for header in theirs}
            for block in part:
                if hashes.get(block.height) == block.hash:
                    if block.height < place.final_height:
                        await self._halt(BEHIND_FINAL)
                        return None
                    depth = place.top.height - block.height
                    log.warning("follower.reorganised", ancestor=block.height, depth=depth)
                    return block
        await self._halt(TOO_DEEP)
        return None

    async def _halt(self, reason: str) -> None:
        name = self.followed.chain.name
        async with self.database.transaction() as session:
            new = await blocks.halt(session, chain=name, reason=reason, now=utc_now())
        log.error("follower.halted", reason=reason, told_staff=new)

    async def _book(
        self,
        place: Place,
        ancestor: Block,
        read: Read,
        tip: Tip,
    ) -> bool:
        name, above = self.followed.chain.name, [_block(header) for header in read.headers]
        final_height = await self._final_height(place, [ancestor, *above], tip)
        if not above and final_height <= place.final_height and place.halted is None:
            return False
        stretch = Stretch(
            top_hash=place.top.hash,
            ancestor=ancestor,
            above=above,
            transfers=[self._deposit(one) for one in read.incoming if not self._within(one)],
            final_height=final_height,
            coins=read.moves,
        )
        async with self.database.transaction() as session:
            booked = await following.book(
                session, chain=name, rail=self.followed.rail, stretch=stretch, now=utc_now()
            )
        if booked is None:
            log.warning("follower.not_alone", height=place.top.height)
            return False
        top = booked.place.top.height
        left = max(0, tip.head.height - top)
        watcher_lag_blocks.labels(chain=name).set(left)
        if booked.new or booked.orphaned or booked.moved or left:
            log.info(
                "follower.read",
                height=top,
                left=left,
                new=booked.new,
                moved=booked.moved,
                orphaned=booked.orphaned,
                credited=booked.ended,
                final=booked.final,
            )
        return left > 0 and bool(above)

    def _within(self, one: Incoming) -> bool:
        """Whether it only moved between accounts of ours: a sweep, or an earlier hot wallet."""
        to_hot = bool(self._hot) and one.address == self._hot
        return to_hot and (one.sender in self._watched or one.sender in self._ours)

    def _deposit(self, one: Incoming) -> ChainDeposit:
        return ChainDeposit(
            business_key=one.business_key,
            tx_hash=one.tx_hash,
            account=one.address,
            sender=one.sender,
            comment=None,
            units=one.units * self.followed.scale,
            block=one.height,
            at=one.at,
            block_hash=one.block_hash,
            from_cold=one.sender in self._cold,
            to_hot=bool(self._hot) and one.address == self._hot,
        )

    async def _look_at_mempool(self) -> None:
        """Show players what is on its way to them, and what no longer is."""
        chain, scale = self.followed.chain, self.followed.scale
        if not isinstance(chain, HasMempool):
            return
        await self._watch_new()
        waiting = await chain.waiting(self._watched)
        payments = [
            UnminedDeposit(one.business_key, one.tx_hash, one.address, one.units * scale)
            for one in waiting.payments
        ]
        async with self.database.transaction() as session:
            looked = await unmined.book(
                session,
                chain=chain.name,
                rail=self.followed.rail,
                top_hash=waiting.top_hash,
                payments=payments,
                tx_hashes=waiting.tx_hashes,
                now=utc_now(),
            )
        if looked is not None and (looked.new or looked.gone):
            log.info("follower.mempool", new=looked.new, gone=looked.gone)

    async def _final_height(self, place: Place, above: Sequence[Block], tip: Tip) -> int:
        """How far our chain is final, as this tip says: where the node names its final block, ours
        has to be the same one, for the tip and the blocks may come from different nodes."""
        known = {block.height: block.hash for block in above}
        if tip.final_hash is None:
            return min(tip.final_height, above[-1].height)
        if tip.final_height > above[-1].height:
            return place.final_height
        if tip.final_height <= place.final_height:
            return place.final_height
        if tip.final_height not in known:
            async with self.database.transaction() as session:
                ring = await blocks.read_ring(session, chain=self.followed.chain.name)
            known = {block.height: block.hash for block in ring} | known
        if known.get(tip.final_height) != tip.final_hash:
            log.warning("follower.another_final_block", height=tip.final_height)
            return place.final_height
        return tip.final_height


def _block(header: Header) -> Block:
    return Block(header.height, header.hash, header.parent, header.at)
