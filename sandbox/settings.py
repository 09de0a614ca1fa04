"""The settings of a world's processes, and the promise that they name nothing outside of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.evm.chain import CHAIN_ID
from sandbox.processes import ServiceFailed, free_port
from sandbox.telegram.world import OPERATORS_TOKEN, PLAYERS_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.chains import LocalChains
    from sandbox.home import Secrets

OWNER = 9001
POOL_AHEAD = 20
GIVEN = ("DATABASE_URL", "SIGNER_DATABASE_URL", "REDIS_URL")
"""Servers that may be elsewhere: they hold what we put there."""
HERE = ("127.0.0.1", "localhost", "::1")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s,]+", re.IGNORECASE)
# Hosts that lead to real money or real people, wherever they are written.
REAL_HOSTS = (
    "1rpc.io",
    "alchemy.com",
    "ankr.com",
    "blastapi.io",
    "blockcypher.com",
    "blockstream.info",
    "chainstack.com",
    "cloudflare-eth.com",
    "drpc.org",
    "etherscan.io",
    "getblock.io",
    "infura.io",
    "llamarpc.com",
    "mempool.space",
    "nownodes.io",
    "publicnode.com",
    "quiknode.pro",
    "tatum.io",
    "telegram.org",
    "tonapi.io",
    "toncenter.com",
)
REAL_NETWORKS = {
    "TON_NETWORK": ("mainnet",),
    "EVM_CHAIN_ID": ("1", "10", "56", "137", "8453", "42161", "43114"),
    "BTC_NETWORK": ("bitcoin",),
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the world answers on 127.0.0.1."""

    page: int
    webapp: int
    ton: int
    ethereum: int
    bitcoin: int

    @classmethod
    def from_first(cls, first: int) -> Ports:
        """Five ports in a row."""
        return cls(*range(first, first + 5))

    @classmethod
    def free(cls) -> Ports:
        """Five ports that nobody uses."""
        found: set[int] = set()
        while len(found) < 5:
            found.add(free_port())
        return cls(*found)


@dataclass(frozen=True, slots=True)
class HousePublicKeys:
    """What everybody may know of the house's keys."""

    ton: str
    """The address of the wallet."""
    evm_xpub: str
    evm_hot: str
    btc_xpub: str

    @classmethod
    def read(cls, told: str) -> HousePublicKeys:
        """From what `python -m payments.signer keys show --json` prints."""
        keys = {one["kind"]: one for one in json.loads(told)["keys"] if one["in_use"]}
        ton, other = keys["ton"], keys["btc_eth"]
        return cls(ton["address"], other["evm_deposits"], other["evm_hot"], other["btc_test"])


def settings_of_keys(secrets: Secrets) -> dict[str, str]:
    """What the signer needs to open its keys."""
    return {
        "SIGNER_TON_KEY_SEED": secrets.hot_wallet_key,
        "SIGNER_BTC_ETH_KEY_ENTROPY": secrets.btc_eth_entropy,
        "SIGNER_APPROVAL_PUBLIC_KEY": secrets.approval_public_key,
        "TON_NETWORK": "testnet",
    }


def settings_of_house(
    secrets: Secrets, ports: Ports, *, database_url: str, signer_url: str, redis_url: str
) -> dict[str, str]:
    """The settings that no chain plays a part in."""
    origin = f"http://127.0.0.1:{ports.page}"
    return {
        "DATABASE_URL": database_url,
        "SIGNER_DATABASE_URL": signer_url,
        "REDIS_URL": redis_url,
        "VAULT_MASTER_KEYS": f"1:{secrets.vault_master_key}",
        "TELEGRAM_API_URL": origin,
        "TELEGRAM_PLAYER_BOT_TOKEN": PLAYERS_TOKEN,
        "TELEGRAM_PLAYER_BOT_NAME": "fairhouse_bot",
        "TELEGRAM_MODE": "polling",
        "TELEGRAM_WEBHOOK_SECRET": secrets.webhook_secret,
        "TELEGRAM_MINI_APP_URL": f"http://127.0.0.1:{ports.webapp}/",
        "ADMIN_BOT_TOKEN": OPERATORS_TOKEN,
        "ADMIN_WEBHOOK_SECRET": secrets.admin_webhook_secret,
        "ADMIN_OWNERS": str(OWNER),
        "ADMIN_APPROVAL_KEY": secrets.approval_key,
        "WEBAPP_HOST": "127.0.0.1",
        "WEBAPP_PORT": str(ports.webapp),
        "WEBAPP_TELEGRAM_PARENT_ORIGIN": origin,
        "RECEIPTS_SIGNING_KEY": secrets.receipts_key,
        "TELEMETRY_JSON_LOGS": "true",
    }


def settings_of_chains(
    chains: LocalChains, keys: HousePublicKeys, *, token: str, jetton: str, jetton_wallet: str
) -> dict[str, str]:
    """How the house reads and pays on the three local chains; `token` and `jetton` are USDT, and
    `jetton_wallet` is where the house holds it on TON."""
    return {
        "TON_TONCENTER_URL": chains.ton.url,
        "TON_REQUESTS_PER_SECOND": "200",
        "TON_POLL_SECONDS": "1",
        "TON_JETTON_MASTER": jetton,
        "SIGNER_USDT_TON_WALLETS": jetton_wallet,
        "EVM_CHAIN_ID": str(CHAIN_ID),
        "EVM_NODE_URLS": chains.ethereum.url,
        "EVM_TOKEN": token,
        "EVM_XPUB": keys.evm_xpub,
        "EVM_POOL_AHEAD": str(POOL_AHEAD),
        "EVM_REQUESTS_PER_SECOND": "500",
        "EVM_POLL_SECONDS": "1",
        "EVM_SWEEP_SECONDS": "10",
        "BTC_NETWORK": chains.bitcoin.network,
        "BTC_NODE_URL": chains.bitcoin.url,
        "BTC_NODE_USER": chains.bitcoin.user,
        "BTC_NODE_PASSWORD": chains.bitcoin.password,
        "BTC_XPUB": keys.btc_xpub,
        "BTC_POOL_AHEAD": str(POOL_AHEAD),
        "BTC_POLL_SECONDS": "1",
        # The owner's capital is in the first blocks.
        "BTC_START_HEIGHT": "1",
    }


def require_local(environment: Mapping[str, str]) -> None:
    """Raises ServiceFailed if a setting leads to a real network or anywhere off this machine."""
    for name, text in environment.items():
        elsewhere = name not in GIVEN and any(
            urlsplit(url).hostname not in HERE for url in URL.findall(text)
        )
        real = text in REAL_NETWORKS.get(name, ()) or any(host in text for host in REAL_HOSTS)
        if elsewhere or real:
            raise ServiceFailed(f"{name} names a real network: the sandbox never leaves here")
