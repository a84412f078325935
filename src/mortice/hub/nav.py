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
    below: str = ""  # what of its path belongs to it: all, if nothing is said


MAIN = (
    Way("Doors", "/p/{place}", To.SEE_DOORS, "door", below="/doors"),
    Way("People", "/p/{place}/people", To.SEE_PEOPLE, "people"),
    Way("Activity", "/p/{place}/activity", To.SEE_ACTIVITY, "list"),
    Way("Security", "/p/{place}/security", To.SEE_SETTINGS, "shield"),
    Way("Give a key", "/p/{place}/give", To.GIVE_KEYS, "key", give=True),
)
OWN = (
    Way("This browser\N{RIGHT SINGLE QUOTATION MARK}s key", "/p/{place}/my-key", To.SEE_OWN),
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
    here: bool  # it leads to this page, or to one above it


def links(request: Request, here: Here | None, ways: tuple[Way, ...]) -> list[Link]:
    """`ways`, as far as they are there and open to whoever looks."""
    known: frozenset[str] = request.app.state.paths
    shown = [way for way in ways if way.path in known and _open_to(here, way)]
    hrefs = [way.path.format(place=here.place.ref if here else "") for way in shown]
    at = request.url.path
    return [
        Link(way.label, href, way.icon, way.give,
             at == href or at.startswith(f"{href}{way.below}/"))
        for way, href in zip(shown, hrefs, strict=True)]


def _open_to(here: Here | None, way: Way) -> bool:
    return way.to is None or (here is not None and here.may(way.to))
