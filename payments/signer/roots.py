"""The roots of all keys: 32 random bytes each, and the 24 words by which people keep them."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from embit import bip39

from payments.signer.errors import KeystoreError, WordsInvalid

if TYPE_CHECKING:
    from datetime import datetime

ENTROPY_BYTES = 32
WORDS = 24
_PLACES = {word: place for place, word in enumerate(bip39.WORDLIST)}


class RootKind(StrEnum):
    """What a root is for; each kind has generations of its own, counted from 1."""

    TON = "ton"
    """The Ed25519 seed of the hot wallet on TON, for coins and jettons (`ton`, `usdt_ton`)."""
    BTC_ETH = "btc_eth"
    """BIP39 entropy of the BIP32 master behind Bitcoin and Ethereum (`btc`, `usdt_eth`)."""


class Withheld:
    """Base of everything that holds a secret: it has no text and cannot be copied out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: withheld>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("secrets are not pickled or copied")


class Entropy(Withheld):
    """32 secret bytes."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        """Raises KeystoreError for any other length."""
        if len(raw) != ENTROPY_BYTES:
            raise KeystoreError("a root has 32 bytes; give 64 hex digits")
        self._raw = bytes(raw)

    @classmethod
    def fresh(cls) -> Entropy:
        """New bytes from the system's random source."""
        return cls(secrets.token_bytes(ENTROPY_BYTES))

    @classmethod
    def from_hex(cls, text: str) -> Entropy:
        """From 64 hex digits. Raises KeystoreError."""
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raise KeystoreError("a root is written as 64 hex digits; this is not hex") from None
        return cls(raw)

    @classmethod
    def from_words(cls, text: str) -> Entropy:
        """From 24 words of BIP39's English list; numbers between them are passed over, as on the
        sheet that `create` prints. Raises WordsInvalid with the place of a word, never the word."""
        words = [word for word in text.lower().split() if not word.strip(".):").isdigit()]
        if len(words) != WORDS:
            raise WordsInvalid(
                f"there are {len(words)} words where there should be {WORDS}; enter all of one "
                "root, in their order"
            )
        for place, word in enumerate(words, start=1):
            if word not in _PLACES:
                raise WordsInvalid(f"word {place} is not in the list (BIP39, English); look again")
        try:
            raw = bip39.mnemonic_to_bytes(" ".join(words))
        except ValueError:
            raise WordsInvalid(
                "the words do not fit together: one is misread or two are swapped; compare them "
                "with the sheet"
            ) from None
        return cls(raw)

    def reveal(self) -> bytes:
        """The bytes themselves, for deriving and sealing; keep them in no attribute."""
        return self._raw

    def words(self) -> str:
        """The 24 words (BIP39) in one line, for the one time that they are shown."""
        return str(bip39.mnemonic_from_bytes(self._raw))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entropy) and hmac.compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """One root of one generation; the highest generation of a kind is the one in use."""

    kind: RootKind
    generation: int
    entropy: Entropy
    made_at: datetime | None = None
    """When this root was made; None where nobody wrote it down."""
