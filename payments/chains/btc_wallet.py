"""Bitcoin transactions of the hot wallet: drafted, raised in fee, signed by whoever has the key.

Pure and deterministic: the same draft and key give the same bytes. Everything is replaceable
(BIP125), in the order of BIP69, and carried to other signers as a PSBT (BIP174)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from embit import bip32, ec
from embit import script as scripts
from embit.psbt import PSBT, DerivationPath
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from payments.chains.btc_addresses import EMBIT_TROUBLE, INTERNAL_BRANCH
from payments.chains.btc_blocks import RawBytesError, TxOutput, read_transaction
from payments.chains.btc_coins import (
    CHANGE_DUST_UNITS,
    INPUT_VBYTES,
    INPUTS_MAX,
    Coin,
    Selection,
    Target,
    select,
    vsize_of,
)

VERSION = 2
SEQUENCE = 0xFFFFFFFD  # replaceable, no relative lock
INCREMENTAL_RATE = 1  # what BIP125 wants on top, in satoshis for each virtual byte of the new one
SIGHASH_ALL = b"\x01"
KEY_BYTES = 33
SHORTER_SIGNATURE_VBYTES = 1  # signatures may turn out a little shorter than was reckoned

Sign = Callable[[Coin, bytes], tuple[bytes, bytes]]
"""Signs a 32-byte digest with the key of a coin: the DER signature and the 33-byte public key."""
ScriptOf = Callable[[int, int], bytes]
"""Our own script at a branch and an index, as AccountKey.script derives it."""


class WalletError(ValueError):
    """This transaction cannot be made or must not be signed; `reason` is a word: key, signature,
    not_ours, fee, sum, no_change, too_little, psbt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ChangeSpot:
    """Where our own money goes: a script of the internal branch and the way to its key."""

    script: bytes
    branch: int
    index: int


@dataclass(frozen=True, slots=True)
class DraftOutput:
    """One output; `payment` is the place of the payment that it makes, None for our change."""

    units: int
    script: bytes
    payment: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction that nobody has signed. What the coins hold is outputs and fee, exactly."""

    coins: tuple[Coin, ...]
    outputs: tuple[DraftOutput, ...]
    fee_units: int
    change: ChangeSpot

    @property
    def vsize(self) -> int:
        """An upper bound of its size once signed, in virtual bytes."""
        return vsize_of(len(self.coins), [len(output.script) for output in self.outputs])

    @property
    def targets(self) -> tuple[Target, ...]:
        """What it pays to others, in the order in which the payments were given."""
        paid = sorted(
            (output.payment, output) for output in self.outputs if output.payment is not None
        )
        return tuple(Target(output.units, output.script) for _, output in paid)

    @property
    def change_vout(self) -> int | None:
        """The place of our change among the outputs."""
        for vout, output in enumerate(self.outputs):
            if output.payment is None:
                return vout
        return None


@dataclass(frozen=True, slots=True)
class SignedTx:
    """What is stored before the first broadcast."""

    raw: bytes
    txid: str
    inputs: tuple[str, ...]
    """Outpoints, `txid:vout`."""
    outputs: tuple[TxOutput, ...]
    fee_units: int
    vsize: int


def draft_payout(
    targets: Sequence[Target],
    coins: Iterable[Coin],
    *,
    change: ChangeSpot,
    rate: int,
    later_rate: int,
    reserved: frozenset[str] = frozenset(),
) -> Draft:
    """A payout at a fee rate in satoshis per virtual byte. Raises as `select` does."""
    chosen = select(targets, coins, rate=rate, later_rate=later_rate, reserved=reserved)
    return draft_of(chosen, targets, change)


def draft_consolidation(selection: Selection, *, to: ChangeSpot) -> Draft:
    """All coins of a selection made by `consolidate`, joined into one of our own."""
    return draft_of(selection, (), to)


def bump(
    draft: Draft,
    *,
    rate: int,
    later_rate: int,
    replaced_units: int = 0,
    extra: Iterable[Coin] = (),
) -> Draft:
    """The same payments at a higher fee, to replace `draft` where it waits (BIP125).

    Every coin of the draft stays in, so that at most one of the two can ever be mined. The change
    pays; coins of `extra` join, largest first, when it cannot, and only coins that are in blocks,
    as the rule wants. `replaced_units` is what else is pushed out of the mempool: the fees of
    children. Raises WalletError `too_little`."""
    joining = sorted(
        (coin for coin in extra if coin.height is not None and coin not in draft.coins),
        key=lambda coin: (-coin.units, coin.txid, coin.vout),
    )
    for count in range(len(joining) + 1):
        coins = (*draft.coins, *joining[:count])
        if len(coins) > INPUTS_MAX:
            break
        raised = _raised(draft, coins, rate, later_rate, replaced_units)
        if raised is not None:
            return raised
    raise WalletError("too_little")


def draft_child(
    parent: SignedTx, change: Coin, *, rate: int, to: ChangeSpot, others_units: int = 0
) -> Draft:
    """A transaction that spends our change of `parent` and pays for both, so that miners who want
    `rate` take them together. `others_units` is what further waiting ancestors lack.

    Raises WalletError: `no_change` when that coin is none of the parent's, `too_little`."""
    if change.outpoint not in {f"{parent.txid}:{vout}" for vout in range(len(parent.outputs))}:
        raise WalletError("no_change")
    vsize = vsize_of(1, [len(to.script)])
    lacking = max(0, rate * parent.vsize - parent.fee_units)
    fee = rate * vsize + lacking + others_units
    if change.units - fee < CHANGE_DUST_UNITS:
        raise WalletError("too_little")
    return Draft((change,), (DraftOutput(change.units - fee, to.script, None),), fee, to)


