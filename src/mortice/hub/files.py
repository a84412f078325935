"""Scripts, styles and pictures: small on the way, and kept by browsers for as long as they hold.

What travels is what stands in `static/` less comments on lines of their own and indents.
Only these are compressed. A page may hold a secret beside words that somebody else chose, and then
its compressed length tells of the secret (BREACH).
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BLOCK = re.compile(r"(?m)^[ \t]*/\*(?:.|\n)*?\*/[ \t]*\n")
LINE = re.compile(r"(?m)^[ \t]*//.*\n")
INDENT = re.compile(r"(?m)^[ \t]+")
TEXT = frozenset({".js", ".css", ".svg"})


class Files(StaticFiles):
    """Files whose address changes with their content, so browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, packed for whoever can unpack it."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if (
            scope["query_string"]) else "no-cache"
        if isinstance(answer, FileResponse) and Path(answer.path).suffix in TEXT:
            answer.headers["vary"] = "accept-encoding"
            if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                return _packed_answer(answer)
        return answer


def _packed_answer(whole: FileResponse) -> Response:
    packed = _packed(str(whole.path), whole.headers["etag"])
    kept = {name: value for name, value in whole.headers.items() if name != "content-length"}
    kept |= {"content-encoding": "gzip", "etag": f"W/{whole.headers['etag']}"}
    return Response(packed, headers=kept, media_type=whole.media_type)


@cache
def _packed(path: str, _etag: str) -> bytes:
    return gzip.compress(slim(path, Path(path).read_text("utf-8")).encode(), 9, mtime=0)


def slim(name: str, text: str) -> str:
    """A script, style or drawing without comments on lines of their own, and without indents."""
    text = LINE.sub("", text) if name.endswith(".js") else text
    return INDENT.sub("", BLOCK.sub("", text))
