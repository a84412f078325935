"""The one prefix of the API, and what every answer of it may be."""

from __future__ import annotations

from fastapi import APIRouter

PREFIX = "/api/v1/places/{place}"
PROBLEMS = {
    401: "No token, or one that has ended", 403: "Not for this token",
    404: "Not there, or somebody else's", 409: "Something stands against it",
    422: "Something that was sent is not right", 428: "A change must name a version"}


def api_router(tag: str) -> APIRouter:
    """A router whose routes stand under PREFIX."""
    return APIRouter(prefix=PREFIX, tags=[tag], responses={
        code: {"description": words, "content": {"application/problem+json": {}}}
        for code, words in PROBLEMS.items()})
