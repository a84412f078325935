"""A door's page says its opening hours, and who opened up, to whoever may see who comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hubs import Cast
from lived import Lived
from starlette.testclient import TestClient

from mortice.core.log import Kind
from mortice.hub.tables import Door, now

AsRole = Callable[[str], TestClient]
SHOP = [[31, 540, 1050], [32, 600, 960]]
CAME = 3600  # seconds ago


def says(client: TestClient, cast: Cast, label: str = "Front door") -> str:
    """What is read on a door's page."""
    answer = client.get(f"{cast.base}/doors/{cast.doors[label].ref}")
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


def held(cast: Cast, *, command: int = 1, until: bool = True, **more: object) -> Lived:
    """Priya opened the shop an hour ago; it is held open for an hour more."""
    lived = Lived(cast)
    leaf = lived.gives("Priya Shah", "Front door")
    end = now() + CAME
    about = {1: leaf, 2: command, 8: 0} | ({16: end} if until else {})
    lived.wrote("Front door", (CAME, Kind.GRANTED, about))
    lived.says("Front door", "unlocked", **{
        "opening": SHOP, "held_until": end, "held_entry": 0} | more)
    return lived


def came() -> str:
    at = datetime.fromtimestamp(now() - CAME, UTC).astimezone(ZoneInfo("Europe/London"))
    return f"{at:%H:%M}"


def test_a_shop_that_is_open_says_who_came_and_when_it_shuts(cast: Cast, as_: AsRole) -> None:
    held(cast)
    said = says(as_("owner"), cast)
    assert "Held open until " in said
    assert re.search(rf"bolt in, door closed, since Priya Shah came at .*{came()}", said)
    assert ("Opening hours: Monday to Friday 09:00 to 17:30 and on Saturdays 10:00 to 16:00."
            in said)


@pytest.mark.parametrize("entry", [None, 1, -1, True, "0", [0], 1 << 63, (1 << 64) - 1])
def test_a_lock_that_names_another_entry_names_nobody(
    cast: Cast, as_: AsRole, entry: object) -> None:
    held(cast, held_entry=entry)
    said = says(as_("owner"), cast)
    assert "Held open" in said
    assert "came at" not in said


@pytest.mark.parametrize("made", [{"command": 3}, {"until": False}])
def test_a_hold_by_command_or_a_mere_opening_is_nobodys_coming(
    cast: Cast, as_: AsRole, made: dict[str, object]) -> None:
    held(cast, **made)  # type: ignore[arg-type]
    assert "came at" not in says(as_("owner"), cast)


def test_a_shop_that_is_shut_says_only_its_hours(cast: Cast, as_: AsRole) -> None:
    held(cast, held_until=None)
    said = says(as_("owner"), cast)
    assert "came at" not in said
    assert "Opening hours: " in said


@pytest.mark.parametrize("opening", [None, [], "mon-fri", [[31, 540]], [[999, 0, 1]], 5, {}])
def test_a_door_without_hours_or_with_nonsense_shows_none(
    cast: Cast, as_: AsRole, opening: object) -> None:
    held(cast, opening=opening)
    assert "Opening hours" not in says(as_("owner"), cast)


def test_a_member_does_not_read_who_else_came(cast: Cast, as_: AsRole) -> None:
    lived = held(cast)
    lived.is_member("member", "Sam Reed")
    lived.gives("Sam Reed", "Front door")
    said = says(as_("member"), cast)
    assert "Held open until " in said
    assert "Priya" not in said


def test_at_a_tenants_own_door_the_owner_does_not_read_who_came(cast: Cast, as_: AsRole) -> None:
    held(cast)
    with cast.hub.database.writing() as db:
        db.get_one(Door, cast.doors["Front door"].id).private = True
    assert "came at" not in says(as_("owner"), cast)
