"""Checks a receipt file by itself: its hash, its place under a signed root, and its outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from casino.betting.fairness import Seeds, commitment
from casino.betting.receipt_roots import KEY_BYTES, Root, is_signed, key_id
from casino.betting.receipt_tree import HASH_BYTES, root_from_path
from casino.betting.receipts import FIELDS, FILE_FORM, FORM, hash_of_content
from casino.errors import BadChoice
from casino.ids import public
from games.registry import INSTANT, STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from casino.betting.game import Details, Game

Json: TypeAlias = "Mapping[str, object]"

FILE_FIELDS = (
    "file",
    "round_id",
    "player_id",
    "content",
    "hash",
    "table",
    "server_seed",
    "signed",
)
SIGNED_FIELDS = (
    "leaf",
    "path",
    "second",
    "count",
    "root",
    "previous",
    "signature",
    "key_id",
    "public_key",
)
BY_SIGNATURE = ("hash", "path", "signature", "table", "payout")
BY_SEED = ("commitment", "outcome")


class NotProven(Exception):
    """The receipt does not prove what it says; the text is the reason, in a sentence."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked, in order, and what could not be for lack of a revealed seed."""

    round_id: str
    checked: tuple[str, ...]
    open: tuple[str, ...]
    key_id: str
    second: str


def read(text: bytes | str) -> object:
    """The JSON of a file, read strictly: a name that stands twice or a number that is not whole
    raises NotProven, for two readers could understand it differently."""
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError) as error:
        raise NotProven(f"the file is not JSON: {error}") from error


def check(file: object, *, public_key: bytes | None = None) -> Proof:
    """Check everything that a receipt file states; raises NotProven with the first fault.

    With `public_key` the root must be signed by that key, which the house publishes; without one,
    by the key that the file itself names, which shows only that the file agrees with itself.
    """
    given = _object(file, FILE_FIELDS, "file")
    _require(given["file"] == FILE_FORM, f"this is no {FILE_FORM}")
    said = _object(given["content"], FIELDS, "content")
    digest = _check_content(given, said)
    signed, known = _check_signature(given, digest, public_key)
    game = _game(said)
    _require(
        given["table"] == game.table and game.table_hash == said["table_hash"],
        "the rules are not those of this version of the game",
    )
    _check_payout(said)
    round_id, seed = _text(given, "round_id"), given["server_seed"]
    if seed is None:
        return Proof(round_id, BY_SIGNATURE, BY_SEED, known, signed)
    _check_seed(said, seed, game)
    return Proof(round_id, (*BY_SIGNATURE, *BY_SEED), (), known, signed)


def _check_content(given: Json, said: Json) -> bytes:
    _require(said["form"] == FORM, f"this is no {FORM}")
    digest = _bytes(given, "hash", HASH_BYTES)
    try:
        found = hash_of_content(said)
    except (OverflowError, TypeError, ValueError) as error:
        raise NotProven("the content holds what no receipt does") from error
    _require(found == digest, "the content does not have the hash of the receipt")
    for name, number in (("round_id", said["round"]), ("player_id", said["player"])):
        _require(given[name] == public(_whole(number)), f"{name} is not the one of the content")
    return digest


def _check_signature(given: Json, digest: bytes, public_key: bytes | None) -> tuple[str, str]:
    _require(
        given["signed"] is not None,
        "not signed: the house signs within a second, take the receipt again",
    )
    signed = _object(given["signed"], SIGNED_FIELDS, "signature")
    place, count = _small(signed, "leaf"), _small(signed, "count")
    reached = root_from_path(digest, place=place, count=count, path=_path(signed))
    _require(reached is not None, "the path does not fit a tree of this size at this place")
    root = _bytes(signed, "root", HASH_BYTES)
    _require(reached == root, "the path does not lead from the receipt to the root")
    named = _bytes(signed, "public_key", KEY_BYTES)
    _require(signed["key_id"] == key_id(named), "the id of the key is not that of the public key")
    _require(public_key in {None, named}, "signed by another key than the one that you gave")
    second = _text(signed, "second")
    record = Root(second, count, root, _bytes(signed, "previous", HASH_BYTES))
    _require(
        is_signed(record, signature=_bytes(signed, "signature", 64), public_key=named),
        "the signature is not the house's over this root",
    )
    return second, key_id(named)