def change_coin(draft: Draft, signed: SignedTx) -> Coin | None:
    """Our change of a signed transaction as a coin that waits for its block; None without one."""
    vout = draft.change_vout
    if vout is None:
        return None
    output, spot = draft.outputs[vout], draft.change
    return Coin(
        txid=signed.txid,
        vout=vout,
        units=output.units,
        script=output.script,
        branch=spot.branch,
        index=spot.index,
        height=None,
        own_change=True,
    )


def sign(draft: Draft, signer: Sign, *, script_of: ScriptOf, rate_max: int) -> SignedTx:
    """Sign every input. Coins and change must be ours by `script_of`, wherever the draft came
    from, each signature must be good, and the fee must not be above `rate_max` (of a child, which
    pays for its parent too, it may well be): raises WalletError otherwise. What the draft pays to
    others is the caller's to check."""
    require_sound(draft, rate_max=rate_max)
    _require_ours(draft, script_of)
    transaction = _unsigned(draft)
    for number, coin in enumerate(draft.coins):
        digest = _digest(transaction, number, coin)
        signature, key = signer(coin, digest)
        _require_signature(coin, digest, signature, key)
        witness = scripts.Witness([signature + SIGHASH_ALL, key])
        transaction.vin[number].witness = witness
    return _signed(draft, bytes(transaction.serialize()))


def to_psbt(draft: Draft, account_key: str, *, fingerprint: bytes, path: str) -> str:
    """The draft for another signer, in base64 (BIP174): with the coins' outputs and the way to
    their keys from the root of `fingerprint` by `path`, the account's."""
    account = bip32.HDKey.from_string(account_key)
    origin = bip32.parse_path(path)
    psbt = PSBT(_unsigned(draft))
    for number, coin in enumerate(draft.coins):
        spent = TransactionOutput(coin.units, scripts.Script(coin.script))
        psbt.inputs[number].witness_utxo = spent
        key = account.derive([coin.branch, coin.index]).key
        way = DerivationPath(fingerprint, [*origin, coin.branch, coin.index])
        psbt.inputs[number].bip32_derivations[key] = way
    vout = draft.change_vout
    if vout is not None:
        spot = draft.change
        key = account.derive([spot.branch, spot.index]).key
        way = DerivationPath(fingerprint, [*origin, spot.branch, spot.index])
        psbt.outputs[vout].bip32_derivations[key] = way
    return str(psbt.to_base64())


def from_psbt(draft: Draft, signed_psbt: str, *, script_of: ScriptOf, rate_max: int) -> SignedTx:
    """What another signer made of the draft. Raises WalletError: `psbt` when it is not a signed
    form of this very transaction, `signature` for a bad or missing one."""
    try:
        psbt = PSBT.from_base64(signed_psbt)
        same = psbt.tx.serialize() == _unsigned(draft).serialize()
    except EMBIT_TROUBLE as error:
        raise WalletError("psbt") from error
    if not same:
        raise WalletError("psbt")
    by_coin: dict[str, tuple[bytes, bytes]] = {}
    for coin, scope in zip(draft.coins, psbt.inputs, strict=True):
        for key, signature in scope.partial_sigs.items():
            if signature[-1:] == SIGHASH_ALL:
                by_coin[coin.outpoint] = (bytes(signature[:-1]), bytes(key.sec()))

    def given(coin: Coin, _digest: bytes) -> tuple[bytes, bytes]:
        if coin.outpoint not in by_coin:
            raise WalletError("signature")
        return by_coin[coin.outpoint]

    return sign(draft, given, script_of=script_of, rate_max=rate_max)


