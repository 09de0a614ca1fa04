"""Sealed data opens for its player and purpose only, also after a transaction that failed."""

import pytest

from casino.errors import InvariantViolation
from casino.ids import PlayerId
from casino.vault import Vault, seal, unseal
from tests.factories import make_player

KEYS = {1: bytes(range(32))}


async def test_a_key_whose_transaction_was_rolled_back_is_forgotten(db):
    vault = Vault(KEYS)
    async with db.transaction() as session:
        player_id = await make_player(session)
    async with db.transaction() as session:
        await vault.key_of(session, player_id)
        await session.rollback()
    async with db.transaction() as session:
        key = await vault.key_of(session, player_id)
    sealed = seal(key, b"passport", purpose="kyc-document", player_id=player_id)
    async with db.transaction() as session:
        elsewhere = await Vault(KEYS).key_of(session, player_id)
    assert unseal(elsewhere, sealed, purpose="kyc-document", player_id=player_id) == b"passport"


async def test_sealed_data_is_bound_to_player_and_purpose(db):
    vault = Vault(KEYS)
    async with db.transaction() as session:
        player_id = await make_player(session)
        key = await vault.key_of(session, player_id)
    sealed = seal(key, b"x", purpose="kyc-document", player_id=player_id)
    with pytest.raises(InvariantViolation):
        unseal(key, sealed, purpose="server-seed", player_id=player_id)
    with pytest.raises(InvariantViolation):
        unseal(key, sealed, purpose="kyc-document", player_id=PlayerId(player_id + 1))
    with pytest.raises(InvariantViolation):
        unseal(
            key, sealed[:-1] + bytes([sealed[-1] ^ 1]), purpose="kyc-document", player_id=player_id
        )


async def test_a_newer_master_key_still_opens_what_an_older_one_wrapped(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
        old = await Vault(KEYS).key_of(session, player_id)
    sealed = seal(old, b"x", purpose="p", player_id=player_id)
    rotated = Vault({**KEYS, 2: bytes(32)})
    async with db.transaction() as session:
        key = await rotated.key_of(session, player_id)
    assert unseal(key, sealed, purpose="p", player_id=player_id) == b"x"


def test_a_master_key_of_the_wrong_size_is_refused():
    with pytest.raises(InvariantViolation):
        Vault({1: b"short"})
