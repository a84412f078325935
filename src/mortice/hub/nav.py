"""What the frame of a page leads to: only places that are there, for whoever may go there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fastapi import Request

from mortice.hub.access import Here, To


class Way(NamedTuple):
    """A way to somewhere: shown where the path has a route and its role allows."""

    label: str
    path: str  # as the route has it
    to: To | None = None  # None: one's own account
    icon: str = ""
    give: bool = False  # the one verb among the places


MAIN = (
    Way("Doors", "/p/{place}", To.SEE_DOORS, "door"),
    Way("People", "/p/{place}/people", To.SEE_PEOPLE, "people"),
    Way("Activity", "/p/{place}/activity", To.SEE_ACTIVITY, "list"),
    Way("Give a key", "/p/{place}/give", To.GIVE_KEYS, "key", give=True),
)
OWN = (
    Way("Settings", "/p/{place}/settings", To.SEE_SETTINGS),
    Way("Sign-in", "/you"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A way as this page shows it."""

    label: str
    href: str
    icon: str
    give: bool
    here: bool  # it leads to where we are, or to a place above it


def links(request: Request, here: Here | None, ways: tuple[Way, ...]) -> list[Link]:
    """`ways`, as far as they are there and open to whoever looks."""
    known: frozenset[str] = request.app.state.paths
    shown = [way for way in ways if way.path in known and _open_to(here, way)]
    hrefs = [way.path.format(place=here.place.ref if here else "") for way in shown]
    at = _nearest(request.url.path, hrefs)
    return [Link(way.label, href, way.icon, way.give, href == at)
            for way, href in zip(shown, hrefs, strict=True)]


def _open_to(here: Here | None, way: Way) -> bool:
    return way.to is None or (here is not None and here.may(way.to))


def _nearest(path: str, hrefs: list[str]) -> str:
    """The link that the page at `path` belongs to: the longest that it begins with.

    A door's page stands under the doors, which stand at the place itself.
    """
    above = [href for href in hrefs if path == href or path.startswith(href + "/")]
    return max(above, key=len, default="")
