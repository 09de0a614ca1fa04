"""Which account holds an owner's jettons: asked of allow-listed masters (TEP-74), once for each."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ton_core import begin_cell

from casino.errors import NotFound, OutsideError, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.ton_cells import (
    Fields,
    library_address,
    read_cell_base64,
    write_boc,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.addresses import TonAddress
    from payments.rpc import Json, Toncenter


class JettonWallets:
    """Jetton wallets of accounts, for the jettons whose masters are listed. An answer never
    changes, so that each is asked for once in a process."""

    def __init__(self, rpc: Toncenter, *, masters: Sequence[str]) -> None:
        """`masters` are addresses in any form; raises AddressInvalid for other text."""
        self._rpc = rpc
        self.masters = frozenset(parse_ton(master, testnet=True).raw for master in masters)
        self._known: dict[tuple[str, str], str] = {}

    async def wallet_of(self, owner: str, *, master: str) -> str:
        """The raw address of `owner`'s wallet for the jetton of `master` (raw addresses both);
        the wallet need not exist yet.

        Raises NotFound for a master that is not listed, OutsideUnavailable while nothing is
        known, also for one that does not exist on this network."""
        if master not in self.masters:
            raise NotFound(thing="jetton", key=master)
        if (owner, master) not in self._known:
            argument = begin_cell().store_address(library_address(parse_ton(owner, testnet=True)))
            told = await get_method(
                self._rpc,
                master,
                "get_wallet_address",
                base64.b64encode(write_boc(argument.end_cell())).decode("ascii"),
            )
            self._known[owner, master] = read_stack_address(told, 0).raw
        return self._known[owner, master]

    def learn(self, owner: str, wallet: str, *, master: str) -> None:
        """Take over what a master told another process (raw addresses all)."""
        self._known[owner, master] = wallet

    async def of(self, owner: str) -> frozenset[str]:
        """All jetton wallets of `owner`."""
        return frozenset([await self.wallet_of(owner, master=one) for one in sorted(self.masters)])


async def vouching_master(rpc: Toncenter, wallet: str, *, owner: str) -> str | None:
    """The master that says that `wallet` holds `owner`'s jettons of its kind (raw addresses all);
    None when there is none, or none that answers: whose word it is, is for a person to judge.

    Strangers write both contracts, so that no answer of theirs is an error."""
    try:
        told = await get_method(rpc, wallet, "get_wallet_data")
        claimed, master = read_stack_address(told, 1).raw, read_stack_address(told, 2).raw
        if claimed != owner:
            return None
        named = await JettonWallets(rpc, masters=[master]).wallet_of(owner, master=master)
    except OutsideError:
        return None
    return master if named == wallet else None


async def get_method(rpc: Toncenter, account: str, method: str, *slices: str) -> Json:
    """The answer of a get-method that ran to its end; OutsideUnavailable for any other."""
    told = await rpc.run(account, method, *slices)
    if told.get("exit_code") not in (0, 1):
        reason = f"{method} exited with {told.get('exit_code')}"
        raise OutsideUnavailable(source="toncenter", reason=reason, account=account)
    return told


def read_stack_number(told: Json, place: int) -> int:
    """A number on the stack of an answer; OutsideUnavailable when there is none."""
    try:
        _kind, number = told["stack"][place]
        return int(number, 16)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise OutsideUnavailable(source="toncenter", reason=f"unreadable: {error!r}") from error


def read_stack_address(told: Json, place: int) -> TonAddress:
    """A plain account's address on the stack of an answer; OutsideUnavailable when there is
    none."""
    try:
        _kind, cell = told["stack"][place]
        address = Fields(read_cell_base64(cell["bytes"])).address()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise OutsideUnavailable(source="toncenter", reason=f"unreadable: {error!r}") from error
    if address is None:
        raise OutsideUnavailable(source="toncenter", reason="no plain account")
    return address
