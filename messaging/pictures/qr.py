"""A payment link as a QR picture."""

from __future__ import annotations

import io

import segno

from messaging.pictures.palette import FELT_DEEP, INK, PAPER

SCALE = 12
BORDER = 4


def qr_png(text: str) -> bytes:
    """A PNG of `text`: dark on light whatever the theme, since readers expect that, with the
    quiet zone that the standard asks for."""
    image = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        image,
        kind="png",
        scale=SCALE,
        border=BORDER,
        dark=INK,
        finder_dark=FELT_DEEP,
        light=PAPER,
    )
    return image.getvalue()
