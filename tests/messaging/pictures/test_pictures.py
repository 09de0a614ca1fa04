"""Pictures are real PNG files that show what they were given."""

import io

import pytest
import segno
from PIL import Image

from messaging.pictures.chart import Series, figures_chart
from messaging.pictures.palette import BRASS, FELT, INK
from messaging.pictures.qr import BORDER, SCALE, qr_png

LINK = "ton://transfer/UQDo8bA-_example_address_of_the_house_00000000000000?text=7K3M9QXA"


def test_a_qr_code_has_every_module_of_its_text() -> None:
    image = Image.open(io.BytesIO(qr_png(LINK))).convert("L")
    expected = [bytes(row) for row in segno.make(LINK, error="m", micro=False).matrix]
    side = (len(expected) + 2 * BORDER) * SCALE
    assert image.size == (side, side)
    for y, row in enumerate(expected):
        for x, dark in enumerate(row):
            at = ((x + BORDER) * SCALE + SCALE // 2, (y + BORDER) * SCALE + SCALE // 2)
            assert (image.getpixel(at) < 128) == bool(dark), (x, y)


def test_a_qr_code_has_its_quiet_zone() -> None:
    image = Image.open(io.BytesIO(qr_png(LINK))).convert("L")
    for at in range(image.size[0]):
        assert image.getpixel((at, BORDER * SCALE - 1)) == 255
        assert image.getpixel((BORDER * SCALE - 1, at)) == 255


def test_different_texts_make_different_codes() -> None:
    assert qr_png(LINK) != qr_png(LINK.replace("7K3M9QXA", "7K3M9QXB"))


def test_a_chart_uses_the_palette_and_grows_with_its_panels() -> None:
    labels = [f"{hour:02}" for hour in range(24)]
    stakes = Series("Stakes", [hour * 10**9 for hour in range(24)], decimals=9, unit="TON")
    bets = Series("Bets", list(range(24)))
    one = Image.open(io.BytesIO(figures_chart(title="Today", labels=labels, series=[stakes])))
    two = Image.open(io.BytesIO(figures_chart(title="Today", labels=labels, series=[stakes, bets])))
    assert one.size[0] == two.size[0]
    assert one.size[1] < two.size[1]
    assert {_rgb(INK), _rgb(FELT), _rgb(BRASS)} <= _colours(two)
    assert _rgb(BRASS) not in _colours(one)


def test_a_chart_of_a_quiet_or_losing_day_is_drawn_too() -> None:
    quiet = Series("GGR", [0, 0, 0], decimals=9, unit="TON")
    losing = Series("GGR", [-(10**9), 0, 5 * 10**8], decimals=9, unit="TON")
    for series in (quiet, losing):
        assert figures_chart(title="Today", labels=["1", "2", "3"], series=[series])[:4] == (
            b"\x89PNG"
        )


def test_values_carry_their_unit() -> None:
    assert Series("Stakes", [1], decimals=9, unit="TON").printed(1_500_000_000) == "1.5 TON"
    assert Series("Bets", [1]).printed(12) == "12"


@pytest.mark.parametrize(
    ("labels", "series"),
    [(["a"], []), (["a", "b"], [Series("x", [1])]), (["a"], [Series("x", [1])] * 7)],
)
def test_a_chart_that_cannot_be_read_is_refused(labels: list[str], series: list[Series]) -> None:
    with pytest.raises(ValueError, match="series"):
        figures_chart(title="Today", labels=labels, series=series)


def _colours(image: Image.Image) -> set[object]:
    pixels = image.convert("RGB")
    return {colour for _, colour in pixels.getcolors(pixels.width * pixels.height) or []}


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
