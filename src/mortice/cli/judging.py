"""What the door would say to a key now, as far as this home knows: by the door's own rules.

Counts that only a door keeps (uses, quotas) are taken as unspent, and said to be.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from mortice.cli.moments import zone_named
from mortice.client.home import Home, KnownDoor
from mortice.client.owner import taken_back
from mortice.client.wallet import HeldKey, Wallet
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import COMMANDS, Command
from mortice.core.decision import Ask, Facts, decide
from mortice.core.errors import Theirs
from mortice.core.freshness import Staple
from mortice.core.grant import Rights
from mortice.core.refusal import Reason
from mortice.core.revocation import RevocationSet
from mortice.core.site import Place
from mortice.core.stages import Instant, Refused, TimeState


def revoked_set(home: Home) -> RevocationSet:
    """What this home knows to be taken back."""
    entries: dict[bytes, frozenset[tuple[bytes, bool]]] = {}
    for revocation in taken_back(home).values():
        by = frozenset([(revocation.signer, revocation.over_all)])
        for entry in revocation.entries:
            entries[entry.named] = entries.get(entry.named, frozenset()) | by
    return RevocationSet(entries)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one door would say: `reason` is None for yes."""

    door: KnownDoor
    reason: Reason | None
    detail: str = ""

    @property
    def in_words(self) -> str:
        """The answer for people."""
        if self.reason is None:
            return "yes"
        return f"no: {self.reason.words.sentence[:1].lower()}{self.reason.words.sentence[1:]}"


def first_command(held: HeldKey) -> Command:
    """What the key is for: opening, or the first thing that it may do instead."""
    usual = (Command.UNLOCK, Command.LOCK, Command.HOLD_OPEN, Command.READ_LOG)
    return next((c for c in usual if COMMANDS[c].right & held.leaf.use), Command.STATUS)


def judge(
    home: Home, held: HeldKey, door: KnownDoor, staple: Staple | None,
    command: Command | None = None,
) -> Verdict:
    """Would `door` say yes to `held` now, with everything shown that it asks for?"""
    site, now = home.site(), int(time.time())
    place = Place(site, door.mapped.id, door.mapped.lock.id, zone_named(door.mapped.zone))
    try:
        verified = verify_chain(
            read_chain(held.wire), site.chain_keys(), factors=held.leaf.factors)
    except Theirs as error:
        return Verdict(door, Reason.UNKNOWN_KEY, error.message)
    facts = Facts(place, Instant(now, 0, TimeState.SYNCED), revoked_set(home), staple=staple)
    asked = first_command(held) if command is None else command
    until = now + 1 if asked is Command.HOLD_OPEN else None
    decided = decide(verified, Ask(asked, until), facts)
    if isinstance(decided, Refused) and decided.reason is not Reason.NEEDS_PERSON:
        return Verdict(door, decided.reason, decided.detail)
    return Verdict(door, None)


def best_key(wallet: Wallet, door: KnownDoor, command: Command) -> HeldKey:
    """The newest key to which `door` would say yes, best without a second check; else the nearest.

    The newest, because whoever gave it may have taken an older one back without our knowing.
    """
    keys = wallet.keys()[::-1]
    for key in sorted(keys, key=lambda key: bool(key.leaf.factors)):
        kept = wallet.staple(key.leaf.id)
        found = judge(wallet.home, key, door, kept and kept[2], command)
        if found.reason is None:
            return key
    return wallet.best(door.mapped.id, COMMANDS[command].right)


def opens_nothing(held: HeldKey) -> bool:
    """Is it only there to be passed on?"""
    return held.leaf.use is Rights.NONE
