"""The pens of every rail that there are keys and settings for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.cashier.rails import BTC, USDT_ETH, USDT_TON
from casino.errors import AddressInvalid
from payments.addresses import require_payable as require_payable_ton
from payments.chains.btc_addresses import NETWORKS, AccountKey, require_payable
from payments.chains.evm_addresses import parse_evm, require_payable_evm
from payments.chains.evm_delegate import delegate_of
from payments.chains.evm_wallet import GWEI
from payments.config import BtcAccountSettings, EvmTokenSettings, TonNetwork, TonSettings
from payments.signer.btc_pen import BtcPen, FeeLimits
from payments.signer.checks import Limits
from payments.signer.day_budget import DayBudget
from payments.signer.errors import KeystoreError
from payments.signer.evm_bounds import Bounds, OwnAddresses
from payments.signer.evm_pen import EvmPen
from payments.signer.jetton_pen import JettonPen, read_jetton_wallets, read_master
from payments.signer.key_source import hot_wallet
from payments.signer.roots import RootKind
from payments.signer.ton_pen import TonPen, fuel_budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.chains.btc_addresses import Network
    from payments.chains.evm_addresses import EvmAddress
    from payments.chains.ton_wallet import HotWallet
    from payments.config import SignerSettings
    from payments.signer.keyring import Keyring
    from payments.signer.pen import Pen
    from payments.signer.signing_keys import TonKey

TON = "ton"
APPROVAL_KEY_BYTES = 32


def build_pens(keys: Keyring, settings: SignerSettings) -> list[Pen]:
    """All of them. Raises KeystoreError when there is none, or when a rail that is set up lacks
    its key."""
    approval = approval_key(settings)
    pens: list[Pen] = []
    if keys.newest(RootKind.TON):
        pens += ton_pens(keys, settings, approval)
    token = EvmTokenSettings()
    if token.given:
        pens.append(evm_pen(keys, settings, token, approval))
    bitcoin = BtcAccountSettings()
    if bitcoin.given:
        pens.append(btc_pen(keys, settings, bitcoin, approval))
    if not pens:
        raise KeystoreError("there is no key for any rail that is set up")
    return pens


def ton_pens(keys: Keyring, settings: SignerSettings, approval: bytes) -> list[Pen]:
    """The pens of the wallets on TON: for coins, and for the jetton if the settings say where it
    is held. Raises KeystoreError."""
    network = TonSettings()
    testnet = network.network is TonNetwork.TESTNET
    wallets = [ton_wallet(keys, generation) for generation in _generations(keys, RootKind.TON)]
    *older, (wallet, key) = wallets
    budget = fuel_budget(settings.ton_fuel_day_units_max)
    coins = TonPen(
        rail=TON,
        key=key,
        wallet=wallet,
        older=tuple(older),
        limits=Limits(
            order_units_max=settings.ton_order_units_max,
            hour_units_max=settings.ton_hour_units_max,
            day_units_max=settings.ton_day_units_max,
            two_people_above_units=settings.ton_two_people_above_units,
        ),
        approval_key=approval,
        testnet=testnet,
        budget=budget,
        cold_address=ton_cold(
            settings.ton_cold_address, testnet=testnet, wallets=[one for one, _key in wallets]
        ),
    )
    if not settings.usdt_ton_wallets:
        return [coins]
    jettons = JettonPen(
        rail=USDT_TON,
        key=key,
        wallet=wallet,
        older=tuple(older),
        limits=Limits(
            order_units_max=settings.usdt_ton_order_units_max,
            hour_units_max=settings.usdt_ton_hour_units_max,
            day_units_max=settings.usdt_ton_day_units_max,
            two_people_above_units=settings.usdt_ton_two_people_above_units,
        ),
        approval_key=approval,
        testnet=testnet,
        budget=budget,
        cold_address=ton_cold(
            settings.usdt_ton_cold_address,
            testnet=testnet,
            wallets=[one for one, _key in wallets],
            setting="SIGNER_USDT_TON_COLD_ADDRESS",
        ),
        master=read_master(network.jetton_master, testnet=testnet),
        jetton_wallets=read_jetton_wallets(
            settings.usdt_ton_wallets, [one for one, _key in wallets], testnet=testnet
        ),
    )
    return [coins, jettons]


def evm_pen(
    keys: Keyring, settings: SignerSettings, token: EvmTokenSettings, approval: bytes
) -> EvmPen:
    """That of USDT on Ethereum. Raises KeyAbsent without its key, AddressInvalid for a bad
    token."""
    hot = keys.evm_hot()
    generations = _generations(keys, RootKind.BTC_ETH)
    own = OwnAddresses(
        [keys.evm_deposits(generation) for generation in generations], settings.evm_own_addresses
    )
    own.learn()
    wallets = [hot, *(keys.evm_hot(generation) for generation in generations[:-1])]
    return EvmPen(
        rail=USDT_ETH,
        chain_id=token.chain_id,
        token=parse_evm(token.token),
        hot=hot,
        older=tuple(wallets[1:]),
        own=own,
        limits=Limits(
            order_units_max=settings.usdt_eth_order_units_max,
            hour_units_max=settings.usdt_eth_hour_units_max,
            day_units_max=settings.usdt_eth_day_units_max,
            two_people_above_units=settings.usdt_eth_two_people_above_units,
        ),
        bounds=Bounds(
            gas_max=settings.evm_gas_max,
            max_fee_max=settings.evm_max_fee_gwei * GWEI,
            tip_max=settings.evm_tip_gwei_max * GWEI,
            fuel_max=settings.evm_fuel_gwei_max * GWEI,
        ),
        budget=DayBudget(USDT_ETH, settings.evm_day_gwei_max * GWEI, "day_gas_limit"),
        approval_key=approval,
        cold=evm_cold(
            settings.usdt_eth_cold_address,
            token=token.token,
            own=own,
            wallets=[key.address for key in wallets],
        ),
    )


def evm_cold(
    text: str, *, token: str, own: OwnAddresses, wallets: Sequence[EvmAddress]
) -> EvmAddress | None:
    """Cold storage as the settings have it; None for empty text. Raises KeystoreError for what is
    no address, or is one of our own: other keys must hold it."""
    if not text:
        return None
    try:
        mine = frozenset(address.raw for address in wallets)
        cold = parse_evm(require_payable_evm(text, token=parse_evm(token).raw, own=mine))
    except AddressInvalid as error:
        raise KeystoreError(
            f"SIGNER_USDT_ETH_COLD_ADDRESS is refused: {error.data.get('reason')}"
        ) from error
    if cold in own or cold in {delegate_of(address) for address in wallets}:
        raise KeystoreError("SIGNER_USDT_ETH_COLD_ADDRESS is one of our own addresses")
    return cold


def btc_pen(
    keys: Keyring, settings: SignerSettings, bitcoin: BtcAccountSettings, approval: bytes
) -> BtcPen:
    """The pen of the account that BTC_XPUB names, of whichever generation it is: players' deposit
    addresses come from it. Raises KeystoreError when it is none of ours."""
    network = NETWORKS[bitcoin.network]
    wanted = AccountKey(bitcoin.xpub, network).change_address(0)
    for generation in range(keys.newest(RootKind.BTC_ETH), 0, -1):
        key = keys.btc(network, generation)
        if AccountKey(key.xpub, network).change_address(0) == wanted:
            return BtcPen(
                rail=BTC,
                key=key,
                network=network,
                limits=Limits(
                    order_units_max=settings.btc_order_units_max,
                    hour_units_max=settings.btc_hour_units_max,
                    day_units_max=settings.btc_day_units_max,
                    two_people_above_units=settings.btc_two_people_above_units,
                ),
                fees=FeeLimits(
                    rate_max=settings.btc_rate_max,
                    units_max=settings.btc_fee_satoshis_max,
                    joining_rate_max=settings.btc_joining_rate_max,
                ),
                budget=DayBudget(BTC, settings.btc_fee_day_satoshis_max, "fee_day_limit"),
                approval_key=approval,
                cold_address=btc_cold(settings.btc_cold_address, network),
            )
    raise KeystoreError("BTC_XPUB is not the account of any generation of our keys")


def ton_cold(
    text: str,
    *,
    testnet: bool,
    wallets: Sequence[HotWallet],
    setting: str = "SIGNER_TON_COLD_ADDRESS",
) -> str:
    """Cold storage as the settings have it, or nothing. Raises KeystoreError for no address, and
    for one of our own wallets."""
    own = frozenset(wallet.address.raw for wallet in wallets)
    try:
        return require_payable_ton(text, own=own, testnet=testnet) if text else ""
    except AddressInvalid as error:
        raise KeystoreError(f"{setting} is refused: {error.data.get('reason')}") from error


def btc_cold(text: str, network: Network) -> str:
    """Cold storage as the settings have it, or nothing. Raises KeystoreError for no address."""
    try:
        return require_payable(text, network, own=frozenset()) if text else ""
    except AddressInvalid as error:
        raise KeystoreError(
            f"SIGNER_BTC_COLD_ADDRESS is refused: {error.data.get('reason')}"
        ) from error


def ton_wallet(keys: Keyring, generation: int) -> tuple[HotWallet, TonKey]:
    """The hot wallet on TON of a generation, and its key."""
    key = keys.ton(generation)
    return hot_wallet(key.public_key), key


def approval_key(settings: SignerSettings) -> bytes:
    """The key whose signature makes an order."""
    try:
        key = bytes.fromhex(settings.approval_public_key)
    except ValueError as error:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY is not hex") from error
    if len(key) != APPROVAL_KEY_BYTES:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY must be 64 hex digits")
    return key


def _generations(keys: Keyring, kind: RootKind) -> range:
    """The generations of a kind of key, the one in use last."""
    return range(1, keys.newest(kind) + 1)
