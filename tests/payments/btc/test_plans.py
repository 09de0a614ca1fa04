"""Plans: what is stored leads back to the same transaction; every version excludes each other."""

import hashlib
from itertools import combinations

from embit import script as scripts
from embit.transaction import Transaction, TransactionInput, TransactionOutput
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.chains.btc_blocks import TxOutput
from payments.chains.btc_coins import Coin, NotEnoughCoins, Target
from payments.chains.btc_judge import Family, Version
from payments.chains.btc_plan import change_spot, draft_from, plan_of, read_plan
from payments.chains.btc_wallet import Draft, WalletError, bump, draft_payout

RATES = st.integers(1, 300)


def script_of(branch: int, index: int) -> bytes:
    return b"\x00\x14" + hashlib.sha256(b"%d/%d" % (branch, index)).digest()[:20]


def made(number: int, units: int) -> tuple[Coin, bytes]:
    """A coin of ours, and the transaction that made it."""
    script = script_of(number % 2, number)
    raw = Transaction(
        version=2,
        vin=[TransactionInput(hashlib.sha256(b"%d" % number).digest(), 0)],
        vout=[TransactionOutput(units, scripts.Script(script))],
        locktime=0,
    )
    coin = Coin(raw.txid().hex(), 0, units, script, number % 2, number, height=7)
    return coin, bytes(raw.serialize())


def version(draft: Draft, name: str) -> Version:
    outputs = tuple(TxOutput(one.units, one.script) for one in draft.outputs)
    return Version(name, frozenset(coin.outpoint for coin in draft.coins), outputs)


@settings(max_examples=200, deadline=None)
@given(
    held=st.lists(st.integers(1_000, 3_000_000), min_size=1, max_size=12),
    paid=st.lists(st.integers(600, 400_000), min_size=1, max_size=6),
    first_rate=RATES,
    bumps=st.lists(st.tuples(RATES, st.integers(0, 50_000), st.booleans()), max_size=5),
)
def test_hazard_10_whatever_is_raised_shares_a_coin_with_all_that_went_before(
    held: list[int],
    paid: list[int],
    first_rate: int,
    bumps: list[tuple[int, int, bool]],
) -> None:
    pairs = [made(number, units) for number, units in enumerate(held)]
    coins = [coin for coin, _ in pairs]
    parents = {coin.txid: raw for coin, raw in pairs}
    targets = [Target(units, script_of(7, number)) for number, units in enumerate(paid)]
    spot = change_spot(3, script_of=script_of)
    try:
        draft = draft_payout(targets, coins, change=spot, rate=first_rate, later_rate=5)
    except NotEnoughCoins:
        return
    drafts = [draft]
    for rate, replaced, with_extra in bumps:
        try:
            raised = bump(
                drafts[-1],
                rate=rate,
                later_rate=5,
                replaced_units=replaced,
                extra=coins if with_extra else (),
            )
        except WalletError:
            continue
        assert raised.fee_units > drafts[-1].fee_units
        drafts.append(raised)
    for one in drafts:
        stored = plan_of(one, height=1, parents=parents).to_json()
        again = draft_from(read_plan(stored), targets, script_of=script_of)
        assert (again.outputs, again.fee_units) == (one.outputs, one.fee_units)
        assert [coin.outpoint for coin in again.coins] == [coin.outpoint for coin in one.coins]
        assert again.targets == tuple(targets)
    versions = tuple(version(one, str(number)) for number, one in enumerate(drafts))
    for one, other in combinations(versions, 2):
        assert one.inputs & other.inputs
    assert Family((), versions).inputs == versions[-1].inputs
