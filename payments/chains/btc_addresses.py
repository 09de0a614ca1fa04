"""Bitcoin addresses: read what people paste, name the wrong network, derive our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embit import base58, bip32, script
from embit.base import EmbitError

from casino.errors import AddressInvalid
from payments.chains import bech32

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

ACCOUNT_DEPTH = 3
EXTERNAL_BRANCH = 0
INTERNAL_BRANCH = 1
INDEX_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Network:
    """What tells one network's addresses and keys from another's.

    `chain` is the name that `getblockchaininfo` gives to it; `extended` are the four bytes that
    public extended keys begin with (xpub and zpub, or tpub and vpub: SLIP132)."""

    name: str
    chain: str
    hrp: str
    p2pkh: int
    p2sh: int
    extended: frozenset[bytes]


_MAIN_KEYS = frozenset({bytes.fromhex("0488b21e"), bytes.fromhex("04b24746")})
_TEST_KEYS = frozenset({bytes.fromhex("043587cf"), bytes.fromhex("045f1cf6")})
BITCOIN = Network("bitcoin", "main", "bc", 0x00, 0x05, _MAIN_KEYS)
BITCOIN_TESTNET = Network("bitcoin_testnet", "test", "tb", 0x6F, 0xC4, _TEST_KEYS)
BITCOIN_REGTEST = Network("bitcoin_regtest", "regtest", "bcrt", 0x6F, 0xC4, _TEST_KEYS)
LITECOIN_REGTEST = Network("litecoin_regtest", "regtest", "rltc", 0x6F, 0x3A, _TEST_KEYS)
NETWORKS = {
    network.name: network
    for network in (BITCOIN, BITCOIN_TESTNET, BITCOIN_REGTEST, LITECOIN_REGTEST)
}

_HRP_NETWORKS = {
    "bc": "bitcoin",
    "tb": "bitcoin_testnet",
    "bcrt": "bitcoin_regtest",
    "ltc": "litecoin",
    "tltc": "litecoin_testnet",
    "rltc": "litecoin_regtest",
}
_VERSION_NETWORKS = {
    0x00: "bitcoin",
    0x05: "bitcoin",
    0x6F: "bitcoin_testnet",
    0xC4: "bitcoin_testnet",
    0x30: "litecoin",
    0x32: "litecoin",
    0x3A: "litecoin_testnet",
    0x1E: "dogecoin",
    0x16: "dogecoin",
    0x41: "tron",
}
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
# The first pattern that fits names the network that the person had in mind.
_FOREIGN = (
    ("ethereum", re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII)),
    ("ton", re.compile(r"-?[0-9]{1,3}:[0-9a-fA-F]{64}|[EUk0][Qf][0-9A-Za-z_+/-]{46}", re.ASCII)),
    ("lightning", re.compile(r"ln(?:bc|tb|url)[0-9a-z]{20,}", re.ASCII | re.IGNORECASE)),
    ("solana", re.compile(rf"{_BASE58}{{43,44}}", re.ASCII)),
)


# What embit raises for bytes that are not what they should be: it has no rule about that.
EMBIT_TROUBLE = (
    EmbitError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class ExtendedKeyError(ValueError):
    """Not a public account key that this network's addresses may be derived from."""


def parse(text: str, network: Network) -> bytes:
    """The scriptPubKey that an address stands for.

    Raises AddressInvalid with `reason`: empty, malformed, checksum, unsupported (a witness version
    that nobody can spend from safely yet) or other_network, then with the `network` whose address
    this looks like."""
    text = text.strip()
    if not text:
        raise AddressInvalid(reason="empty")
    # First by the letters before the last 1: many a segwit address could be one of base58 as well.
    if text.lower().rpartition("1")[0] in _HRP_NETWORKS:
        return _parse_segwit(text, network)
    for foreign, pattern in _FOREIGN:
        if pattern.fullmatch(text):
            raise AddressInvalid(reason="other_network", network=foreign)
    return _parse_base58(text, network)


def canonical(text: str, network: Network) -> str:
    """The one form of an address that is stored and compared. Raises as `parse` does."""
    address = address_of(parse(text, network), network)
    assert address is not None
    return address


def require_payable(text: str, network: Network, *, own: frozenset[bytes] = frozenset()) -> str:
    """The canonical text of an address that a player may withdraw to.

    Besides what `parse` refuses: our own addresses, given as their scripts (`own`)."""
    wanted = parse(text, network)
    if wanted in own:
        raise AddressInvalid(reason="own")
    return canonical(text, network)


