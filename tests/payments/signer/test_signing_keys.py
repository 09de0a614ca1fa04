"""Keys sign as what watchers see without them: against published vectors and other libraries."""

import hashlib

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from embit import bip39
from embit.descriptor import Descriptor
from embit.networks import NETWORKS as EMBIT_NETWORKS
from eth_account import Account
from eth_account.hdaccount import key_from_seed
from hypothesis import given, settings
from hypothesis import strategies as some

from payments.chains.btc_addresses import (
    BITCOIN,
    BITCOIN_REGTEST,
    BITCOIN_TESTNET,
    LITECOIN_REGTEST,
    AccountKey,
    Network,
)
from payments.chains.btc_coins import Coin, Target
from payments.chains.btc_wallet import (
    ChangeSpot,
    WalletError,
    draft_payout,
    from_psbt,
    sign,
    to_psbt,
)
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.evm_wallet import (
    Fees,
    TransactionInvalid,
    authorization_account,
    authorize,
    coin_transfer,
    sign_transaction,
    sweep,
)
from payments.chains.ton_wallet import HotWallet, Payment, build_payout
from payments.signer.errors import KeyAbsent, WordsInvalid
from payments.signer.roots import Entropy
from payments.signer.signing_keys import EVM_HOT_PATH, BtcAccount, Master, TonKey

Account.enable_unaudited_hdwallet_features()
ENTROPY = Entropy(hashlib.sha256(b"a root of the tests").digest())
MASTER = Master.of(ENTROPY)
SEED = bip39.mnemonic_to_seed(ENTROPY.words())
GWEI = 10**9
indexes = some.one_of(some.integers(0, 30), some.integers(0, 2**31 - 1))

# The vectors of 256 bits of github.com/trezor/python-mnemonic, which BIP39 refers to.
WORDS = {
    "00" * 32: "abandon " * 23 + "art",
    "7f" * 32: "legal winner thank year wave sausage worth useful " * 2
    + "legal winner thank year wave sausage worth title",
    "80" * 32: "letter advice cage absurd amount doctor acoustic avoid " * 2
    + "letter advice cage absurd amount doctor acoustic bless",
    "ff" * 32: "zoo " * 23 + "vote",
    "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c": "hamster diagram private"
    " dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple"
    " dilemma loan word shrug inflict delay length",
    "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f": "void come effort suffer"
    " camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space"
    " point ten exist slush involve unfold",
}


@pytest.mark.parametrize(("entropy", "words"), WORDS.items())
def test_words_are_those_of_bip39(entropy: str, words: str) -> None:
    assert Entropy.from_hex(entropy).words() == words
    assert Entropy.from_words(words) == Entropy.from_hex(entropy)


@given(some.binary(min_size=32, max_size=32))
@settings(deadline=None, max_examples=30)
def test_words_lead_back_to_their_root(raw: bytes) -> None:
    words = Entropy(raw).words()
    assert Entropy.from_words(words).reveal() == raw
    sheet = "\n".join(f" {place}. {word.upper()}" for place, word in enumerate(words.split(), 1))
    assert Entropy.from_words(sheet).reveal() == raw


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "0 words"),
        ("zoo " * 12, "12 words"),
        ("zoo " * 25, "25 words"),
        ("zoo " * 24, "do not fit together"),
        ("zoo " * 10 + "zooo " + "zoo " * 13, "word 11 is not in the list"),
        ("vote " + "zoo " * 23, "do not fit together"),
    ],
)
def test_what_is_no_row_of_words_is_told_by_its_place(words: str, said: str) -> None:
    with pytest.raises(WordsInvalid, match=said) as caught:
        Entropy.from_words(words)
    assert "zoo" not in str(caught.value)


