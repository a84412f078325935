"""What is looked for in the logs, and what is found: an entry, in words, with its place."""

from __future__ import annotations

from dataclasses import dataclass

from mortice.client.words import Said
from mortice.core.log import Entry
from mortice.hub.ingest import Sort
from mortice.hub.tables import Log

Mark = tuple[int, int, int]  # where an entry stands among all: time, log, number


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for. Times are Unix seconds, `until` excluded."""

    sort: Sort | None = None
    door: str = ""  # ref of a door, or of one log
    person: str = ""  # ref
    text: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """One entry, in words."""

    log: Log
    entry: Entry
    sort: Sort
    said: Said
    who: str  # empty where nobody is meant
    door: str
    zone: str

    @property
    def at(self) -> int:
        """When, on the door's clock."""
        return self.entry.at

    def says(self, text: str) -> bool:
        """Does it say that anywhere?"""
        said = self.said
        every = (self.door, self.who, said.word, said.sentence, said.detail or "")
        return not text or text.casefold() in " ".join(every).casefold()

    @property
    def mark(self) -> Mark:
        """Where it stands."""
        return self.entry.at, self.log.id, self.entry.index


@dataclass(frozen=True, slots=True)
class Looked:
    """A page: what was found, where the next begins, and how far back that looked."""

    comings: list[Coming]
    next: Mark | None
    back_to: int | None  # when the oldest entry looked at was, if the search stopped there
