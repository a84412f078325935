"""What anybody may open without signing in. Every other route names who may (access.py)."""

from __future__ import annotations

OPEN_PATHS = frozenset({
    "/help",
    "/in/{token}",  # a link that signs in once; the token is the proof
})
