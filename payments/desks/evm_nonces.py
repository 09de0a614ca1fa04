"""Has anything left an account that no payout of ours explains: looked at before anything else is
claimed or sent, so that a restored old database pays nobody twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from casino.cashier import foreign_sends, fuel, nonces, unshown_sends
from casino.cashier.foreign_sends import SentPayment
from casino.clock import utc_now
from payments.chains.evm_addresses import parse_evm

if TYPE_CHECKING:
    from casino.db import Database
    from payments.chains.base import GasBurnt
    from payments.chains.evm import EvmChain
    from payments.chains.evm_judge import NonceTaker

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class NonceWatch:
    """Looks at the nonces of one rail's hot wallet."""

    database: Database
    evm: EvmChain
    rail: str

    async def clear(self, account: str, *, final: int, used: int) -> bool:
        """Whether everything that used a nonce of `account` is ours, or was explained by staff.

        Nonces below `final` are used for ever, those up to `used` as far as a node knows. One that
        is a stranger's is noted when it is final; until then nothing may leave all the same."""
        async with self.database.transaction() as session:
            look = await nonces.unexplained(session, account=account, used=used)
        for nonce in look.strange:
            if nonce >= final:
                log.warning("sender.strange_nonce", account=account, nonce=nonce)
                return False
            await self._note(account, nonce)
        async with self.database.transaction() as session:
            seen = min(final, look.upto)
            await nonces.looked_at(session, account=account, upto=seen, now=utc_now())
            waiting = await foreign_sends.waiting(session, account=account)
        if waiting:
            log.warning("sender.foreign_send_waits", account=account, count=len(waiting))
        return not waiting and look.upto >= used

    async def _note(self, account: str, nonce: int) -> None:
        found = await self.evm.taker(parse_evm(account).raw, nonce)
        now = utc_now()
        # A node without old states may not show it; that it is a stranger's is certain.
        tx_hash = found[0].tx_hash if found is not None else unshown_sends.name_of(nonce)
        seen: dict[str, object] = {unshown_sends.NONCE: nonce}
        if found is not None:
            seen |= evidence(self.rail, nonce, *found)
        async with self.database.transaction() as session:
            if await unshown_sends.is_noted(session, account=account, nonce=nonce):
                seen |= {foreign_sends.TX_HASH: tx_hash} if found is not None else {}
                tx_hash = unshown_sends.name_of(nonce)
            new = await foreign_sends.note(
                session, rail=self.rail, account=account, tx_hash=tx_hash, evidence=seen, now=now
            )
            if found is not None:
                # Whoever sent it, our coins paid for it.
                await fuel.charge(session, rail=self.rail, burnt=found[1], now=now)
        log.error("sender.foreign_send", account=account, nonce=nonce, tx=tx_hash, new=new)


def evidence(rail: str, nonce: int, taker: NonceTaker, burnt: GasBurnt) -> dict[str, object]:
    """What staff should see of a transaction that took a nonce of ours."""
    return {
        unshown_sends.NONCE: nonce,
        "block": taker.height,
        "to": taker.to,
        "burnt_wei": str(burnt.parts),
        foreign_sends.PAID: [
            SentPayment(rail, parse_evm(to).checksummed, units).as_evidence()
            for to, units in taker.sends
        ],
    }
