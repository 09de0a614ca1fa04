"""Signed transactions: the bytes of an independent library, the same each time, read back whole."""

from dataclasses import replace

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_hash.auto import keccak
from hexbytes import HexBytes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from payments.chains.evm_addresses import EvmAddress, address_of
from payments.chains.evm_wallet import (
    COIN_TRANSFER_GAS,
    NONCE_MAX,
    FeeMarket,
    Fees,
    SignedTransaction,
    Transaction,
    TransactionInvalid,
    authorization_account,
    authorize,
    bumped,
    cancellation,
    carried_hash,
    coin_transfer,
    read_signed,
    read_transfer,
    replacement,
    sign_transaction,
    sweep,
    token_transfer,
)

untimed = settings(deadline=None)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

secrets = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
addresses = st.binary(min_size=20, max_size=20).map(EvmAddress)
words = st.integers(1, 2**256 - 1)
chain_ids = st.integers(1, 2**64 - 1)
nonces = st.integers(0, NONCE_MAX)
gas = st.integers(COIN_TRANSFER_GAS, 2**64 - 1)


@st.composite
def fees(draw: st.DrawFn) -> Fees:
    most = draw(st.integers(1, 2**96))
    return Fees(most, draw(st.integers(0, most)))


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    frame = {
        "chain_id": draw(chain_ids),
        "nonce": draw(nonces),
        "fees": draw(fees()),
        "gas": draw(gas),
    }
    match draw(st.sampled_from(["token", "coin", "sweep", "first sweep"])):
        case "token":
            return token_transfer(
                **frame, token=draw(addresses), to=draw(addresses), units=draw(words)
            )
        case "coin":
            return coin_transfer(**frame, to=draw(addresses), wei=draw(words))
        case "sweep":
            return sweep(
                **frame, deposit=draw(addresses), token=draw(addresses), authorization=None
            )
        case _:
            key = PrivateKey(draw(secrets))
            deposit = account(key)
            permission = authorize(
                chain_id=frame["chain_id"],
                delegate=draw(addresses),
                nonce=draw(nonces),
                account=deposit,
                sign=signer(key),
            )
            return sweep(**frame, deposit=deposit, token=draw(addresses), authorization=permission)


def account(key: PrivateKey) -> EvmAddress:
    return address_of(key.public_key.format(compressed=False))


def signer(key: PrivateKey):
    return lambda digest: key.sign_recoverable(digest, hasher=None)


def sign(transaction: Transaction, secret: bytes) -> SignedTransaction:
    key = PrivateKey(secret)
    return sign_transaction(transaction, account=account(key), sign=signer(key))


def as_others_write_it(transaction: Transaction) -> dict[str, object]:
    """The same transaction in the words of eth_account."""
    written: dict[str, object] = {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxFeePerGas": transaction.fees.max_fee,
        "maxPriorityFeePerGas": transaction.fees.tip,
        "gas": transaction.gas,
        "to": transaction.to.checksummed,
        "value": transaction.value,
        "data": transaction.payload,
    }
    if transaction.authorizations:
        written["authorizationList"] = [
            {
                "chainId": one.chain_id,
                "address": one.delegate.account,
                "nonce": one.nonce,
                "yParity": one.parity,
                "r": one.r,
                "s": one.s,
            }
            for one in transaction.authorizations
        ]
    return written


@untimed
@given(transactions(), secrets)
def test_another_library_signs_the_same_bytes(transaction: Transaction, secret: bytes) -> None:
    ours = sign(transaction, secret)
    theirs = Account.from_key(secret).sign_transaction(as_others_write_it(transaction))
    assert ours.signed == bytes(theirs.raw_transaction)
    assert ours.tx_hash == theirs.hash.to_0x_hex()
    assert ours.sender.checksummed == Account.from_key(secret).address
    assert Account.recover_transaction(ours.signed) == ours.sender.checksummed


@untimed
@given(chain_ids, addresses, nonces, secrets)
def test_another_library_gives_the_same_permission(
    chain_id: int, delegate: EvmAddress, nonce: int, secret: bytes
) -> None:
    key = PrivateKey(secret)
    ours = authorize(
        chain_id=chain_id, delegate=delegate, nonce=nonce, account=account(key), sign=signer(key)
    )
    theirs = Account.from_key(secret).sign_authorization(
        {"chainId": chain_id, "address": delegate.account, "nonce": nonce}
    )
    assert (ours.parity, ours.r, ours.s) == (theirs.y_parity, theirs.r, theirs.s)
    assert authorization_account(ours) == account(key)


