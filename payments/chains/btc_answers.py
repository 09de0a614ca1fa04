"""What a Bitcoin node answers, read strictly: what is no such thing tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.chains.btc_blocks import RawBytesError, read_header

if TYPE_CHECKING:
    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.blocks import Header


async def known(rpc: BitcoinRpc, method: str, *params: Any) -> Any:
    """An answer about something that the node named itself: that it does not know it now means
    that its chain moved, or that another node answered."""
    try:
        return await rpc.call(method, *params)
    except OutsideRefused as error:
        if error.data.get("rpc_code") is None:
            raise
        reason = error.data.get("reason")
        raise OutsideUnavailable(source=SOURCE, reason=reason) from error


def header_of(raw: Any, height: int, block_hash: str) -> Header:
    """The header at `height`, from its bytes in hex. Raises OutsideUnavailable for another one."""
    try:
        header = read_header(hex_bytes(raw), height)
    except RawBytesError as error:
        raise OutsideUnavailable(source=SOURCE, reason=f"unreadable: {error}") from error
    if header.hash != block_hash:
        raise OutsideUnavailable(source=SOURCE, reason="another header than asked for")
    return header


def hex_bytes(text: Any) -> bytes:
    """The bytes of a text in hex. Raises OutsideUnavailable."""
    try:
        return bytes.fromhex(checked(text, str))
    except ValueError as error:
        raise OutsideUnavailable(source=SOURCE, reason="not hex") from error


def field(record: Any, name: str, kind: type) -> Any:
    """A record's field of that name and kind. Raises OutsideUnavailable."""
    value = record.get(name) if isinstance(record, dict) else None
    return checked(value, kind)


def checked(value: Any, kind: type) -> Any:
    """The value itself, if it is of that kind. Raises OutsideUnavailable."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise OutsideUnavailable(source=SOURCE, reason="unreadable")
    return value
