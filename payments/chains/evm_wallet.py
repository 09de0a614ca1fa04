"""Transactions of EVM accounts: built and signed from plain values, the same input the same bytes.

A transaction is built first, as a value, and signed by whoever holds the key; what was signed can
be read back from its bytes alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak

from payments.chains.evm_addresses import ADDRESS_BYTES, EvmAddress, address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sign = Callable[[bytes], bytes]
    """Makes the signature of a 32-byte hash: r, s (32 bytes each, s in the lower half of the
    curve's order) and the recovery id (one byte, 0 or 1), as coincurve's `sign_recoverable`."""

# `transfer` is called by its selector and nothing is read back: USDT returns nothing at all.
TRANSFER_SELECTOR = keccak(b"transfer(address,uint256)")[:4]
FLUSH_SELECTOR = keccak(b"flush(address)")[:4]
FEE_MARKET_TYPE = 2
SET_CODE_TYPE = 4
AUTHORIZATION_MAGIC = b"\x05"
COIN_TRANSFER_GAS = 21_000
GWEI = 10**9
NONCE_MAX = 2**64 - 2
"""The highest nonce that an account can use (EIP-2681)."""
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
SIGNATURE_BYTES = 65
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""A replacement pays at least 12.5 % more. Geth asks for 10 %; some nodes forget to ask."""


class TransactionInvalid(ValueError):
    """A transaction that cannot exist, cannot be read, or is signed by somebody else."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a unit of gas may cost, in wei: at most `max_fee`, of which `tip` for the producer."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class FeeMarket:
    """What the next block asks for, in wei per unit of gas."""

    base_fee: int
    tip: int

    @property
    def fees(self) -> Fees:
        """Enough for the next blocks even while the base fee doubles, which takes six of them.

        The tip is never nothing: nodes do not pass such transactions on."""
        tip = max(self.tip, 1)
        return Fees(2 * self.base_fee + tip, tip)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed permission to let an account act with a contract's code (EIP-7702).

    It uses up the `nonce` of the account that signed it, like a transaction does."""

    chain_id: int
    delegate: EvmAddress
    nonce: int
    parity: int
    r: int
    s: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction before it is signed; `value` is in wei."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: EvmAddress
    value: int
    payload: bytes
    authorizations: tuple[Authorization, ...] = ()

    def signing_hash(self) -> bytes:
        """The 32 bytes to sign."""
        return keccak(_packed(self, ()))


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Bytes ready for the network, the hash by which they are found there, and who signed them."""

    signed: bytes
    tx_hash: str
    sender: EvmAddress
    transaction: Transaction


def token_transfer(
    *,
    chain_id: int,
    nonce: int,
    fees: Fees,
    gas: int,
    token: EvmAddress,
    to: EvmAddress,
    units: int,
) -> Transaction:
    """Pay `units` of an ERC-20 token. Raises TransactionInvalid for a payment of nothing."""
    if not 0 < units < 2**256:
        raise TransactionInvalid("a payment needs a positive amount of 256 bits")
    payload = TRANSFER_SELECTOR + _word(to) + units.to_bytes(32, "big")
    return _checked(Transaction(chain_id, nonce, fees, gas, token, 0, payload))


def coin_transfer(
    *, chain_id: int, nonce: int, fees: Fees, to: EvmAddress, wei: int, gas: int = COIN_TRANSFER_GAS
) -> Transaction:
    """Pay the chain's own coin, to fill up an account that must pay fees.

    The least gas is not enough for a receiver with code, such as a deposit address that was swept
    by EIP-7702: the coins stay, the fee is gone."""
    if wei <= 0:
        raise TransactionInvalid("a payment needs a positive amount")
    return _checked(Transaction(chain_id, nonce, fees, gas, to, wei, b""))


def sweep(
    *,
    chain_id: int,
    nonce: int,
    fees: Fees,
    gas: int,
    deposit: EvmAddress,
    token: EvmAddress,
    authorization: Authorization | None,
) -> Transaction:
    """Let a deposit address send all of its `token` to the treasury of its delegate.

    Whoever sends this pays the gas. The first sweep carries the deposit address's authorization;
    later ones need none. With a stale authorization and no earlier one it is mined as a success
    that moved nothing: a sweep is judged by its Transfer log to the treasury, never by its status.
    """
    authorizations = () if authorization is None else (authorization,)
    payload = FLUSH_SELECTOR + _word(token)
    return _checked(Transaction(chain_id, nonce, fees, gas, deposit, 0, payload, authorizations))


def authorize(
    *, chain_id: int, delegate: EvmAddress, nonce: int, account: EvmAddress, sign: Sign
) -> Authorization:
    """The permission of `account` to act with the code of `delegate`; `nonce` is the account's
    own. Raises TransactionInvalid when `sign` is not the account's key."""
    if not 0 < chain_id < 2**64:
        raise TransactionInvalid("a permission for every chain is refused")
    _require_nonce(nonce)
    digest = _authorization_hash(chain_id, delegate, nonce)
    parity, r, s = _signature(digest, account, sign)
    return Authorization(chain_id, delegate, nonce, parity, r, s)


def bumped(fees: Fees, *, market: Fees | None = None) -> Fees:
    """The least fees that replace a transaction with `fees`, or those of the market if higher."""
    wish = market or Fees(0, 0)
    tip = max(_raised(fees.tip), wish.tip)
    return Fees(max(_raised(fees.max_fee), wish.max_fee, tip), tip)


def replacement(transaction: Transaction, *, market: Fees | None = None) -> Transaction:
    """The same transaction for higher fees: of both, at most one is ever mined."""
    return _checked(replace(transaction, fees=bumped(transaction.fees, market=market)))


def cancellation(
    transaction: Transaction, *, account: EvmAddress, market: Fees | None = None
) -> Transaction:
    """A transfer of nothing by `account` to itself that takes the nonce of `transaction`."""
    return _checked(
        Transaction(
            chain_id=transaction.chain_id,
            nonce=transaction.nonce,
            fees=bumped(transaction.fees, market=market),
            gas=COIN_TRANSFER_GAS,
            to=account,
            value=0,
            payload=b"",
        )
    )


def sign_transaction(
    transaction: Transaction, *, account: EvmAddress, sign: Sign
) -> SignedTransaction:
    """Raises TransactionInvalid when `sign` is not the key of `account`."""
    signature = _signature(transaction.signing_hash(), account, sign)
    signed = _packed(transaction, signature)
    return SignedTransaction(signed, "0x" + keccak(signed).hex(), account, transaction)


def carried_hash(signed: bytes) -> str:
    """The hash of a signed transaction, worked out from its bytes alone."""
    return "0x" + keccak(signed).hex()


def read_signed(signed: bytes) -> SignedTransaction:
    """What stored bytes say and who signed them; they must be of the two types made here.

    Raises TransactionInvalid."""
    if signed[:1] not in (bytes([FEE_MARKET_TYPE]), bytes([SET_CODE_TYPE])):
        raise TransactionInvalid("not of a type that we make")
    try:
        fields = rlp.decode(signed[1:])
        transaction, signature = _read_fields(fields, with_code=signed[0] == SET_CODE_TYPE)
    except (rlp.DecodingError, ValueError, TypeError, RecursionError) as error:
        raise TransactionInvalid("not a transaction") from error
    if _packed(_checked(transaction), signature) != signed:
        raise TransactionInvalid("not in its one true form")
    sender = _signer(transaction.signing_hash(), *signature)
    return SignedTransaction(signed, carried_hash(signed), sender, transaction)


def authorization_account(authorization: Authorization) -> EvmAddress:
    """Who signed a permission. Raises TransactionInvalid when nobody can have."""
    digest = _authorization_hash(
        authorization.chain_id, authorization.delegate, authorization.nonce
    )
    return _signer(digest, authorization.parity, authorization.r, authorization.s)


def read_transfer(payload: bytes) -> tuple[EvmAddress, int] | None:
    """Recipient and units that a call's payload asks for; None when it is no token transfer.

    Good for comparing orders with bytes, never for crediting: what was paid is in the log."""
    if len(payload) != 4 + 2 * 32 or payload[:4] != TRANSFER_SELECTOR or any(payload[4:16]):
        return None
    return EvmAddress(payload[16:36]), int.from_bytes(payload[36:], "big")


def _checked(transaction: Transaction) -> Transaction:
    fees = transaction.fees
    if not 0 < transaction.chain_id < 2**64:
        raise TransactionInvalid("no such chain id")
    _require_nonce(transaction.nonce)
    if not 0 < fees.max_fee < 2**128 or not 0 <= fees.tip <= fees.max_fee:
        raise TransactionInvalid("the tip is a part of a positive fee")
    if not COIN_TRANSFER_GAS <= transaction.gas < 2**64:
        raise TransactionInvalid("too little gas for any transaction, or too much")
    if not 0 <= transaction.value < 2**256:
        raise TransactionInvalid("no such value")
    if len(transaction.to.account) != ADDRESS_BYTES:
        raise TransactionInvalid("no such receiver")
    if any(one.chain_id != transaction.chain_id for one in transaction.authorizations):
        raise TransactionInvalid("a permission for another chain does nothing on this one")
    return transaction


def _require_nonce(nonce: int) -> None:
    if not 0 <= nonce <= NONCE_MAX:
        raise TransactionInvalid("no such nonce")


def _packed(transaction: Transaction, signature: Sequence[int]) -> bytes:
    fields: list[object] = [
        transaction.chain_id,
        transaction.nonce,
        transaction.fees.tip,
        transaction.fees.max_fee,
        transaction.gas,
        transaction.to.account,
        transaction.value,
        transaction.payload,
        [],  # the access list: what we call reads nothing that listing would make cheaper
    ]
    if transaction.authorizations:
        fields.append(
            [
                [one.chain_id, one.delegate.account, one.nonce, one.parity, one.r, one.s]
                for one in transaction.authorizations
            ]
        )
    kind = SET_CODE_TYPE if transaction.authorizations else FEE_MARKET_TYPE
    return bytes([kind]) + bytes(rlp.encode([*fields, *signature]))


def _authorization_hash(chain_id: int, delegate: EvmAddress, nonce: int) -> bytes:
    return keccak(AUTHORIZATION_MAGIC + bytes(rlp.encode([chain_id, delegate.account, nonce])))


def _signature(digest: bytes, account: EvmAddress, sign: Sign) -> tuple[int, int, int]:
    signature = sign(digest)
    if len(signature) != SIGNATURE_BYTES:
        raise TransactionInvalid("not a recoverable signature")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if _signer(digest, signature[64], r, s) != account:
        raise TransactionInvalid("signed by another account")
    return signature[64], r, s


def _signer(digest: bytes, parity: int, r: int, s: int) -> EvmAddress:
    if parity not in (0, 1) or not 0 < s <= HALF_ORDER or not 0 < r < 2**256:
        raise TransactionInvalid("not a signature in its one true form")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:  # the library raises bare Exceptions for bad points
        raise TransactionInvalid("not a signature") from error
    return address_of(key.format(compressed=False))


def _read_fields(fields: Any, *, with_code: bool) -> tuple[Transaction, tuple[int, int, int]]:
    *body, parity, r, s = fields
    # An access list is never ours: packed again, bytes that had one would differ.
    chain_id, nonce, tip, max_fee, gas, to, value, payload, _access, *code = body
    (permissions,) = code if with_code else (*code, [])
    transaction = Transaction(
        chain_id=_number(chain_id),
        nonce=_number(nonce),
        fees=Fees(_number(max_fee), _number(tip)),
        gas=_number(gas),
        to=_address(to),
        value=_number(value),
        payload=bytes(payload),
        authorizations=tuple(_read_authorization(one) for one in permissions),
    )
    return transaction, (_number(parity), _number(r), _number(s))


def _read_authorization(fields: Any) -> Authorization:
    chain_id, delegate, nonce, parity, r, s = fields
    return Authorization(
        chain_id=_number(chain_id),
        delegate=_address(delegate),
        nonce=_number(nonce),
        parity=_number(parity),
        r=_number(r),
        s=_number(s),
    )


def _address(field: bytes) -> EvmAddress:
    if len(field) != ADDRESS_BYTES:
        raise TransactionInvalid("no such address")
    return EvmAddress(bytes(field))


def _number(field: bytes) -> int:
    return int.from_bytes(field, "big")


def _word(address: EvmAddress) -> bytes:
    return bytes(12) + address.account


def _raised(fee: int) -> int:
    """The fee and an eighth of it, rounded up, and always more than before."""
    return max(-(-fee * BUMP_NUMERATOR // BUMP_DENOMINATOR), fee + 1)
