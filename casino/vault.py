"""Personal data at rest: a data key per player, wrapped by a versioned master key.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of each ciphertext; the purpose
and the player are bound in as associated data. Erasing a player's data key erases the person.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BigInteger, LargeBinary, SmallInteger, select, text
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.errors import InvariantViolation, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.ids import PlayerId

NONCE_BYTES = 12
CACHE_MAX = 50_000


class PlayerKeyRow(Base):
    """A player's data key, wrapped by the master key of `key_version`."""

    __tablename__ = "player_keys"

    player_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key_version: Mapped[int] = mapped_column(SmallInteger)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class Vault:
    """Holds the master keys of one process and a bounded cache of unwrapped data keys."""

    def __init__(self, master_keys: Mapping[int, bytes]) -> None:
        """`master_keys` by version, 32 bytes each; the highest version wraps new keys."""
        if not master_keys or any(len(key) != 32 for key in master_keys.values()):
            raise InvariantViolation(reason="master keys are 32 bytes each")
        self._masters = {version: AESGCM(key) for version, key in master_keys.items()}
        self._newest = max(master_keys)
        # Known by its wrapped form: a key whose transaction was rolled back is never used again.
        self._data_keys: OrderedDict[bytes, AESGCM] = OrderedDict()

    @classmethod
    def from_text(cls, keys: str) -> Vault:
        """Read `1:<base64>,2:<base64>` as the settings hold it."""
        masters: dict[int, bytes] = {}
        try:
            for part in keys.split(","):
                version, _, encoded = part.strip().partition(":")
                masters[int(version)] = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise InvariantViolation(reason="VAULT_MASTER_KEYS is not version:base64") from error
        return cls(masters)

    def new_data_key(self, player_id: PlayerId) -> tuple[int, bytes]:
        """A fresh wrapped data key for a player, with its master key's version."""
        nonce = os.urandom(NONCE_BYTES)
        wrapped = self._masters[self._newest].encrypt(
            nonce, AESGCM.generate_key(256), _bound("key", player_id)
        )
        return self._newest, nonce + wrapped

    def unwrap(self, player_id: PlayerId, *, version: int, wrapped: bytes) -> AESGCM:
        """The player's data key; raises InvariantViolation if the row was tampered with."""
        known = self._data_keys.get(wrapped)
        if known is not None:
            self._data_keys.move_to_end(wrapped)
            return known
        if version not in self._masters:
            raise InvariantViolation(reason="unknown master key version", version=version)
        try:
            plain = self._masters[version].decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound("key", player_id)
            )
        except InvalidTag as error:
            raise InvariantViolation(reason="data key does not unwrap") from error
        key = self._data_keys[wrapped] = AESGCM(plain)
        while len(self._data_keys) > CACHE_MAX:
            self._data_keys.popitem(last=False)
        return key

    async def key_of(self, session: AsyncSession, player_id: PlayerId) -> AESGCM:
        """The player's data key, made on first use in the caller's transaction."""
        version, wrapped = self.new_data_key(player_id)
        await session.execute(
            text(
                "INSERT INTO player_keys (player_id, key_version, wrapped)"
                " VALUES (:player_id, :version, :wrapped) ON CONFLICT DO NOTHING"
            ).bindparams(player_id=player_id, version=version, wrapped=wrapped)
        )
        row = await session.scalar(select(PlayerKeyRow).where(PlayerKeyRow.player_id == player_id))
        if row is None:
            raise NotFound(thing="player key", key=player_id)
        return self.unwrap(player_id, version=row.key_version, wrapped=row.wrapped)


def seal(key: AESGCM, plain: bytes, *, purpose: str, player_id: PlayerId) -> bytes:
    """Encrypt under a player's data key for one purpose."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, _bound(purpose, player_id))


def unseal(key: AESGCM, sealed: bytes, *, purpose: str, player_id: PlayerId) -> bytes:
    """Decrypt; raises InvariantViolation for another purpose, player or a changed byte."""
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(purpose, player_id))
    except InvalidTag as error:
        raise InvariantViolation(reason="sealed data does not open", purpose=purpose) from error


def _bound(purpose: str, player_id: PlayerId) -> bytes:
    return f"fairhouse:{purpose}:{player_id}".encode()
