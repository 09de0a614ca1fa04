"""Segwit addresses to programs and back (BIP173, BIP350), for any human-readable part."""

from __future__ import annotations

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32 = 1
BECH32M = 0x2BC830A3
LENGTH_MAX = 90
CHECKSUM_LENGTH = 6

_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_VALUES = {letter: value for value, letter in enumerate(CHARSET)}


def _table() -> list[int]:
    """What each value of the five bits that leave the register adds to it."""
    table = []
    for top in range(32):
        mixed = 0
        for bit in range(5):
            if top >> bit & 1:
                mixed ^= _GENERATOR[bit]
        table.append(mixed)
    return table


_TABLE = _table()


class Bech32Error(ValueError):
    """Not a text of this form; `reason` is malformed or checksum."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(hrp: str, version: int, program: bytes) -> str:
    """The address of a witness program; `version` is 0 to 16, `program` 2 to 40 bytes."""
    if not 0 <= version <= 16 or not 2 <= len(program) <= 40:
        raise ValueError("not a witness program")
    data = [version, *_to_fives(program)]
    goal = BECH32M if version else BECH32
    check = _polymod([*_expand(hrp), *data, *[0] * CHECKSUM_LENGTH]) ^ goal
    tail = [check >> 5 * (CHECKSUM_LENGTH - 1 - at) & 31 for at in range(CHECKSUM_LENGTH)]
    return hrp + "1" + "".join([CHARSET[value] for value in data + tail])


def decode(text: str) -> tuple[str, int, bytes]:
    """Human-readable part, witness version and program of an address. Raises Bech32Error."""
    if text not in (text.lower(), text.upper()) or not text.isascii() or len(text) > LENGTH_MAX:
        raise Bech32Error("malformed")
    hrp, separator, tail = text.lower().rpartition("1")
    if not separator or not hrp or len(tail) <= CHECKSUM_LENGTH:
        raise Bech32Error("malformed")
    if not all(33 <= ord(letter) <= 126 for letter in hrp) or not set(tail) <= _VALUES.keys():
        raise Bech32Error("malformed")
    data = [_VALUES[letter] for letter in tail]
    found = _polymod([*_expand(hrp), *data])
    if found not in (BECH32, BECH32M):
        raise Bech32Error("checksum")
    version, program = data[0], _to_bytes(data[1:-CHECKSUM_LENGTH])
    if version > 16 or not 2 <= len(program) <= 40:
        raise Bech32Error("malformed")
    if version == 0 and len(program) not in (20, 32):
        raise Bech32Error("malformed")
    if found != (BECH32M if version else BECH32):
        raise Bech32Error("checksum")
    return hrp, version, program


def _polymod(values: list[int]) -> int:
    register = 1
    for value in values:
        register = (register & 0x1FFFFFF) << 5 ^ value ^ _TABLE[register >> 25]
    return register


def _expand(hrp: str) -> list[int]:
    return [ord(letter) >> 5 for letter in hrp] + [0] + [ord(letter) & 31 for letter in hrp]


def _to_fives(program: bytes) -> list[int]:
    count = (len(program) * 8 + 4) // 5
    number = int.from_bytes(program, "big") << (count * 5 - len(program) * 8)
    return [number >> 5 * at & 31 for at in range(count - 1, -1, -1)]


def _to_bytes(fives: list[int]) -> bytes:
    number = 0
    for five in fives:
        number = number << 5 | five
    padding = len(fives) * 5 % 8
    if padding >= 5 or number & ((1 << padding) - 1):
        raise Bech32Error("malformed")
    return (number >> padding).to_bytes(len(fives) * 5 // 8, "big")
