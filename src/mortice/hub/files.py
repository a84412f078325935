"""Scripts, styles and pictures: small on the way, and kept by browsers for as long as they hold.

Only these are compressed. A page may hold a secret beside words that somebody else chose, and then
its compressed length tells of the secret (BREACH).
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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
    return gzip.compress(Path(path).read_bytes(), mtime=0)