def require_sound(draft: Draft, *, rate_max: int) -> None:
    """Raise WalletError unless the sums agree and the fee lies between the least that nodes relay
    and `rate_max` satoshis per virtual byte."""
    held = sum(coin.units for coin in draft.coins)
    paid = sum(output.units for output in draft.outputs)
    if held != paid + draft.fee_units or len({c.outpoint for c in draft.coins}) != len(draft.coins):
        raise WalletError("sum")
    # Without change up to a change output's worth is left to the miner.
    spare = max(CHANGE_DUST_UNITS, INPUT_VBYTES * rate_max)
    if not draft.vsize <= draft.fee_units <= draft.vsize * rate_max + spare:
        raise WalletError("fee")


def draft_of(selection: Selection, targets: Sequence[Target], change: ChangeSpot) -> Draft:
    """The one transaction that these coins, targets and this change make, in the order of BIP69."""
    outputs = [
        DraftOutput(target.units, target.script, number) for number, target in enumerate(targets)
    ]
    if selection.change_units:
        outputs.append(DraftOutput(selection.change_units, change.script, None))
    return Draft(
        coins=tuple(sorted(selection.coins, key=lambda coin: (coin.txid, coin.vout))),
        outputs=tuple(sorted(outputs, key=lambda output: (output.units, output.script))),
        fee_units=selection.fee_units,
        change=change,
    )


def _raised(
    draft: Draft, coins: Sequence[Coin], rate: int, later_rate: int, replaced_units: int
) -> Draft | None:
    targets = draft.targets
    held = sum(coin.units for coin in coins) - sum(target.units for target in targets)
    lengths = [len(target.script) for target in targets]
    with_change = vsize_of(len(coins), [*lengths, len(draft.change.script)])
    fee = _fee_to_replace(draft, with_change, rate, replaced_units)
    if held - fee >= max(CHANGE_DUST_UNITS, INPUT_VBYTES * later_rate):
        return draft_of(
            Selection(tuple(coins), held - fee, fee, with_change), targets, draft.change
        )
    without = vsize_of(len(coins), lengths)
    if targets and held >= _fee_to_replace(draft, without, rate, replaced_units):
        return draft_of(Selection(tuple(coins), 0, held, without), targets, draft.change)
    return None


def _fee_to_replace(draft: Draft, vsize: int, rate: int, replaced_units: int) -> int:
    """The least fee that the rate asks for and that replaces the draft: rules 3 and 4 of BIP125,
    and Bitcoin Core's wish that the rate itself goes up."""
    smallest = draft.vsize - SHORTER_SIGNATURE_VBYTES * len(draft.coins)
    above_rate = draft.fee_units * vsize // smallest + 1
    above_fees = draft.fee_units + replaced_units + INCREMENTAL_RATE * vsize
    return max(rate * vsize, above_rate, above_fees)


def _unsigned(draft: Draft) -> Transaction:
    return Transaction(
        version=VERSION,
        vin=[
            TransactionInput(bytes.fromhex(coin.txid), coin.vout, sequence=SEQUENCE)
            for coin in draft.coins
        ],
        vout=[
            TransactionOutput(output.units, scripts.Script(output.script))
            for output in draft.outputs
        ],
        locktime=0,
    )


def _digest(transaction: Transaction, number: int, coin: Coin) -> bytes:
    script = scripts.p2pkh_from_p2wpkh(scripts.Script(coin.script))
    return bytes(transaction.sighash_segwit(number, script, coin.units))


def _require_ours(draft: Draft, script_of: ScriptOf) -> None:
    spot = draft.change
    if any(coin.script != script_of(coin.branch, coin.index) for coin in draft.coins):
        raise WalletError("not_ours")
    kept = [output.script for output in draft.outputs if output.payment is None]
    own = spot.branch == INTERNAL_BRANCH and spot.script == script_of(spot.branch, spot.index)
    if kept and (not own or kept != [spot.script]):
        raise WalletError("not_ours")


def _require_signature(coin: Coin, digest: bytes, signature: bytes, key: bytes) -> None:
    try:
        public = ec.PublicKey.parse(key)
        fits = len(key) == KEY_BYTES and bytes(scripts.p2wpkh(public).data) == coin.script
        good = public.verify(ec.Signature.parse(signature), digest)
    except EMBIT_TROUBLE as error:
        raise WalletError("signature") from error
    if not fits:
        raise WalletError("key")
    if not good:
        raise WalletError("signature")


def _signed(draft: Draft, raw: bytes) -> SignedTx:
    try:
        read = read_transaction(raw)
    except RawBytesError as error:
        raise WalletError("sum") from error
    return SignedTx(
        raw=raw,
        txid=read.txid,
        inputs=tuple(spent.outpoint for spent in read.inputs),
        outputs=read.outputs,
        fee_units=draft.fee_units,
        vsize=read.vsize,
    )