@untimed
@given(transactions(), secrets)
def test_the_same_input_gives_the_same_bytes_and_they_are_read_back(
    transaction: Transaction, secret: bytes
) -> None:
    signed = sign(transaction, secret)
    assert sign(transaction, secret) == signed
    assert read_signed(signed.signed) == signed
    assert carried_hash(signed.signed) == signed.tx_hash


@untimed
@given(transactions(), secrets, st.data())
def test_a_changed_byte_is_another_transaction_or_none(
    transaction: Transaction, secret: bytes, data: st.DataObject
) -> None:
    signed = sign(transaction, secret)
    place = data.draw(st.integers(0, len(signed.signed) - 1))
    change = data.draw(st.integers(1, 255))
    spoilt = bytearray(signed.signed)
    spoilt[place] ^= change
    try:
        read = read_signed(bytes(spoilt))
    except TransactionInvalid:
        return
    assert read.tx_hash != signed.tx_hash
    assert (read.sender, read.transaction) != (signed.sender, signed.transaction)


@untimed
@given(st.binary(max_size=300))
@example(b"\x83\x00\x00\x00")
def test_no_bytes_do_worse_than_a_refusal(garbage: bytes) -> None:
    for bytes_ in (garbage, b"\x02" + garbage, b"\x04" + garbage):
        with pytest.raises(TransactionInvalid):
            read_signed(bytes_)


def test_other_types_and_access_lists_are_never_ours() -> None:
    base = {"nonce": 0, "gas": 21_000, "to": "0x" + "11" * 20, "value": 1, "chainId": 1}
    someone = Account.from_key(b"\x01" * 32)
    listed = {
        "accessList": [{"address": "0x" + "22" * 20, "storageKeys": []}],
        "maxFeePerGas": 2,
        "maxPriorityFeePerGas": 1,
    }
    for other in ({"gasPrice": 5}, {"gasPrice": 5, "accessList": []}, listed):
        signed = someone.sign_transaction({**base, **other}).raw_transaction
        with pytest.raises(TransactionInvalid):
            read_signed(bytes(signed))


def test_a_high_s_is_refused() -> None:
    """The mirrored signature is as good to mathematics; the network and we take one of the two."""
    key = PrivateKey(b"\x07" * 32)

    def mirrored(digest: bytes) -> bytes:
        made = key.sign_recoverable(digest, hasher=None)
        s = ORDER - int.from_bytes(made[32:64], "big")
        return made[:32] + s.to_bytes(32, "big") + bytes([1 - made[64]])

    with pytest.raises(TransactionInvalid, match="one true form"):
        sign_transaction(a_transfer(), account=account(key), sign=mirrored)


@pytest.mark.parametrize("made", [b"", b"\x00" * 65, b"\xff" * 65, b"\x01" * 64 + b"\x05"])
def test_what_is_no_signature_is_refused(made: bytes) -> None:
    with pytest.raises(TransactionInvalid):
        sign_transaction(a_transfer(), account=EvmAddress(b"\x01" * 20), sign=lambda _digest: made)


def test_another_key_is_noticed_before_the_bytes_exist() -> None:
    key = PrivateKey(b"\x07" * 32)
    with pytest.raises(TransactionInvalid, match="another account"):
        sign_transaction(a_transfer(), account=EvmAddress(b"\x01" * 20), sign=signer(key))


@untimed
@given(fees(), fees())
def test_a_replacement_pays_an_eighth_more_of_both(old: Fees, market: Fees) -> None:
    for new in (bumped(old), bumped(old, market=market)):
        assert new.max_fee * 8 >= old.max_fee * 9
        assert new.tip * 8 >= old.tip * 9
        assert new.max_fee > old.max_fee
        assert new.tip > old.tip
        assert new.tip <= new.max_fee
    assert bumped(old, market=market).max_fee >= market.max_fee
    assert bumped(old, market=market).tip >= market.tip