def test_bitcoin_follows_the_vectors_of_bip84() -> None:
    account = Master(bip39.mnemonic_to_seed("abandon " * 11 + "about")).btc(BITCOIN)
    # From BIP84: the account's zpub and its first addresses.
    zpub = (
        "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf"
        "31mGDtKsAYz2oz2AGutZYs"
    )
    ours, theirs = AccountKey(account.xpub, BITCOIN), AccountKey(zpub, BITCOIN)
    assert ours.deposit_address(0) == "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
    assert ours.deposit_address(1) == "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
    assert ours.change_address(0) == "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"
    assert [theirs.deposit_address(n) for n in range(5)] == [
        ours.deposit_address(n) for n in range(5)
    ]
    assert account.xpub.startswith("xpub")
    assert account.fingerprint.hex() == "73c5da0a"


def test_ethereum_follows_the_addresses_that_anvil_prints() -> None:
    master = Master(bip39.mnemonic_to_seed("test " * 11 + "junk"))
    assert [master.evm_deposits().at(n).address.checksummed for n in range(2)] == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    ]


def test_ton_follows_the_first_vector_of_rfc8032() -> None:
    key = TonKey(
        Entropy.from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert key.public_key.hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )


def test_what_ton_signs_the_public_key_proves() -> None:
    key, seen = TonKey(ENTROPY), []

    def signed(digest: bytes) -> bytes:
        seen.append((digest, key.sign(digest)))
        return seen[-1][1]

    wallet = HotWallet(key.public_key, 0x10AD, 3600)
    to = HotWallet(bytes(32), 1, 3600).address.friendly()
    build_payout(wallet, [Payment(to, 5, "")], query_id=1, created_at=1, deploy=True, sign=signed)
    Ed25519PublicKey.from_public_bytes(key.public_key).verify(seen[0][1], seen[0][0])


@given(index=indexes)
@settings(deadline=None, max_examples=30)
def test_deposit_keys_are_those_that_watchers_see_and_another_library_derives(index: int) -> None:
    deposits = MASTER.evm_deposits()
    key = deposits.at(index)
    assert key.address == DepositAddresses(deposits.xpub).at(index)
    other = Account.from_mnemonic(ENTROPY.words(), account_path=f"m/44'/60'/0'/0/{index}")
    assert key.address.checksummed == other.address
    assert key.sign(bytes(range(32))) == PrivateKey(bytes(other.key)).sign_recoverable(
        bytes(range(32)), hasher=None
    )


