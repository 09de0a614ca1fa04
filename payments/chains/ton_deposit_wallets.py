"""Deposit addresses on TON: one key's ordinary wallets, told apart by their subwallet ids. Pure.

Ed25519 has no public derivation, so all of them have one key, and what differs is a number in the
wallet's first data. Knowing the public key is enough to make the addresses and not to spend."""

from __future__ import annotations

from dataclasses import dataclass

from ton_core import CONTRACT_CODES, Cell, ContractVersion, PublicKey, StateInit, WalletV4Data

from payments.addresses import BASECHAIN, TonAddress
from payments.chains.ton_cells import CellError

FIRST_SUBWALLET_ID = 0x2000_0000
"""Far from the default of wallet programs: a seed typed into one shows no player's coins."""
NUMBERS = 1 << 29
PUBLIC_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class DepositWallet:
    """The wallet (v4r2) behind deposit address number `number` of a key.

    Nothing deploys it before it has to send; until then it takes whatever is not bounceable."""

    public_key: bytes
    number: int

    @property
    def subwallet_id(self) -> int:
        """What tells this wallet from the key's others. Raises CellError for a bad number."""
        if not 0 <= self.number < NUMBERS:
            raise CellError("a deposit address has a number below 2^29")
        return FIRST_SUBWALLET_ID + self.number

    def state_init(self) -> StateInit:
        """Code and first data, which deploy the wallet with its first message."""
        data = WalletV4Data(public_key=PublicKey(self.public_key), subwallet_id=self.subwallet_id)
        code = Cell.one_from_boc(CONTRACT_CODES[ContractVersion.WalletV4R2])
        return StateInit(code=code, data=data.serialize())

    @property
    def address(self) -> TonAddress:
        """Where the wallet lives; a function of its code and first data."""
        return TonAddress(BASECHAIN, bytes(self.state_init().serialize().hash))


def read_public_key(text: str) -> bytes:
    """An Ed25519 public key from 64 hex digits; raises CellError for anything else."""
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise CellError("a public key is 64 hex digits") from error
    if len(key) != PUBLIC_KEY_BYTES:
        raise CellError("a public key is 64 hex digits")
    return key
