"""How public parts are shown: a table for people, JSON for programs; addresses are worked out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from payments.config import TonNetwork, TonSettings
from payments.signer.key_source import hot_wallet
from payments.signer.public_parts import PublicPart, TonPart, kind_of
from payments.signer.signing_keys import (
    BTC_MAIN_PATH,
    BTC_TEST_PATH,
    EVM_DEPOSITS_PATH,
    EVM_HOT_PATH,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 34


def ton_addresses(public_key: bytes) -> dict[str, str]:
    """The hot wallet's address, and on a test network the form that is used there."""
    address = hot_wallet(public_key).address
    found = {"address": address.friendly(testnet=False)}
    if TonSettings().network is TonNetwork.TESTNET:
        found["address_testnet"] = address.friendly(testnet=True)
    return found


def as_json(public: Sequence[PublicPart], *, about: dict[str, Any]) -> str:
    """`about` and the parts as one JSON object, with `in_use` for the newest of each kind."""
    keys = []
    for part in public:
        fields: dict[str, Any] = {"kind": str(kind_of(part)), **msgspec.structs.asdict(part)}
        fields["in_use"] = _in_use(part, public)
        if isinstance(part, TonPart):
            fields |= ton_addresses(bytes.fromhex(part.public_key))
        keys.append(fields)
    return msgspec.json.format(msgspec.json.encode({**about, "keys": keys}), indent=2).decode()


def as_table(public: Sequence[PublicPart]) -> str:
    """The same for people: a paragraph for each generation."""
    return "\n\n".join(_paragraph(part, in_use=_in_use(part, public)) for part in public)


def title(part: PublicPart) -> str:
    """How a generation is called."""
    return f"{kind_of(part)}, generation {part.generation}"


def _in_use(part: PublicPart, public: Sequence[PublicPart]) -> bool:
    same = [other.generation for other in public if kind_of(other) is kind_of(part)]
    return part.generation == max(same)


def _paragraph(part: PublicPart, *, in_use: bool) -> str:
    made = f"{part.made_at:%Y-%m-%d}" if part.made_at else "at a time not written down"
    use = "in use" if in_use else "retired"
    rows = [f"{title(part)}, {use}, made {made}, fingerprint {part.fingerprint}"]
    if isinstance(part, TonPart):
        told = [("public key", part.public_key)]
        labels = {"address": "wallet", "address_testnet": "wallet, as test networks write it"}
        addresses = ton_addresses(bytes.fromhex(part.public_key))
        told += [(labels[name], text) for name, text in addresses.items()]
    else:
        told = [
            (f"Bitcoin {BTC_MAIN_PATH}", part.btc_main),
            (f"Bitcoin, test networks {BTC_TEST_PATH}", part.btc_test),
            (f"EVM deposits {EVM_DEPOSITS_PATH}", part.evm_deposits),
            (f"EVM hot wallet {EVM_HOT_PATH}", part.evm_hot),
        ]
    rows += [f"  {label:<{WIDTH + 4}}{text}" for label, text in told]
    return "\n".join(rows)
