"""Photos of a door as they are kept: the picture and nothing else.

A phone writes where and when into its photos, and a file may be something else besides. So a photo
is decoded and drawn anew, smaller: what is kept is nothing but its points. The file itself stays
with whoever took it; its SHA-256 is kept beside, so that they can show later that it is the one.
"""

from __future__ import annotations

import hashlib
import io
import struct
from typing import NamedTuple

from PIL import Image, ImageOps

from mortice.hub.problems import wrong

KINDS = ("JPEG", "PNG", "WEBP")
EDGE = 2000  # points of the longer edge: a mark of 3 mm is read on a photo of a whole lock
POINTS = 25_000_000  # decoded at once: 75 MB; a JPEG is decoded smaller, so phones' are below
QUALITY = 85
NONSENSE = (  # what reading something else than a photo raises
    OSError, ValueError, SyntaxError, TypeError, struct.error, Image.DecompressionBombError)


class Kept(NamedTuple):
    """A photo to keep, a JPEG; and the sum of what was sent."""

    content: bytes
    sha256: str
    sent_sha256: str


def kept(sent: bytes) -> Kept:
    """What is kept of a photo. Raises Problem if it is none."""
    try:
        with Image.open(io.BytesIO(sent), formats=KINDS) as opened:
            opened.draft("RGB", (EDGE, EDGE))
            if opened.width * opened.height > POINTS:
                raise wrong({"photo": "That photo has too many points. Send a smaller one."})
            drawn = ImageOps.exif_transpose(opened).convert("RGB")
            drawn.thumbnail((EDGE, EDGE))
    except NONSENSE as error:
        raise wrong({"photo": "That is no photo that can be read here. Send a JPEG, a PNG or a "
                     "WebP."}) from error
    out = io.BytesIO()
    Image.frombytes("RGB", drawn.size, drawn.tobytes()).save(out, "JPEG", quality=QUALITY)
    content = out.getvalue()
    return Kept(content, hashlib.sha256(content).hexdigest(), hashlib.sha256(sent).hexdigest())
