"""How keys stand at each door: only what that door has said, never what we hope.

A chain is judged when it is shown, so a door knows nothing of it until then. A PIN waits until its
lock has taken it. What was taken back may still open a door that has not heard of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from mortice.core.grant import Grant
from mortice.core.limits import TIME_MAX
from mortice.core.refusal import BY_NUMBER
from mortice.core.schedule import WEEK, admits, minute_of_week, spans
from mortice.hub.keys import CLAIM, PIN
from mortice.hub.tables import (
    GONE,
    ON_DOOR,
    REFUSED,
    Delivery,
    Door,
    DoorKey,
    Key,
    TakenBack,
)
from mortice.hub.web import when


@dataclass(frozen=True, slots=True)
class Standing:
    """One key at one door, in words: a word, its tone, and a line that says more."""

    door: Door
    word: str
    tone: str
    line: str
    used_at: int | None = None  # when its lock last opened or locked for it

    @property
    def used(self) -> str:
        """When it was last used here, if ever."""
        return f"used here {when(self.used_at, self.door.zone)}" if self.used_at else ""


def standings(db: Session, keys: Sequence[Key], at: int) -> dict[int, list[Standing]]:
    """How each of `keys` stands at each of its doors, by the key's number."""
    ids = [key.id for key in keys]
    rows = db.execute(select(DoorKey, Door).join(Door, Door.id == DoorKey.door_id).where(
        DoorKey.key_id.in_(ids)).order_by(Door.position)).all()
    news, known = _news(db, ids), {key.id: key for key in keys}
    found: dict[int, list[Standing]] = {key.id: [] for key in keys}
    for row, door in rows:
        key = known[row.key_id]
        found[key.id].append(Standing(
            door, *_words(key, row, door, news.get((key.id, door.id)), at),
            None if door.private else row.used_at))  # a tenant's own room tells nobody
    return found


def standing(db: Session, key: Key, at: int) -> list[Standing]:
    """How one key stands at each of its doors."""
    return standings(db, [key], at)[key.id]


def _news(db: Session, ids: Sequence[int]) -> dict[tuple[int, int], Delivery]:
    """The news on its way to each door that a key was taken back; the newest counts."""
    rows = db.execute(select(TakenBack.key_id, Delivery).join(
        Delivery, Delivery.document_id == TakenBack.document_id).where(
            TakenBack.key_id.in_(ids)).order_by(Delivery.id))
    return {(key, delivery.door_id): delivery for key, delivery in rows}


def _words(key: Key, row: DoorKey, door: Door, news: Delivery | None, at: int,
           ) -> tuple[str, str, str]:
    if row.state == GONE:
        return "taken back", "grey", f"the door has known since {when(row.at, door.zone)}"
    if key.ends_at is not None and key.ends_at <= at:
        return "ended", "grey", f"ended {when(key.ends_at, door.zone)}"
    if key.taken_back_at is not None:
        return "taken back", "bad", _unheard(door, news)
    if row.state == REFUSED:
        return "refused", "bad", f"refused because: {_reason(row.reason)}"
    return _live_words(key, row, door, at)


def _live_words(key: Key, row: DoorKey, door: Door, at: int) -> tuple[str, str, str]:
    early = key.starts_at is not None and key.starts_at > at
    starts = f"; starts {when(key.starts_at, door.zone)}" if early else ""
    if key.what == CLAIM:
        return "a link", "brass", "nobody has put it on a phone yet"
    if key.what != PIN:
        return "ready", "good", f"the door judges it when it is shown{starts}"
    if row.state == ON_DOOR:
        return "on the door", "good", f"since {when(row.at, door.zone)}{starts}"
    return "waiting", "brass", f"the door has not taken it yet; {_heard(door)}"


def _unheard(door: Door, news: Delivery | None) -> str:
    if news is not None and news.state == REFUSED:
        return f"the door refused the news, because: {_reason(news.reason)}. It may still open"
    tells = door.heard_at and not door.private
    since = f" since {when(door.heard_at, door.zone)}" if tells else " yet"
    return f"the door has not heard{since}, so it may still open"


def _heard(door: Door) -> str:
    if door.heard_at is None:
        return "it has not been heard from"
    if door.private:  # its lock speaks up when somebody comes, which tells nobody
        return "it is connected" if door.connected else "it is not connected"
    return f"last heard from {when(door.heard_at, door.zone)}"


def _reason(number: int | None) -> str:
    reason = BY_NUMBER.get(number) if number is not None else None
    return reason.words.sentence if reason else "the door did not say why"


def next_time(links: Sequence[Grant], door: Door, at: int) -> int | None:
    """The second from which a key next opens: `at` itself if it does now, None if it never will."""
    zone, windows = ZoneInfo(door.zone), [link.hours for link in links if link.hours is not None]
    start = max([at, *(link.nbf for link in links if link.nbf is not None)])
    end = min([TIME_MAX, *(link.exp for link in links if link.exp is not None)])
    turns = {start} | {
        _after(start, minute, zone) for hours in windows for minute, _ in spans(hours)}
    return next((turn for turn in sorted(turns) if turn < end
                 and all(admits(hours, turn, zone) for hours in windows)), None)


def _after(at: int, minute: int, zone: ZoneInfo) -> int:
    """The first second after `at` whose minute of the week is `minute`, changes of clocks aside."""
    ahead = (minute - minute_of_week(at, zone)) % WEEK or WEEK
    return at - at % 60 + ahead * 60
