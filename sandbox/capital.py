"""The owner's capital on the first day: coins in the hot wallet of every rail, and in the book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.cashier import deposits, payouts, treasury
from casino.cashier.rails import BTC, TON, USDT_ETH, USDT_TON
from casino.clock import utc_now
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from payments.addresses import parse_ton
from payments.btc_units import BTC_SCALE
from payments.chains.base import Position
from payments.chains.btc_addresses import NETWORKS, AccountKey, parse
from payments.chains.ton import TonChain
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_wallets import JettonWallets
from sandbox.first_coins import give_bitcoins

if TYPE_CHECKING:
    from casino.db import Database
    from payments.chains.base import Chain, ChainHead, Page
    from sandbox.chains import LocalChains
    from sandbox.first_coins import Tokens
    from sandbox.settings import HousePublicKeys

TON_UNITS = 100_000 * 10**9
USDT_UNITS = 250_000 * 10**6
FUEL_WEI = 2 * 10**18
# Several coins, so that a payment needs not wait for the change of the one before.
BTC_SATOSHIS = (10**8 // 2,) * 6
FINAL_BLOCKS = 8
"""So many blocks make what is under them final on every chain here, for the book is held against
final blocks only."""
PAGE = 100
FIRST_DAY = "first-day"


async def fund_house(
    database: Database, chains: LocalChains, tokens: Tokens, keys: HousePublicKeys
) -> None:
    """Fill the hot wallets and book what is in them as the owner's capital, once."""
    await _fund_ton(database, chains, tokens, keys.ton)
    await _fund_ethereum(database, chains, tokens, keys.evm_hot)
    await _fund_bitcoin(database, chains, keys.btc_xpub)


async def _fund_ton(
    database: Database, chains: LocalChains, tokens: Tokens, hot_wallet: str
) -> None:
    """Coins and dollars on TON. What the chain says came in is what is booked; the watcher goes on
    from there."""
    owner = parse_ton(hot_wallet, testnet=True).raw
    if not await chains.ton.balance(owner):
        await chains.ton.faucet(owner, TON_UNITS)
    if not await tokens.jetton.balance(owner):
        await tokens.jetton.mint(owner, USDT_UNITS)
    await chains.ton.mine()
    master = tokens.jetton.master.raw
    wallets = JettonWallets(chains.ton_rpc, masters=[master])
    coins = TonChain(chains.ton_rpc, jettons=wallets)
    dollars = TonJettonChain(USDT_TON, chains.ton_rpc, coins=coins, wallets=wallets, master=master)
    await _book_what_came(database, coins, rail=TON, owner=owner)
    await _book_what_came(database, dollars, rail=USDT_TON, owner=owner)


async def _book_what_came(database: Database, chain: Chain, *, rail: str, owner: str) -> None:
    account = await chain.locate(owner)
    async with database.transaction() as session:
        cursor = await deposits.read_cursor(session, chain=chain.name, account=account)
    if cursor.lt:
        return
    head = await chain.head()
    page = await chain.page(account, after=Position(), head=head, limit=PAGE)
    await _book_page(database, chain, page, rail=rail, account=account, head=head)


async def _book_page(
    database: Database, chain: Chain, page: Page, *, rail: str, account: str, head: ChainHead
) -> None:
    now = utc_now()
    async with database.transaction() as session:
        for transfer in page.transfers:
            await treasury.fund_house(
                session,
                rail=rail,
                units=transfer.units,
                reference=transfer.business_key,
                now=now,
            )
        await payouts.book_fees(session, rail=rail, fees=page.fees, now=now)
        await deposits.advance_cursor(
            session,
            chain=chain.name,
            account=account,
            lt=page.position.lt,
            tx_hash=page.position.tx_hash,
            block=head.block,
            now=now,
        )


async def _fund_ethereum(
    database: Database, chains: LocalChains, tokens: Tokens, evm_hot: str
) -> None:
    if not await chains.ethereum.coins(evm_hot):
        await chains.ethereum.give(evm_hot, FUEL_WEI)
    if not await tokens.usdt.units(evm_hot):
        await tokens.usdt.give(evm_hot, USDT_UNITS)
        await chains.ethereum.mine(FINAL_BLOCKS)
    await _book_first_day(database, rail=USDT_ETH, units=USDT_UNITS)


async def _fund_bitcoin(database: Database, chains: LocalChains, xpub: str) -> None:
    """Coins at the first place of the account's own branch, where its change goes too."""
    hot_wallet = AccountKey(xpub, NETWORKS[chains.bitcoin.network]).change_address(0)
    async with database.transaction() as session:
        if await totals.account_balance(session, Account.HOT_WALLET_BTC, Asset.BTC):
            return
    # A start that was cut off here leaves coins that nobody booked; they are not sent again.
    script = parse(hot_wallet, NETWORKS[chains.bitcoin.network])
    there = await chains.bitcoin_rpc.call("scantxoutset", "start", [f"raw({script.hex()})"])
    if not there["unspents"]:
        await give_bitcoins(chains, [(hot_wallet, units) for units in BTC_SATOSHIS])
    for _ in range(FINAL_BLOCKS):
        await chains.mine("bitcoin")
    await _book_first_day(database, rail=BTC, units=sum(BTC_SATOSHIS) * BTC_SCALE)


async def _book_first_day(database: Database, *, rail: str, units: int) -> None:
    async with database.transaction() as session:
        await treasury.fund_house(
            session, rail=rail, units=units, reference=FIRST_DAY, now=utc_now()
        )
