"""Init data: was this Mini App launch signed by Telegram, for whom and when; pure.

Two proofs exist. The HMAC one needs the bot token; its check string keeps the `signature` field.
The Ed25519 one needs only Telegram's public key and the bot's number; its check string has neither
`hash` nor `signature`. Whatever is wrong with the text, the answer is LoginRefused, never a crash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from casino.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

TELEGRAM_PRODUCTION_KEY = bytes.fromhex(
    "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d"
)
TELEGRAM_TEST_KEY = bytes.fromhex(
    "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec"
)
SIZE_BYTES_MAX = 4096
FIELDS_MAX = 64
AGE_MAX = timedelta(hours=24)
AHEAD_MAX = timedelta(seconds=60)
TELEGRAM_ID_MAX = 2**52
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,512}", re.ASCII)


class TelegramUser(msgspec.Struct, frozen=True):
    """The person who opened the Mini App, as Telegram describes him."""

    id: int
    first_name: str = ""
    last_name: str = ""
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class InitData:
    """A verified launch. `proof` names what was signed: the same launch, the same 32 bytes."""

    user: TelegramUser
    auth_date: datetime
    proof: bytes
    start_param: str | None
    chat_type: str | None
    chat_instance: str | None
    query_id: str | None


class InitDataCheck(Protocol):
    """One of the two ways to verify a launch."""

    def verify(self, text: str, *, now: datetime) -> InitData:
        """What the signed text says; raises LoginRefused with a reason for any other text."""
        ...


class TokenCheck:
    """Verifies by HMAC-SHA256 with a key made of the bot token."""

    def __init__(self, token: str) -> None:
        self._key = hmac.digest(b"WebAppData", token.encode(), "sha256")

    def verify(self, text: str, *, now: datetime) -> InitData:
        """What the signed text says; raises LoginRefused with a reason for any other text."""
        fields = _read_fields(text)
        claimed = fields.pop("hash", "")
        signed = _check_string(fields).encode()
        true_hash = hmac.new(self._key, signed, hashlib.sha256).hexdigest()
        # Bytes, since compare_digest refuses text that is not ASCII.
        if not _HASH.fullmatch(claimed) or not hmac.compare_digest(
            claimed.encode(), true_hash.encode()
        ):
            raise LoginRefused(reason="forged")
        return _read_launch(fields, signed=signed, now=now)


class SignatureCheck:
    """Verifies by Telegram's Ed25519 signature; the bot token is not needed."""

    def __init__(self, *, bot_id: int, public_key: bytes) -> None:
        """`public_key` is 32 bytes; raises ValueError otherwise."""
        self._bot_id = bot_id
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(self, text: str, *, now: datetime) -> InitData:
        """What the signed text says; raises LoginRefused with a reason for any other text."""
        fields = _read_fields(text)
        fields.pop("hash", None)
        claimed = fields.pop("signature", "")
        signed = f"{self._bot_id}:WebAppData\n{_check_string(fields)}".encode()
        if not _SIGNATURE.fullmatch(claimed):
            raise LoginRefused(reason="forged")
        try:
            self._key.verify(base64.urlsafe_b64decode(claimed + "=="), signed)
        except InvalidSignature as error:
            raise LoginRefused(reason="forged") from error
        return _read_launch(fields, signed=signed, now=now)


def _read_fields(text: str) -> dict[str, str]:
    try:
        size = len(text.encode())
        if size > SIZE_BYTES_MAX:
            raise LoginRefused(reason="oversized")
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:  # not a query string, too many fields, or not UTF-8
        raise LoginRefused(reason="malformed") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LoginRefused(reason="duplicate_field")
    return fields


def _check_string(fields: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def _read_launch(fields: Mapping[str, str], *, signed: bytes, now: datetime) -> InitData:
    """Read fields whose signature holds; only now is their content worth looking at."""
    seconds = fields.get("auth_date", "")
    if not _SECONDS.fullmatch(seconds):
        raise LoginRefused(reason="malformed")
    auth_date = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
    if now - auth_date > AGE_MAX:
        raise LoginRefused(reason="expired")
    if auth_date - now > AHEAD_MAX:
        raise LoginRefused(reason="from_the_future")
    try:
        user = msgspec.json.decode(fields.get("user", ""), type=TelegramUser)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise LoginRefused(reason="malformed") from error
    if user.is_bot or not 0 < user.id < TELEGRAM_ID_MAX:
        raise LoginRefused(reason="not_a_person")
    start_param = fields.get("start_param", "")
    return InitData(
        user=user,
        auth_date=auth_date,
        proof=hashlib.sha256(signed).digest(),
        start_param=start_param if _PAYLOAD.fullmatch(start_param) else None,
        chat_type=fields.get("chat_type"),
        chat_instance=fields.get("chat_instance"),
        query_id=fields.get("query_id"),
    )