def address_of(script_pubkey: bytes, network: Network) -> str | None:
    """The address of a script; None for one that has none or that we do not pay to."""
    length = len(script_pubkey)
    if length in (22, 34) and script_pubkey[0] == 0 and script_pubkey[1] == length - 2:
        return bech32.encode(network.hrp, 0, script_pubkey[2:])
    if length == 34 and script_pubkey[:2] == b"\x51\x20":
        return bech32.encode(network.hrp, 1, script_pubkey[2:])
    if length == 25 and script_pubkey[:3] == b"\x76\xa9\x14" and script_pubkey[23:] == b"\x88\xac":
        return str(base58.encode_check(bytes([network.p2pkh]) + script_pubkey[3:23]))
    if length == 23 and script_pubkey[:2] == b"\xa9\x14" and script_pubkey[22] == 0x87:
        return str(base58.encode_check(bytes([network.p2sh]) + script_pubkey[2:22]))
    return None


class WatchList:
    """Our addresses, with their scripts at hand so that whole blocks are searched by script."""

    def __init__(self, network: Network, addresses: Iterable[str] = ()) -> None:
        self._network = network
        self.by_script: dict[bytes, str] = {}
        self._addresses: set[str] = set()
        self.update(addresses)

    def update(self, addresses: Iterable[str], /) -> None:
        """Watch more addresses, given in their canonical form. Raises AddressInvalid."""
        for address in addresses:
            if address not in self._addresses:
                self.by_script[parse(address, self._network)] = address
                self._addresses.add(address)

    def __contains__(self, address: object) -> bool:
        return address in self._addresses

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses)

    def __len__(self) -> int:
        return len(self._addresses)


def scripts_of(watched: Container[str], network: Network) -> Container[bytes]:
    """Watched addresses, asked by script. A WatchList is searched as it stands; any other
    container costs an address for each question."""
    return watched.by_script if isinstance(watched, WatchList) else _Scripts(watched, network)


class _Scripts:
    def __init__(self, watched: Container[str], network: Network) -> None:
        self._watched = watched
        self._network = network

    def __contains__(self, script: object) -> bool:
        address = address_of(script, self._network) if isinstance(script, bytes) else None
        return address is not None and address in self._watched


class AccountKey:
    """The public half of an account, m/84'/coin'/account': addresses come out, no key ever does.

    Raises ExtendedKeyError for a private key, for one that is not an account's and for one of
    another network."""

    def __init__(self, text: str, network: Network) -> None:
        try:
            key = bip32.HDKey.from_string(text.strip())
        except EMBIT_TROUBLE as error:
            raise ExtendedKeyError("not an extended key") from error
        if key.is_private:
            raise ExtendedKeyError("this is a private key; its place is the signer")
        if key.version not in network.extended:
            raise ExtendedKeyError(f"not a key of {network.name}")
        if key.depth != ACCOUNT_DEPTH:
            raise ExtendedKeyError("not the key of an account (m/84'/coin'/account')")
        self.network = network
        self._branches = {branch: key.child(branch) for branch in (0, 1)}

    def script(self, branch: int, index: int) -> bytes:
        """The p2wpkh scriptPubKey of a child: branch 0 for deposits, 1 for our change."""
        if branch not in self._branches or not 0 <= index <= INDEX_MAX:
            raise ExtendedKeyError("no such child")
        child = self._branches[branch].child(index)
        return bytes(script.p2wpkh(child.key).data)

    def deposit_address(self, index: int) -> str:
        """The address with this number among the ones that players pay to."""
        return self._address(EXTERNAL_BRANCH, index)

    def change_address(self, index: int) -> str:
        """The address with this number among those of our own change."""
        return self._address(INTERNAL_BRANCH, index)

    def _address(self, branch: int, index: int) -> str:
        return bech32.encode(self.network.hrp, 0, self.script(branch, index)[2:])


def _parse_segwit(text: str, network: Network) -> bytes:
    try:
        hrp, version, program = bech32.decode(text)
    except bech32.Bech32Error as error:
        raise AddressInvalid(reason=error.reason) from error
    if hrp != network.hrp:
        raise AddressInvalid(reason="other_network", network=_HRP_NETWORKS[hrp])
    if version > 1 or (version == 1 and len(program) != 32):
        raise AddressInvalid(reason="unsupported")
    return bytes([0x50 + version if version else 0, len(program)]) + program


def _parse_base58(text: str, network: Network) -> bytes:
    if not re.fullmatch(rf"{_BASE58}{{25,36}}", text, re.ASCII):
        raise AddressInvalid(reason="malformed")
    try:
        packed = bytes(base58.decode_check(text))
    except EMBIT_TROUBLE as error:
        raise AddressInvalid(reason="checksum") from error
    version, program = packed[0], packed[1:]
    if len(program) != 20:
        raise AddressInvalid(reason="malformed")
    if version == network.p2pkh:
        return b"\x76\xa9\x14" + program + b"\x88\xac"
    if version == network.p2sh:
        return b"\xa9\x14" + program + b"\x87"
    foreign = _VERSION_NETWORKS.get(version)
    if foreign is None:
        raise AddressInvalid(reason="malformed")
    raise AddressInvalid(reason="other_network", network=foreign)
