"""Photos of a door as they are kept: the picture and nothing else.

A phone writes where and when into its photos, and a file may be something else besides. So a photo
is decoded and drawn anew, smaller: what is kept is nothing but its points. The file itself stays
with whoever took it; its SHA-256 is kept beside, so that they can show later that it is the one.
"""

from __future__ import annotations

import hashlib
import io
import struct
from threading import Lock
from typing import NamedTuple

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from mortice.hub.problems import wrong

KINDS = ("JPEG", "PNG", "WEBP")
EDGE = 2000  # points of the longer edge: a mark of 3 mm is read on a photo of a whole lock
POINTS = 25_000_000  # decoded at once: 75 MB, and 150 MB more for a JPEG that is held whole
MOST_POINTS = 64_000_000  # of a JPEG that is decoded row by row, and smaller, as phones' are
QUALITY = 85
NONSENSE = (  # what reading something else than a photo raises
    OSError, ValueError, SyntaxError, TypeError, struct.error, Image.DecompressionBombError)


_ONE = Lock()  # decoded at a time: the memory is that of one


class Kept(NamedTuple):
    """A photo to keep, a JPEG; and the sum of what was sent."""

    content: bytes
    sha256: str
    sent_sha256: str


def kept(sent: bytes) -> Kept:
    """What is kept of a photo. Raises Problem if it is none."""
    try:
        with _ONE, Image.open(io.BytesIO(sent), formats=KINDS) as opened:
            most = MOST_POINTS if _in_rows(opened, sent) else POINTS
            _bounded(opened, most)
            opened.draft("RGB", (EDGE, EDGE))
            _bounded(opened, POINTS)
            drawn = ImageOps.exif_transpose(opened).convert("RGB")
            drawn.thumbnail((EDGE, EDGE))
    except NONSENSE as error:
        raise wrong({"photo": "That is no photo that can be read here. Send a JPEG, a PNG or a "
                     "WebP."}) from error
    out = io.BytesIO()
    Image.frombytes("RGB", drawn.size, drawn.tobytes()).save(out, "JPEG", quality=QUALITY)
    content = out.getvalue()
    return Kept(content, hashlib.sha256(content).hexdigest(), hashlib.sha256(sent).hexdigest())


def _bounded(photo: Image.Image, most: int) -> None:
    if photo.width * photo.height > most:
        raise wrong({"photo": "That photo has too many points. Send a smaller one."})


def _in_rows(photo: Image.Image, sent: bytes) -> bool:
    """Is it a JPEG whose first scan has all its colours? Any other is held whole meanwhile."""
    if not isinstance(photo, JpegImageFile) or photo.format != "JPEG" or photo.fp is None:
        return False
    colours = photo.fp.tell() - 2 * photo.layers - 4  # where the head of the scan counts them
    return "progressive" not in photo.info and sent[colours] == photo.layers
