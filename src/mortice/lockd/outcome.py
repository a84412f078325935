"""How an opening went, and what was answered lately, so that nothing asked once is done twice.

A holder whose answer was lost asks again with the same command id in a new conversation, and gets
the first answer again: the bolt does not move and no count is spent a second time. After a restart
the newest entries of the log say what was done.

Spec: spec/messages.md, section 5.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from mortice.core.commands import COMMANDS, Command
from mortice.core.door import Bolt, DoorState, Leaf
from mortice.core.limits import COMMANDS_ANSWERED
from mortice.core.log import About, Entry, Kind, Result, read_entry
from mortice.core.merkle import leaf_hash
from mortice.core.stages import Moved, Refused, Towards
from mortice.lockd.store import Appended, Store

ENTRIES_RECALLED = 4 * COMMANDS_ANSWERED  # a command leaves two, and refusals stand between them


@dataclass(frozen=True, slots=True)
class Outcome:
    """Refused or not, the entry that says so, the word for it, and what was seen if it moved.

    Only a refusal may be without an entry: a flood of them, or a full disk, is counted instead.
    """

    refused: Refused | None
    entry: Appended | None
    result: Result
    moved: Moved | None = None


def result_of(towards: Towards, moved: Moved) -> Result:
    """The word for what was seen: never for what was commanded."""
    sight = moved.sight
    if moved.state is DoorState.JAMMED:
        return Result.JAMMED
    if towards is Towards.DRAWN and sight.bolt is Bolt.DRAWN:
        return Result.UNLOCKED
    if towards is Towards.THROWN and sight.bolt is Bolt.THROWN and sight.leaf is Leaf.CLOSED:
        return Result.LOCKED
    return Result.UNKNOWN


@dataclass(frozen=True, slots=True)
class Asked:
    """One command by one holder: what a repeated question has in common with the first."""

    leaf: bytes
    command_id: bytes
    command: Command


class Answers:
    """The newest commands that were carried out, and how."""

    def __init__(self, store: Store) -> None:
        """Recalls what the newest entries in `store` say."""
        self._known: OrderedDict[Asked, Outcome] = OrderedDict()
        for asked, outcome in _recalled(store):
            self.keep(asked, outcome)

    def get(self, asked: Asked) -> Outcome | None:
        """How it went, if it was done already."""
        return self._known.get(asked)

    def keep(self, asked: Asked, outcome: Outcome) -> Outcome:
        """Remember and return `outcome`; a PIN has no command id and is typed anew."""
        if asked.command_id:
            self._known[asked] = outcome
            if len(self._known) > COMMANDS_ANSWERED:
                self._known.popitem(last=False)
        return outcome


def _recalled(store: Store) -> Iterator[tuple[Asked, Outcome]]:
    rows = store.entries(max(0, store.size - ENTRIES_RECALLED), ENTRIES_RECALLED)
    entries = [(read_entry(body), leaf_hash(body)) for _, body, _ in rows]
    results = {
        entry.about.get(About.CAUSE): entry.about.get(About.RESULT)
        for entry, _ in entries if entry.kind is Kind.MOVED}
    for entry, hashed in entries:
        asked = _asked_in(entry)
        if asked is not None:
            result = results.get(entry.index, _without_a_move(asked.command))
            yield asked, Outcome(None, Appended(entry.index, hashed), _result(result))


def _without_a_move(command: Command) -> Result:
    """What is known of a command for which no movement was written down."""
    return Result.DONE if COMMANDS[command].towards is None else Result.UNKNOWN


def _result(kept: object) -> Result:
    return Result(kept) if isinstance(kept, int) and kept in set(Result) else Result.UNKNOWN


def _asked_in(entry: Entry) -> Asked | None:
    leaf, command_id = entry.about.get(About.LEAF), entry.about.get(About.COMMAND_ID)
    command = entry.about.get(About.COMMAND)
    if entry.kind is not Kind.GRANTED or not isinstance(command, int):
        return None
    if not isinstance(leaf, bytes) or not isinstance(command_id, bytes):
        return None
    return Asked(leaf, command_id, Command(command))
