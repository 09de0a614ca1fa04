"""Fair numbers: the stream is HMAC-SHA256 as the standard library knows it."""

import hmac
import struct

from hypothesis import given
from hypothesis import strategies as st

from casino.betting.fairness import Seeds


@given(
    server_seed=st.text(st.characters(codec="ascii"), max_size=200),
    client_seed=st.text("abcXYZ09-", min_size=1, max_size=64),
    nonce=st.integers(0, 2**40),
)
def test_every_number_is_four_bytes_of_the_standard_hmac(
    server_seed: str, client_seed: str, nonce: int
) -> None:
    stream = Seeds(server_seed, client_seed, nonce).stream()
    for block in range(3):
        message = f"{client_seed}:{nonce}:{block}".encode()
        digest = hmac.digest(server_seed.encode(), message, "sha256")
        for number in struct.unpack(">8I", digest):
            assert stream.draw(2**32) == number


@given(
    before=st.integers(0, 20),
    sizes=st.lists(st.integers(1, 2**32), max_size=40),
    after=st.integers(1, 2**32),
)
def test_many_at_once_are_the_same_as_one_by_one(before: int, sizes: list[int], after: int) -> None:
    one, other = (Seeds("ab" * 32, "seed", 7).stream() for _ in range(2))
    for _ in range(before):
        assert one.draw(100) == other.draw(100)
    assert one.draw_all(sizes) == [other.draw(n) for n in sizes]
    assert one.draw(after) == other.draw(after)