def _check_payout(said: Json) -> None:
    stake, payout = _whole(said["stake"]), _whole(said["payout"])
    reached = _multiplier(said)
    exact = stake * reached.numerator // reached.denominator
    _require(payout == exact, "the payout is not stake times multiplier, rounded down")


def _check_seed(said: Json, seed: object, game: Game) -> None:
    _require(isinstance(seed, str), "the server seed is not text")
    server_seed = str(seed)
    _require(
        commitment(server_seed) == said["commitment"],
        "the server seed is not the one that was committed to",
    )
    seeds = Seeds(server_seed, _text(said, "client_seed"), _small(said, "seed_nonce"))
    try:
        reached, details = _recompute(said, game, seeds)
    except BadChoice as error:
        raise NotProven("the game does not offer what the receipt says was chosen") from error
    _require(details == said["details"], "the seeds give another outcome")
    _require(reached == _multiplier(said), "the outcome gives another multiplier")


def _recompute(said: Json, game: Game, seeds: Seeds) -> tuple[Fraction, Details]:
    chosen = said["choice"]
    _require(isinstance(chosen, dict), "the choice is not an object")
    choice = game.parse(chosen if isinstance(chosen, dict) else {})
    if game.slug in INSTANT:
        _require(said["steps"] is None, "a round of one draw has no steps")
        outcome = INSTANT[game.slug].resolve(choice, seeds.stream())
        return outcome.multiplier, outcome.details
    stepped = STEPS[game.slug]
    secret = stepped.secret(choice, seeds.stream())
    steps: tuple[int, ...] = ()
    lost = False
    for place in _list(said["steps"], "steps"):
        _require(not lost, "a round does not go on after it is lost")
        step = stepped.act(choice, secret, steps, {"tile": place})
        steps, lost = step.steps, step.lost
    reached = Fraction(0) if lost else stepped.multiplier(choice, len(steps))
    return reached, stepped.view(choice, secret, steps)


def _game(said: Json) -> Game:
    games: dict[str, Game] = {**INSTANT, **STEPS}
    game = games.get(str(said["game"]))
    if game is None or game.algorithm != said["algorithm"]:
        raise NotProven("this program does not know the game or its version")
    return game


def _multiplier(said: Json) -> Fraction:
    parts = [_whole(part) for part in _list(said["multiplier"], "multiplier")]
    if len(parts) != 2 or parts[1] == 0:
        raise NotProven("the multiplier is not a fraction")
    return Fraction(parts[0], parts[1])


def _path(signed: Json) -> list[bytes]:
    nodes = _list(signed["path"], "path")
    return [_hex(node, HASH_BYTES, "path") for node in nodes]


def _object(found: object, names: Sequence[str], what: str) -> Json:
    if not isinstance(found, dict) or set(found) != set(names):
        raise NotProven(f"the {what} does not have the parts that a receipt has")
    return found


def _small(found: Json, name: str) -> int:
    number = found[name]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**53:
        raise NotProven(f"{name} is not a whole number")
    return number


def _list(found: object, what: str) -> list[object]:
    if not isinstance(found, list):
        raise NotProven(f"{what} is not a list")
    return found


def _text(found: Json, name: str) -> str:
    text = found[name]
    if not isinstance(text, str):
        raise NotProven(f"{name} is not text")
    return text


def _whole(found: object) -> int:
    """A decimal number as receipts write them: digits, no sign, no zero in front."""
    text = found if isinstance(found, str) else ""
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0"):
        raise NotProven("a number is not written in plain digits")
    if len(text) > 100:
        raise NotProven("a number is longer than any of a receipt")
    return int(text)


def _bytes(found: Json, name: str, length: int) -> bytes:
    return _hex(found[name], length, name)


def _hex(found: object, length: int, what: str) -> bytes:
    text = found if isinstance(found, str) else ""
    if len(text) != 2 * length or text.strip("0123456789abcdef"):
        raise NotProven(f"{what} is not {length} bytes in lower-case hex")
    return bytes.fromhex(text)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotProven("a name stands twice in the file")
    return found


def _no_float(text: str) -> object:
    raise NotProven(f"the file holds a number that is not whole: {text[:20]}")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise NotProven(reason)
