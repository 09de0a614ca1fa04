"""Init data: what Telegram signed is read, everything else is refused and nothing crashes."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data
from aiogram.utils.web_app_signature import check_webapp_signature as check_third_party
from hypothesis import given
from hypothesis import strategies as st

from casino.errors import LoginRefused
from tests.webapp.launches import (
    PUBLIC_KEY,
    TOKEN,
    VECTOR,
    VECTOR_AT,
    fields_of,
    hash_of,
    sign,
)
from webapp.config import LaunchSettings
from webapp.init_data import (
    SIZE_BYTES_MAX,
    TELEGRAM_PRODUCTION_KEY,
    TELEGRAM_TEST_KEY,
    SignatureCheck,
    TokenCheck,
)

AT = datetime.fromtimestamp(VECTOR_AT, UTC)
BY_TOKEN = TokenCheck(TOKEN)
BY_SIGNATURE = SignatureCheck(bot_id=7000000001, public_key=PUBLIC_KEY)
BOTH = pytest.mark.parametrize("check", [BY_TOKEN, BY_SIGNATURE], ids=["hmac", "ed25519"])


def refused(check, text, *, now=AT):
    with pytest.raises(LoginRefused) as caught:
        check.verify(text, now=now)
    return caught.value.data["reason"]


@BOTH
def test_the_vector_is_read(check):
    launch = check.verify(VECTOR, now=AT + timedelta(minutes=1))
    assert launch.user.id == 279058397
    assert launch.user.last_name == "O'Neil & Ünï"
    assert launch.user.language_code == "en"
    assert launch.auth_date == AT
    assert launch.start_param == "ref_ABC123"
    assert (launch.chat_type, launch.chat_instance) == ("sender", "-1234567890123456789")


def test_aiogram_agrees_with_our_own_signer_and_the_vector():
    fields = fields_of(telegram_id=5, at=AT)
    for text in (VECTOR, sign(fields)):
        assert check_webapp_signature(TOKEN, text)
        assert check_third_party(7000000001, text, PUBLIC_KEY)
        assert (
            safe_parse_webapp_init_data(TOKEN, text).user.id
            == BY_TOKEN.verify(text, now=AT).user.id
        )


@pytest.mark.parametrize("name", ["user", "auth_date", "query_id", "chat_type", "start_param"])
@BOTH
def test_every_field_is_covered_by_the_signature(check, name):
    fields = dict(parse_qsl(VECTOR))
    fields[name] += "0"
    text = urlencode(fields, quote_via=quote)
    assert refused(check, text) == "forged"
    assert not check_webapp_signature(TOKEN, text)


def test_hmac_covers_the_signature_field():
    fields = dict(parse_qsl(VECTOR))
    del fields["signature"]
    assert refused(BY_TOKEN, urlencode(fields)) == "forged"


def test_an_added_field_is_refused_by_both():
    for check in (BY_TOKEN, BY_SIGNATURE):
        assert refused(check, VECTOR + "&is_premium=1") == "forged"


def test_another_bots_token_is_refused():
    assert refused(TokenCheck("7000000002:other"), VECTOR) == "forged"
    assert refused(SignatureCheck(bot_id=7000000002, public_key=PUBLIC_KEY), VECTOR) == "forged"


@pytest.mark.parametrize("key", [TELEGRAM_PRODUCTION_KEY, TELEGRAM_TEST_KEY])
def test_telegrams_own_keys_refuse_what_we_signed(key):
    assert refused(SignatureCheck(bot_id=7000000001, public_key=key), VECTOR) == "forged"


def test_missing_hash_or_signature_is_refused():
    fields = dict(parse_qsl(VECTOR))
    assert (
        refused(BY_TOKEN, urlencode({k: v for k, v in fields.items() if k != "hash"})) == "forged"
    )
    del fields["signature"]
    assert refused(BY_SIGNATURE, urlencode(fields)) == "forged"


@BOTH
def test_duplicate_fields_are_refused(check):
    user = quote(json.dumps({"id": 1, "first_name": "Mallory"}))
    assert refused(check, f"{VECTOR}&user={user}") == "duplicate_field"
    assert refused(check, f"user={user}&{VECTOR}") == "duplicate_field"


def test_a_blank_field_belongs_to_the_check_string():
    fields = {**fields_of(telegram_id=7, at=AT), "signature": ""}
    text = urlencode({**fields, "hash": hash_of(fields)}, quote_via=quote)
    assert BY_TOKEN.verify(text, now=AT).user.id == 7
    assert not check_webapp_signature(TOKEN, text)  # the gap this validator exists for


@pytest.mark.parametrize(
    "bad", ["%C3%A9" * 32, "é" * 64, "zz", "", "%FF", "A" * 64, "%00" * 64, "fb55bd30"]
)
def test_a_strange_hash_is_refused_and_never_crashes(bad):
    body = VECTOR.rpartition("&hash=")[0]
    assert refused(BY_TOKEN, f"{body}&hash={bad}") in {"forged", "malformed"}


@pytest.mark.parametrize(
    "bad", ["!!!", "a", "é", "%C3%A9" * 43, "A" * 86, "A" * 85, "", "%00" * 86]
)
def test_a_strange_signature_is_refused_and_never_crashes(bad):
    fields = parse_qsl(VECTOR)
    text = "&".join(
        f"{name}={bad if name == 'signature' else quote(value)}" for name, value in fields
    )
    assert refused(BY_SIGNATURE, text) in {"forged", "malformed"}


@BOTH
def test_age_is_bounded_on_both_sides(check):
    day = timedelta(hours=24)
    assert check.verify(VECTOR, now=AT + day)
    assert refused(check, VECTOR, now=AT + day + timedelta(seconds=1)) == "expired"
    assert check.verify(VECTOR, now=AT - timedelta(seconds=60))
    assert refused(check, VECTOR, now=AT - timedelta(seconds=61)) == "from_the_future"


@BOTH
def test_size_is_bounded(check):
    room = SIZE_BYTES_MAX - len(sign(fields_of(telegram_id=7, at=AT, x="")))
    assert check.verify(sign(fields_of(telegram_id=7, at=AT, x="a" * room)), now=AT)
    longer = sign(fields_of(telegram_id=7, at=AT, x="a" * (room + 1)))
    assert refused(check, longer) == "oversized"
    assert refused(check, "é" * SIZE_BYTES_MAX) == "oversized"


@pytest.mark.parametrize(
    "text",
    ["", "&", "=", "hash", "a=b", "\ud800", "%", "%zz=1", "user=%80", "&".join(["a=1"] * 65), "\0"],
)
@BOTH
def test_text_that_is_no_init_data_is_refused(check, text):
    assert refused(check, text) in {"malformed", "forged", "duplicate_field"}


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "5",
        "{",
        "{}",
        '{"id": "5"}',
        '{"id": 5.0}',
        '{"id": NaN}',
        '{"id": true}',
        '{"id": 5, "first_name": 7}',
        "[" * 900,
    ],
)
def test_a_signed_but_senseless_user_is_refused(user):
    text = sign({**fields_of(telegram_id=1, at=AT), "user": user})
    assert refused(BY_TOKEN, text) == "malformed"


@pytest.mark.parametrize("number", [0, -5, 2**52, 10**30])
def test_a_user_number_that_telegram_never_gives_is_refused(number):
    text = sign(fields_of(telegram_id=number, at=AT))
    assert refused(BY_TOKEN, text) in {"not_a_person", "malformed"}


def test_a_bot_is_not_a_person():
    fields = {**fields_of(telegram_id=1, at=AT), "user": '{"id": 5, "is_bot": true}'}
    assert refused(BY_TOKEN, sign(fields)) == "not_a_person"


@pytest.mark.parametrize("when", ["", "-1", "1e9", "١٧٩٥٣٧٠٠٠٠", "9" * 12, "1795370000.5", " 1"])
def test_a_signed_but_senseless_date_is_refused(when):
    text = sign({**fields_of(telegram_id=1, at=AT), "auth_date": when})
    assert refused(BY_TOKEN, text) == "malformed"


def test_a_start_parameter_that_is_no_payload_is_dropped():
    for payload in ("a b", "é", "x" * 513, "<b>"):
        text = sign(fields_of(telegram_id=1, at=AT, start_param=payload))
        assert BY_TOKEN.verify(text, now=AT).start_param is None


def test_the_same_launch_has_the_same_proof_however_it_is_written():
    one = BY_TOKEN.verify(VECTOR, now=AT)
    respelled = "&".join(reversed(VECTOR.replace("%20", "+").split("&")))
    assert BY_TOKEN.verify(respelled, now=AT).proof == one.proof
    other = sign(fields_of(telegram_id=279058397, at=AT + timedelta(seconds=1)))
    assert BY_TOKEN.verify(other, now=AT).proof != one.proof


def test_a_changed_hash_does_not_make_a_new_launch_for_the_ed25519_check():
    one = BY_SIGNATURE.verify(VECTOR, now=AT)
    body = VECTOR.rpartition("&hash=")[0]
    assert BY_SIGNATURE.verify(f"{body}&hash={'0' * 64}", now=AT).proof == one.proof


@given(st.text(max_size=300))
def test_no_text_crashes_either_check(text):
    for check in (BY_TOKEN, BY_SIGNATURE):
        with pytest.raises(LoginRefused):
            check.verify(text, now=AT)


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=6))
def test_whatever_is_signed_is_read_or_refused(fields):
    fields = {k: v for k, v in fields.items() if k not in {"hash", "signature"}}
    text = urlencode({**fields, "hash": hash_of(fields)}, quote_via=quote)
    with pytest.raises(LoginRefused):
        BY_TOKEN.verify(text, now=AT)


def test_settings_choose_the_check(monkeypatch):
    for name in ("LAUNCH_PROOF", "LAUNCH_PUBLIC_KEY"):
        monkeypatch.delenv(name, raising=False)
    settings = LaunchSettings(_env_file=None)
    assert settings.check(bot_token=TOKEN).verify(VECTOR, now=AT).user.id == 279058397
    settings = LaunchSettings(_env_file=None, proof="ed25519", public_key=PUBLIC_KEY.hex())
    assert settings.check(bot_token="7000000001:").verify(VECTOR, now=AT).user.id == 279058397
    settings = LaunchSettings(_env_file=None, proof="ed25519")
    assert refused(settings.check(bot_token=TOKEN), VECTOR) == "forged"
    with pytest.raises(ValueError):
        LaunchSettings(_env_file=None, proof="none")