@pytest.mark.parametrize("index", [-1, 2**31])
def test_there_are_no_hardened_deposit_addresses(index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        MASTER.evm_deposits().at(index)


def test_the_hot_wallet_is_out_of_reach_of_the_deposits_key() -> None:
    hot = MASTER.evm_hot()
    other = Account.from_mnemonic(ENTROPY.words(), account_path=EVM_HOT_PATH)
    assert hot.address.checksummed == other.address
    watched = DepositAddresses(MASTER.evm_deposits().xpub)
    assert hot.address not in set(watched.between(0, 200))
    account, first_hardened = EVM_HOT_PATH.split("/")[3], "0'"
    assert account.endswith("'"), "hardened, so that no public key leads there"
    assert account != first_hardened


def test_a_sweep_is_authorized_by_the_deposit_key_and_sent_by_the_hot_wallet() -> None:
    deposits, hot = MASTER.evm_deposits(), MASTER.evm_hot()
    deposit = DepositAddresses(deposits.xpub).at(7)
    token = parse_evm("0x" + "11" * 20)
    permission = authorize(
        chain_id=1, delegate=token, nonce=0, account=deposit, sign=deposits.at(7).sign
    )
    assert authorization_account(permission) == deposit
    transaction = sweep(
        chain_id=1,
        nonce=3,
        fees=Fees(GWEI, 1),
        gas=100_000,
        deposit=deposit,
        token=token,
        authorization=permission,
    )
    signed = sign_transaction(transaction, account=hot.address, sign=hot.sign)
    assert Account.recover_transaction(signed.signed) == hot.address.checksummed
    with pytest.raises(TransactionInvalid, match="another account"):
        authorize(chain_id=1, delegate=token, nonce=0, account=deposit, sign=deposits.at(8).sign)


def test_the_hot_wallet_signs_what_another_library_recovers() -> None:
    hot = MASTER.evm_hot()
    transaction = coin_transfer(
        chain_id=1, nonce=0, fees=Fees(GWEI, 1), to=parse_evm("0x" + "22" * 20), wei=1
    )
    signed = sign_transaction(transaction, account=hot.address, sign=hot.sign)
    assert Account.recover_transaction(signed.signed) == hot.address.checksummed


@given(
    network=some.sampled_from([BITCOIN, BITCOIN_TESTNET, BITCOIN_REGTEST, LITECOIN_REGTEST]),
    branch=some.integers(0, 1),
    index=indexes,
)
@settings(deadline=None, max_examples=40)
def test_bitcoin_keys_are_those_of_the_account_that_watchers_hold(
    network: Network, branch: int, index: int
) -> None:
    account = MASTER.btc(network)
    script = AccountKey(account.xpub, network).script(branch, index)
    coin = Coin("11" * 32, 0, 10_000, script, branch, index, 1)
    signature, public = account.sign(coin, bytes(range(32)))
    coin_type = 0 if network is BITCOIN else 1
    other = PrivateKey(key_from_seed(SEED, f"m/84'/{coin_type}'/0'/{branch}/{index}"))
    assert public == other.public_key.format()
    assert other.public_key.verify(signature, bytes(range(32)), hasher=None)
    assert (
        script == b"\x00\x14" + hashlib.new("ripemd160", hashlib.sha256(public).digest()).digest()
    )


@pytest.mark.parametrize(
    ("network", "theirs"),
    [(BITCOIN, "main"), (BITCOIN_TESTNET, "test"), (BITCOIN_REGTEST, "regtest")],
    ids=["main", "test", "regtest"],
)
def test_descriptors_give_the_same_addresses(network: Network, theirs: str) -> None:
    account = MASTER.btc(network)
    key = AccountKey(account.xpub, network)
    for branch, address in ((0, key.deposit_address), (1, key.change_address)):
        text = f"wpkh([{account.fingerprint.hex()}{account.path[1:]}]{account.xpub}/{branch}/*)"
        descriptor = Descriptor.from_string(text)
        assert [address(n) for n in range(20)] == [
            descriptor.derive(n).address(EMBIT_NETWORKS[theirs]) for n in range(20)
        ]


def test_bitcoin_payouts_are_signed_from_both_branches_and_by_psbt() -> None:
    account = MASTER.btc(BITCOIN_REGTEST)
    key = AccountKey(account.xpub, BITCOIN_REGTEST)
    coins = [
        Coin("11" * 32, 0, 60_000, key.script(0, 3), 0, 3, 1),
        Coin("22" * 32, 1, 60_000, key.script(1, 9), 1, 9, 1),
    ]
    draft = draft_payout(
        [Target(100_000, b"\x00\x14" + b"\x05" * 20)],
        coins,
        change=ChangeSpot(key.script(1, 0), 1, 0),
        rate=2,
        later_rate=2,
    )
    signed = sign(draft, account.sign, script_of=key.script, rate_max=10)
    assert len(signed.inputs) == 2
    psbt = to_psbt(draft, account.xpub, fingerprint=account.fingerprint, path=account.path)
    with pytest.raises(WalletError, match="signature"):
        from_psbt(draft, psbt, script_of=key.script, rate_max=10)
    other: BtcAccount = Master.of(Entropy(bytes(32))).btc(BITCOIN_REGTEST)
    with pytest.raises(WalletError, match="key"):
        sign(draft, other.sign, script_of=key.script, rate_max=10)


@pytest.mark.parametrize("digest", [b"", b"x" * 31, b"x" * 33], ids=len)
def test_keys_sign_hashes_only(digest: bytes) -> None:
    coin = Coin("11" * 32, 0, 1, b"", 0, 0, 1)
    for signing in (
        TonKey(ENTROPY).sign,
        MASTER.evm_hot().sign,
        lambda given: MASTER.btc(BITCOIN).sign(coin, given),
    ):
        with pytest.raises(KeyAbsent, match="32 bytes"):
            signing(digest)
