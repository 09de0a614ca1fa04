"""Where the keys come from: the environment if it holds any, else the keystore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from payments.chains.ton_wallet import HotWallet
from payments.config import TonWalletSettings
from payments.signer import keystore
from payments.signer.errors import KeystoreError, PasswordUnfit
from payments.signer.keyring import Keyring
from payments.signer.roots import Entropy, Root, RootKind

if TYPE_CHECKING:
    from pydantic import SecretStr

    from payments.config import SignerSettings


def from_environment(settings: SignerSettings) -> Keyring | None:
    """The keys that the settings themselves hold; None when they hold none.

    Raises KeystoreError, which names the setting, for one that is not 64 hex digits."""
    given = {
        RootKind.TON: ("SIGNER_TON_KEY_SEED", settings.ton_key_seed),
        RootKind.BTC_ETH: ("SIGNER_BTC_ETH_KEY_ENTROPY", settings.btc_eth_key_entropy),
    }
    roots = [
        Root(kind, 1, _entropy(name, secret))
        for kind, (name, secret) in given.items()
        if secret.get_secret_value()
    ]
    return Keyring(roots) if roots else None


def require_keystore(settings: SignerSettings) -> Path:
    """The keystore's path. Raises KeystoreError when the environment holds keys: what is done to
    the file would then change nothing."""
    if from_environment(settings) is not None:
        raise KeystoreError(
            "the environment holds keys (SIGNER_TON_KEY_SEED or SIGNER_BTC_ETH_KEY_ENTROPY), so "
            "the keystore is not looked at; empty these settings to work with the file"
        )
    return Path(settings.keystore)


def open_keys(settings: SignerSettings) -> Keyring:
    """All keys of the signer. Raises KeystoreError, as `keystore.unlock` does."""
    held = from_environment(settings)
    if held is not None:
        return held
    password = settings.keystore_password.get_secret_value()
    if not password:
        keystore.describe(Path(settings.keystore))
        raise PasswordUnfit("SIGNER_KEYSTORE_PASSWORD is empty; set it to the keystore's password")
    return keystore.unlock(Path(settings.keystore), password=password)


def hot_wallet(public_key: bytes) -> HotWallet:
    """The wallet on TON that a key and the wallet settings make."""
    settings = TonWalletSettings()
    return HotWallet(public_key, settings.subwallet_id, settings.timeout_seconds)


def _entropy(name: str, secret: SecretStr) -> Entropy:
    try:
        return Entropy.from_hex(secret.get_secret_value())
    except KeystoreError as error:
        raise KeystoreError(f"{name}: {error}") from None
