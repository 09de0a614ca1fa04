"""Address rules: read what people paste, refuse what cannot be paid, and say why."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from casino.errors import AddressInvalid

BOUNCEABLE = 0x11
NON_BOUNCEABLE = 0x51
TESTNET_FLAG = 0x80
BASECHAIN = 0
MASTERCHAIN = -1

_FRIENDLY = re.compile(r"[A-Za-z0-9_+/-]{48}", re.ASCII)
_RAW = re.compile(r"(-?[0-9]{1,3}):([0-9a-fA-F]{64})", re.ASCII)
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
# The first pattern that fits names the network that the person had in mind.
_FOREIGN = (
    ("ethereum", re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII)),
    ("tron", re.compile(rf"T{_BASE58}{{33}}", re.ASCII)),
    ("bitcoin", re.compile(r"(?:bc|tb|bcrt)1[0-9a-z]{6,87}", re.ASCII | re.IGNORECASE)),
    ("bitcoin", re.compile(rf"[13mn2]{_BASE58}{{25,34}}", re.ASCII)),
    ("litecoin", re.compile(rf"(?:ltc1[0-9a-z]{{6,87}}|[LM]{_BASE58}{{26,33}})", re.ASCII)),
    ("ton_dns", re.compile(r"[^\s@]{1,126}\.(?:ton|t\.me)", re.IGNORECASE)),
    ("solana", re.compile(rf"{_BASE58}{{43,44}}", re.ASCII)),
)


@dataclass(frozen=True, slots=True)
class TonAddress:
    """An account on TON; two addresses are one account if these two fields agree."""

    workchain: int
    account: bytes

    @property
    def raw(self) -> str:
        """The form that programs compare and store in keys: `0:<64 hex digits>`."""
        return f"{self.workchain}:{self.account.hex()}"

    def friendly(self, *, bounceable: bool = False, testnet: bool = False) -> str:
        """The 48-character form that people copy; by default money sent there never bounces."""
        tag = (BOUNCEABLE if bounceable else NON_BOUNCEABLE) | (TESTNET_FLAG if testnet else 0)
        body = bytes([tag, self.workchain & 0xFF]) + self.account
        return base64.urlsafe_b64encode(body + _checksum(body)).decode("ascii")


def parse_ton(text: str, *, testnet: bool = False) -> TonAddress:
    """Read an address in either form.

    Raises AddressInvalid with `reason`: empty, malformed, checksum, testnet (flagged for test
    networks only) or other_network, then with the `network` whose address this looks like."""
    text = text.strip()
    if not text:
        raise AddressInvalid(reason="empty")
    if _FRIENDLY.fullmatch(text):
        return _parse_friendly(text, testnet=testnet)
    raw = _RAW.fullmatch(text)
    if raw is not None:
        workchain = int(raw[1])
        if workchain not in (BASECHAIN, MASTERCHAIN):
            raise AddressInvalid(reason="malformed")
        return TonAddress(workchain, bytes.fromhex(raw[2]))
    network = network_of(text)
    if network is not None:
        raise AddressInvalid(reason="other_network", network=network)
    raise AddressInvalid(reason="malformed")


def network_of(text: str) -> str | None:
    """The network whose addresses look like this text; nothing is checked but the form."""
    if _FRIENDLY.fullmatch(text) or _RAW.fullmatch(text):
        return "ton"
    return next((network for network, pattern in _FOREIGN if pattern.fullmatch(text)), None)


def require_payable(text: str, *, own: frozenset[str] = frozenset(), testnet: bool = False) -> str:
    """The canonical text of an address that a player may withdraw to.

    Besides what `parse_ton` refuses: masterchain accounts (`masterchain`), the zero account that
    nobody owns (`burn`) and our own accounts, given as any valid text (`own`)."""
    address = parse_ton(text, testnet=testnet)
    if address.workchain != BASECHAIN:
        raise AddressInvalid(reason="masterchain")
    if not any(address.account):
        raise AddressInvalid(reason="burn")
    if any(parse_ton(ours, testnet=True) == address for ours in own):
        raise AddressInvalid(reason="own")
    return address.friendly()


def is_bounceable(text: str) -> bool:
    """Whether money sent to this text comes back if the account cannot take it. Only the friendly
    form can ask for that."""
    packed = _FRIENDLY.fullmatch(text)
    return packed is not None and base64.urlsafe_b64decode(text)[0] & ~TESTNET_FLAG == BOUNCEABLE


def _parse_friendly(text: str, *, testnet: bool) -> TonAddress:
    try:
        packed = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise AddressInvalid(reason="malformed") from error
    if _checksum(packed[:34]) != packed[34:]:
        raise AddressInvalid(reason="checksum")
    tag, workchain = packed[0], int.from_bytes(packed[1:2], "big", signed=True)
    if tag & ~TESTNET_FLAG not in (BOUNCEABLE, NON_BOUNCEABLE):
        raise AddressInvalid(reason="malformed")
    if workchain not in (BASECHAIN, MASTERCHAIN):
        raise AddressInvalid(reason="malformed")
    if tag & TESTNET_FLAG and not testnet:
        raise AddressInvalid(reason="testnet")
    return TonAddress(workchain, packed[2:34])


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(2, "big")