@untimed
@given(transactions(), addresses)
def test_replacements_and_cancellations_keep_the_nonce(
    transaction: Transaction, ours: EvmAddress
) -> None:
    again = replacement(transaction)
    assert again == replace(transaction, fees=again.fees)
    cancel = cancellation(transaction, account=ours)
    assert (cancel.chain_id, cancel.nonce) == (transaction.chain_id, transaction.nonce)
    assert (cancel.to, cancel.value, cancel.payload) == (ours, 0, b"")
    assert not cancel.authorizations


@untimed
@given(addresses, words)
def test_a_transfer_says_whom_and_how_much(to: EvmAddress, units: int) -> None:
    transaction = a_transfer(to=to, units=units)
    assert read_transfer(transaction.payload) == (to, units)
    assert transaction.value == 0
    assert transaction.payload[:4] == keccak(b"transfer(address,uint256)")[:4]


def test_other_payloads_are_no_transfer() -> None:
    payload = a_transfer().payload
    for other in (b"", payload[:-1], payload + b"\x00", b"\x00" + payload[1:]):
        assert read_transfer(other) is None
    assert read_transfer(payload[:4] + b"\x01" + payload[5:]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": 0},
        {"units": -1},
        {"units": 2**256},
        {"nonce": -1},
        {"nonce": 2**64 - 1},
        {"chain_id": 0},
        {"chain_id": 2**64},
        {"fees": Fees(0, 0)},
        {"fees": Fees(1, 2)},
        {"fees": Fees(1, -1)},
        {"fees": Fees(2**128, 0)},
        {"gas": 20_999},
        {"gas": 2**64},
        {"token": EvmAddress(b"\x01" * 19)},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TransactionInvalid):
        a_transfer(**wrong)


def test_a_permission_for_another_chain_is_refused() -> None:
    key = PrivateKey(b"\x07" * 32)
    permission = authorize(
        chain_id=1,
        delegate=EvmAddress(b"\x01" * 20),
        nonce=0,
        account=account(key),
        sign=signer(key),
    )
    with pytest.raises(TransactionInvalid, match="another chain"):
        sweep(
            chain_id=2,
            nonce=0,
            fees=Fees(2, 1),
            gas=100_000,
            deposit=account(key),
            token=EvmAddress(b"\x02" * 20),
            authorization=permission,
        )


def test_the_markets_fees_are_never_without_a_tip() -> None:
    assert FeeMarket(100, 7).fees == Fees(207, 7)
    assert FeeMarket(100, 0).fees == Fees(201, 1)


def test_a_permission_for_every_chain_is_refused() -> None:
    key = PrivateKey(b"\x07" * 32)
    for wrong in ({"chain_id": 0}, {"nonce": -1}):
        frame = {"chain_id": 1, "nonce": 0, **wrong}
        with pytest.raises(TransactionInvalid):
            authorize(
                **frame,
                delegate=EvmAddress(b"\x01" * 20),
                account=account(key),
                sign=signer(key),
            )
    with pytest.raises(TransactionInvalid):
        coin_transfer(chain_id=1, nonce=0, fees=Fees(1, 1), to=account(key), wei=0)


def test_a_sweep_that_another_library_signed_reads_as_what_it_is() -> None:
    deposit, payer = Account.from_key(b"\x02" * 32), Account.from_key(b"\x03" * 32)
    permission = deposit.sign_authorization(
        {"chainId": 1, "address": HexBytes("0x" + "33" * 20), "nonce": 0}
    )
    theirs = payer.sign_transaction(
        {
            "chainId": 1,
            "nonce": 4,
            "gas": 100_000,
            "maxFeePerGas": 10,
            "maxPriorityFeePerGas": 1,
            "to": deposit.address,
            "value": 0,
            "data": b"\x01\x02",
            "authorizationList": [permission],
        }
    )
    read = read_signed(bytes(theirs.raw_transaction))
    assert read.sender.checksummed == payer.address
    (given_,) = read.transaction.authorizations
    assert authorization_account(given_).checksummed == deposit.address
    typed = TypedTransaction.from_bytes(HexBytes(read.signed))
    assert typed.hash() == read.transaction.signing_hash()


def a_transfer(**changed: object) -> Transaction:
    frame = {
        "chain_id": 1,
        "nonce": 0,
        "fees": Fees(2, 1),
        "gas": 60_000,
        "token": EvmAddress(b"\x0a" * 20),
        "to": EvmAddress(b"\x0b" * 20),
        "units": 5,
        **changed,
    }
    return token_transfer(**frame)
