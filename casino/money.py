"""Asset and Money: whole units, one asset, rounding toward the house."""

from __future__ import annotations

import re
from enum import StrEnum
from fractions import Fraction

import msgspec

from casino.errors import BadAmount, CurrencyMismatch

UNITS_MAX = 2**63 - 1
_DIGITS = re.compile(r"(?P<whole>[0-9]{1,20})(?:[.,](?P<part>[0-9]{1,30}))?", re.ASCII)


class Asset(StrEnum):
    """What the ledger counts; the number in the database is `code`."""

    TON = "TON"
    USDT = "USDT"
    BTC = "BTC"
    ETH = "ETH"

    @property
    def code(self) -> int:
        """The number that stands for the asset in ledger rows; never reused."""
        return _CODES[self]

    @property
    def decimals(self) -> int:
        """Digits after the point; chosen once so that 64 bits hold the whole supply."""
        return _DECIMALS[self]

    @classmethod
    def from_code(cls, code: int) -> Asset:
        """The asset that a ledger row's number stands for."""
        return _BY_CODE[code]


_CODES = {Asset.TON: 1, Asset.USDT: 2, Asset.BTC: 3, Asset.ETH: 4}
_DECIMALS = {Asset.TON: 9, Asset.USDT: 6, Asset.BTC: 11, Asset.ETH: 9}
_BY_CODE = {code: asset for asset, code in _CODES.items()}

HOUSE_ONLY = (Asset.ETH,)
"""What the house holds to pay networks with: no player has a wallet or a screen of it."""
PLAYERS = tuple(asset for asset in Asset if asset not in HOUSE_ONLY)
"""What players can hold."""
PLAYABLE = (Asset.TON, Asset.USDT, Asset.BTC)
REFERENCE_CURRENCY = "EUR"
REFERENCE_DECIMALS = 6


class Money(msgspec.Struct, frozen=True, gc=False):
    """A number of whole units of one asset; may be negative only as a difference."""

    units: int
    asset: Asset

    def __add__(self, other: Money) -> Money:
        return Money(self.units + self._same(other).units, self.asset)

    def __sub__(self, other: Money) -> Money:
        return Money(self.units - self._same(other).units, self.asset)

    def __lt__(self, other: Money) -> bool:
        return self.units < self._same(other).units

    def __le__(self, other: Money) -> bool:
        return self.units <= self._same(other).units

    def __str__(self) -> str:
        return f"{format_units(self.units, self.asset.decimals)} {self.asset}"

    def _same(self, other: Money) -> Money:
        if other.asset is not self.asset:
            raise CurrencyMismatch(left=self.asset, right=other.asset)
        return other

    @classmethod
    def parse(cls, text: str, asset: Asset) -> Money:
        """Read "1.5" as an amount of `asset`; raises BadAmount for anything but plain digits,
        more decimals than the asset has, zero, or more than 64 bits hold."""
        return cls(parse_units(text, asset.decimals), asset)


def scaled(units: int, factor: Fraction) -> int:
    """`units` times `factor`, rounded down: the one place where the house rounds."""
    numerator, denominator = factor.as_integer_ratio()
    return units * numerator // denominator


def parse_units(text: str, decimals: int) -> int:
    """Read decimal digits as positive units; digits only, so nothing is ever rounded."""
    match = _DIGITS.fullmatch(text.strip())
    if match is None:
        raise BadAmount(text=text[:40])
    part = (match["part"] or "").rstrip("0")
    if len(part) > decimals:
        raise BadAmount(text=text[:40], decimals=decimals)
    return require_units(int(match["whole"] + part.ljust(decimals, "0")))


def require_units(units: object) -> int:
    """`units` as a positive 64-bit whole number, or BadAmount."""
    if type(units) is not int or not 0 < units <= UNITS_MAX:
        raise BadAmount(text=str(units)[:40])
    return units


def format_units(units: int, decimals: int) -> str:
    """Units as decimal digits with the full scale: 1500000000 at 9 is "1.500000000"."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def trim_units(units: int, decimals: int, *, at_least: int = 2) -> str:
    """Units as people read them: trailing zeros dropped down to `at_least` decimals."""
    text = format_units(units, decimals)
    if "." not in text:
        return text
    whole, part = text.split(".")
    part = part.rstrip("0").ljust(min(at_least, decimals), "0")
    return f"{whole}.{part}" if part else whole
