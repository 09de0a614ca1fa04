"""Launches of the Mini App, signed as Telegram signs them, right and wrong."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOKEN = "7000000001:AAE-throwaway_token_for_test_vectors00"
THIRD_PARTY = Ed25519PrivateKey.from_private_bytes(
    hashlib.sha256(b"throwaway telegram third-party key").digest()
)
PUBLIC_KEY = THIRD_PARTY.public_key().public_bytes_raw()

# A vector checked by hand and by foreign validators; its keys protect nothing.
VECTOR_AT = 1795370000
VECTOR = (
    "auth_date=1795370000&chat_instance=-1234567890123456789&chat_type=sender"
    "&query_id=AAHdF6IQAAAAAN0XohDhrOrc&start_param=ref_ABC123"
    "&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Ann%22%2C%22last_name%22%3A"
    "%22O%27Neil%20%26%20%C3%9Cn%C3%AF%22%2C%22username%22%3A%22ann_test%22%2C"
    "%22language_code%22%3A%22en%22%7D"
    "&signature=fNeTANeioAkljDwhGoWxX8h3MHkWvb3XD7scawWR1clVteky64Pfc3ufuSe_dMWwDUus3lE07BUt"
    "ooR5UHv-Bw&hash=fb55bd307a1d7ae799fe161f09e527dea44535afc0e9de509306c1ba8fcef514"
)


def fields_of(*, telegram_id: int, at: datetime, **more: str) -> dict[str, str]:
    """What Telegram would sign for this person."""
    user = {"id": telegram_id, "first_name": "Ann", "username": "ann", "language_code": "en"}
    return {
        "auth_date": str(int(at.timestamp())),
        "chat_instance": "-123",
        "chat_type": "sender",
        "query_id": "AAHdF6IQ",
        "user": json.dumps(user),
        **more,
    }


def sign(fields: dict[str, str], *, token: str = TOKEN) -> str:
    """The launch text with both signatures."""
    bot_id = token.partition(":")[0]
    third = THIRD_PARTY.sign(f"{bot_id}:WebAppData\n{_lines(fields)}".encode())
    signed = {**fields, "signature": base64.urlsafe_b64encode(third).decode().rstrip("=")}
    return urlencode({**signed, "hash": hash_of(signed, token=token)}, quote_via=quote)


def hash_of(fields: dict[str, str], *, token: str = TOKEN) -> str:
    """The HMAC over every field given."""
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return hmac.new(secret, _lines(fields).encode(), hashlib.sha256).hexdigest()


def _lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
