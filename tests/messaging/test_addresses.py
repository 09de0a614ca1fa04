"""An address in a chat: nothing is left out, and the ends stand out."""

import re

from hypothesis import given
from hypothesis import strategies as st

from messaging.addresses import in_groups, shown_address

ADDRESS = "UQDNtZNV87opOXf8CUX7hfEYItQSxFx1IMcSG9IjT2wfSNny"


def test_groups_of_four_with_bold_ends() -> None:
    assert in_groups(ADDRESS).split()[:2] == ["UQDN", "tZNV"]
    shown = shown_address(ADDRESS)
    assert shown.startswith("<b>UQDN</b> tZNV 87op ")
    assert shown.endswith(" T2wf <b>SNny</b>")
    assert shown.count("<b>") == 2
    assert shown_address("0xAbCdE") == "<b>0xAb</b> <b>CdE</b>"
    assert shown_address("abc") == "<b>abc</b>"


@given(st.text("abcXYZ0189<&>:-_", max_size=120))
def test_nothing_is_left_out_and_nothing_is_markup(address: str) -> None:
    assert in_groups(address).replace(" ", "") == address
    plain = re.sub(r"</?b>", "", shown_address(address)).replace(" ", "")
    assert plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == address
