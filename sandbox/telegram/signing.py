"""Signs what a Mini App is launched with, exactly as Telegram does, with keys of the sandbox."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Third-party signatures of real Telegram verify with Telegram's key; these verify with this one.
_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"fairhouse sandbox telegram").digest())
PUBLIC_KEY = _KEY.public_key().public_bytes_raw()


def _lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def third_party_signature(*, bot_id: int, fields: dict[str, str]) -> str:
    """Ed25519 over the bot id and the fields, base64url without padding."""
    message = f"{bot_id}:WebAppData\n{_lines(fields)}".encode()
    return base64.urlsafe_b64encode(_KEY.sign(message)).rstrip(b"=").decode()


def init_data(*, token: str, fields: dict[str, str]) -> str:
    """The launch string: `fields`, the Ed25519 `signature`, and the HMAC `hash` over both."""
    signed = dict(fields)
    signed["signature"] = third_party_signature(bot_id=int(token.partition(":")[0]), fields=fields)
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    signed["hash"] = hmac.new(secret, _lines(signed).encode(), hashlib.sha256).hexdigest()
    return urlencode(signed, quote_via=quote)
