"""Cases of payouts: drafted, built and signed with the signer's own keys, on one processor."""

from __future__ import annotations

import hashlib
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.report import Row, rounded
from payments.chains.btc_addresses import BITCOIN_REGTEST, AccountKey
from payments.chains.btc_coins import Coin, Target
from payments.chains.btc_wallet import ChangeSpot, draft_payout, sign
from payments.chains.evm_addresses import EvmAddress
from payments.chains.evm_wallet import Fees, sign_transaction, token_transfer
from payments.chains.ton_wallet import MEMBERS_MAX, HotWallet, Payment, build_payout
from payments.signer.roots import Entropy
from payments.signer.signing_keys import Master, TonKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Goal
    from payments.signer.signing_keys import BtcAccount, EvmKey

ENTROPY = Entropy(b"\x42" * 32)
RATE = 5
GWEI = 10**9


def signing(on: ChainBench, goals: Mapping[str, Goal]) -> list[Row]:
    """Bitcoin's payout, its inputs, Ethereum's transactions, TON's batch."""
    master = Master.of(ENTROPY)
    btc, hot = master.btc(BITCOIN_REGTEST), master.evm_hot()
    return [
        *_btc(on, btc, goals),
        _evm(on, hot, goals["evm_sign"]),
        _ton(on, TonKey(ENTROPY), goals["ton_payout"]),
    ]


def _btc(on: ChainBench, key: BtcAccount, goals: Mapping[str, Goal]) -> list[Row]:
    inputs, outputs = on.sizes.inputs, on.sizes.outputs
    account = AccountKey(key.xpub, BITCOIN_REGTEST)
    coins = [
        Coin(_digest("coin", n).hex(), 0, 10_000_000 + n, account.script(0, n), 0, n, 100)
        for n in range(inputs)
    ]
    # All coins are needed, so that the transaction has as many inputs as there are.
    each = (inputs * 10_000_000 - 1_000_000) // outputs
    targets = [Target(each, b"\x00\x14" + _digest("target", n)[:20]) for n in range(outputs)]
    change = ChangeSpot(account.script(1, 0), 1, 0)
    draft = draft_payout(targets, coins, change=change, rate=RATE, later_rate=RATE)

    def whole() -> None:
        made = draft_payout(targets, coins, change=change, rate=RATE, later_rate=RATE)
        signed = sign(made, key.sign, script_of=account.script, rate_max=1000)
        if len(signed.inputs) != inputs or len(signed.outputs) < outputs:
            raise RuntimeError("the payout is another one")

    def inputs_only() -> None:
        sign(draft, key.sign, script_of=account.script, rate_max=1000)

    def bare() -> None:
        for coin in coins:
            key.sign(coin, _digest("digest", coin.index))

    whole_rate = _rate(on, whole)
    sign_rate, bare_rate = _rate(on, inputs_only) * inputs, _rate(on, bare) * inputs
    payout = _row(
        "btc_payout",
        1000 / whole_rate,
        "ms",
        None,
        goals["btc_payout"],
        note=f"{outputs} outputs from {inputs} coins: drafted, signed, every signature checked",
    )
    each_input = _row(
        "btc_sign_inputs",
        sign_rate,
        "inputs/s",
        bare_rate,
        goals["btc_sign_inputs"],
        note="raw: the key derived and the signature made, nothing checked",
    )
    return [payout, each_input]


def _evm(on: ChainBench, key: EvmKey, goal: Goal) -> Row:
    transfer = token_transfer(
        chain_id=1,
        nonce=7,
        fees=Fees(20 * GWEI, GWEI),
        gas=100_000,
        token=EvmAddress(_digest("token", 0)[:20]),
        to=EvmAddress(_digest("receiver", 0)[:20]),
        units=25_000_000,
    )
    digest = transfer.signing_hash()
    ours = _rate(on, lambda: sign_transaction(transfer, account=key.address, sign=key.sign))
    bare = _rate(on, lambda: key.sign(digest))
    return _row(
        "evm_sign",
        ours,
        "tx/s",
        bare,
        goal,
        note="packed, signed, signer recovered and compared; raw: the signature alone",
    )


def _ton(on: ChainBench, key: TonKey, goal: Goal) -> Row:
    wallet = HotWallet(key.public_key, 0x10AD, 600)
    receiver = HotWallet(b"\x22" * 32, 1, 600).address.friendly()
    payments = [Payment(receiver, 10**9 + n, f"payout {n}") for n in range(MEMBERS_MAX)]

    def batch() -> None:
        build_payout(
            wallet, payments, query_id=7, created_at=1_700_000_000, deploy=False, sign=key.sign
        )

    return _row(
        "ton_payout",
        1000 / _rate(on, batch),
        "ms",
        None,
        goal,
        note=f"a batch of {MEMBERS_MAX} payments with memos, built, signed, read back",
    )


def _row(
    name: str, value: float, unit: str, reference: float | None, goal: Goal, *, note: str
) -> Row:
    """A goal for the value itself, with what the bare key would do beside it."""
    ratio = None if reference is None else value / reference
    wanted = f"{goal} {unit}"
    return Row(name, rounded(value), unit, reference, ratio, wanted, goal.met(value), note)


def _rate(on: ChainBench, once: Callable[[], object]) -> float:
    """How often in a second of our own processor time, as a median over the rounds."""
    once()
    rates = []
    for _ in range(on.sizes.rounds):
        done, began = 0, time.process_time()
        while (spent := time.process_time() - began) < on.sizes.sign_seconds:
            once()
            done += 1
        rates.append(done / spent)
    return statistics.median(rates)


def _digest(kind: str, number: int) -> bytes:
    return hashlib.sha256(f"{kind} {number}".encode()).digest()
