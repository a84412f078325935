"""What this hub can prove of a door today, each fact with its evidence, and nothing else.

What is neither in its data nor published by name is not known here, and says why. A lock's own word
counts for a day. Nothing is believed of hardware. Nobody's comings are told: what is said of a
private door has no time in it, and no number of entries.

Spec: spec/assess.md, section 8 (B40 to B48).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from mortice.assess.doorset import DoorSet, Shown
from mortice.assess.ours import YEAR, better, published, support
from mortice.core.errors import Theirs
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.log import Kind
from mortice.hub import tables as kept
from mortice.hub.doors import FAULTS
from mortice.hub.holders import may_open
from mortice.hub.keys import CLAIM, PIN, links_of
from mortice.hub.powers import may_issue
from mortice.hub.saying import listed
from mortice.hub.tables import Account, Door, DoorKey, Key, LogEntry, now

DAY = 86_400
LONGEST_SECONDS = 400 * DAY  # a key that lasts longer has no end to speak of
NEWEST = 1000  # entries in which an opening by a key without a name is looked for
TRIED = "tried something at a door"  # as Act.what
TRIALS = ("escape_without_key_or_power", "full_local_operation_tested", "low_battery_warning")
LOG = ("event_log", "log_per_credential_trusted_time", "log_signed_chained_exportable")
UNHEARD = "its lock was not heard for a day, or never"
NO_KEYS = "this hub lists nobody's key of this door"

Facts = dict[str, Shown]
Held = tuple[Key, tuple[Grant, ...], str]  # a key, its links, and whose it is


def facts_of(db: Session, door: Door, day: date) -> Facts:
    """What this hub shows of a door on `day`, which is today there (B40 to B46)."""
    log = db.scalar(select(kept.Log).where(
        kept.Log.door_id == door.id, kept.Log.ended_at.is_(None)))
    listed_ = _listed(db, door)
    held = [each for each in listed_ if may_open(each[0])]
    living = [each for each in held if each[0].taken_back_at is None]
    gone = sorted({name for key, _, name in held if key.taken_back_at is not None})
    accounts, gap = _accounts(db, door, day), _gap(db, door, held, log)
    return {
        **published(), **_tried(db, door), **_log(door, log, day), "account_2fa": accounts,
        "per_user_credentials": _own_keys(held, gap, day),
        "mfa_and_expiring_grants": _ending(living, accounts, gap, day),
        "no_cloud_account": _away(db, door, listed_, day),
        "lockout_and_revocation": _revocation(door, gone, day)}


def _yes(day: date, note: str) -> Shown:
    return Shown("measured", day, note=note)


def _no(day: date, note: str) -> Shown:
    return Shown(said=False, on=day, note=note)


# --- keys and accounts ----------------------------------------------------------------------------


def _listed(db: Session, door: Door) -> list[Held]:
    """Every key of this door that has not ended, until the door confirms that it is gone."""
    rows = db.execute(select(Key, kept.Person.name).join(DoorKey, DoorKey.key_id == Key.id).join(
        kept.Person).where(
            DoorKey.door_id == door.id, DoorKey.state.not_in((kept.GONE, kept.REFUSED)),
            or_(Key.ends_at.is_(None), Key.ends_at > now())).order_by(kept.Person.name, Key.id))
    return [(key, _links(key), name) for key, name in rows]


def _links(key: Key) -> tuple[Grant, ...]:
    """Its links; none where they cannot be read."""
    try:
        return links_of(key)
    except Theirs:
        return ()


def _own_keys(held: Sequence[Held], gap: str, day: date) -> Shown:
    """B43. A PIN that was taken back is on the lock until that has confirmed it."""
    bridges = [name for key, _, name in held if key.klass == KeyClass.BRIDGE]
    pairs = {(links[-1].holder.id, key.person_id) for key, links, _ in held
             if links and key.what != PIN}
    if bridges:
        return _no(day, f"{listed(bridges)} opens it for whoever asks that program")
    if len({holder for holder, _ in pairs}) < len(pairs):
        return _no(day, "two people hold the same key")
    return Shown(None, note=gap) if gap else _yes(
        day, f"{_many(len(held), 'key')} listed, PINs counted, each of one person")


def _gap(db: Session, door: Door, held: Sequence[Held], log: kept.Log | None) -> str:
    """Why the list of who can open is not known to be whole (B43); nothing if it is."""
    pins, known = _pins(door), sum(key.what == PIN for key, *_ in held)
    if not held:
        return NO_KEYS
    if pins is None:
        return UNHEARD
    if pins > known:
        return f"its lock has {pins} PINs, and this hub lists {known}"
    if log is None:
        return "its lock's log is not kept here"
    if door.private:
        return "who opened a private door is not looked at"
    return _wrong(door, log) or (
        "a key that this hub does not list opened it lately" if _unlisted(db, log) else "")


def _pins(door: Door) -> int | None:
    """How many PINs its lock says it has; None unless it said so within a day (B42)."""
    pins = door.status.get("pins")
    return pins if type(pins) is int and (door.heard_at or 0) >= now() - DAY else None


def _unlisted(db: Session, log: kept.Log) -> bool:
    known = select(Key.leaf).where(Key.place_id == log.place_id)
    return db.scalar(select(LogEntry.number).where(
        LogEntry.log_id == log.id, LogEntry.number >= log.size - NEWEST,
        LogEntry.kind == int(Kind.GRANTED), LogEntry.leaf.not_in(known)).limit(1)) is not None


def _accounts(db: Session, door: Door, day: date) -> Shown:
    """B44."""
    keyed = select(kept.Passkey.id).where(kept.Passkey.account_id == Account.id).exists()
    accounts = db.execute(select(Account, keyed).join(
        kept.Membership, kept.Membership.account_id == Account.id).where(
            kept.Membership.place_id == door.place_id, Account.closed_at.is_(None))
        .order_by(Account.name)).all()
    if not accounts:
        return Shown(None, note="this place has no accounts")
    weak = [account.name for account, passkey in accounts
            if not passkey and None in {account.password, account.totp}]
    if weak:
        return _no(day, f"without a second factor: the account of {listed(weak)}")
    browsers = db.scalar(select(func.count()).where(
        kept.SignIn.account_id.in_([account.id for account, _ in accounts]),
        kept.SignIn.ends_at > now())) or 0
    return _yes(day, f"{_many(len(accounts), 'account')}, each with a passkey, or a password and "
                f"an app; {_many(browsers, 'browser')} signed in")


def _ending(living: Sequence[Held], accounts: Shown, gap: str, day: date) -> Shown:
    """B44."""
    lasting = [(links, name) for _, links, name in living if not _at_home(links)]
    endless = sorted({name for links, name in lasting if not any(
        link.exp is not None and link.exp <= now() + LONGEST_SECONDS for link in links)})
    if endless:
        return _no(day, f"a key or PIN without an end in sight: {listed(endless)}")
    if accounts.said is False:
        return accounts
    if gap or not living or accounts.said is None:
        return Shown(None, note=gap or (accounts.note if living else NO_KEYS))
    rest = len(living) - len(lasting)
    return _yes(day, f"{_many(len(lasting), 'key')} and PINs that end, and {rest} of residents")


def _at_home(links: Sequence[Grant]) -> bool:
    """Is it a resident's own key, or the PIN directly beneath it, with the same times?"""
    top, *below = links or (None,)
    return top is not None and top.resident and (not below or (
        len(below) == 1 and below[0].credential is not None
        and (below[0].nbf, below[0].exp) == (top.nbf, top.exp)))


def _away(db: Session, door: Door, every: Sequence[Held], day: date) -> Shown:
    """B44. What hands on a right to open counts as well as what opens."""
    if may_issue(db, door, now()):
        return _no(day, "this hub may issue visitors' keys to this door")
    pages = sorted({name for key, links, name in every
                    if (key.klass == KeyClass.WEB or key.what == CLAIM)
                    and (not links or Rights.UNLOCK & (links[-1].use | links[-1].delegable))})
    return _no(day, f"by a touch at this hub's page it opens: {listed(pages)}") if pages else (
        published()["no_cloud_account"])


def _revocation(door: Door, gone: Sequence[str], day: date) -> Shown:
    """B45."""
    if gone:
        return _no(day, f"taken back, and this door has not confirmed it: {listed(gone)}")
    if door.status.get("rolled_back"):
        return _no(day, f"{FAULTS['rolled_back']}, so what was taken back may open")
    shown, pins = published()["lockout_and_revocation"], _pins(door)
    many = (f"{_many(pins, 'PIN')} on its lock, guessed within a year in 1 of 100 cases at most; "
            if pins else "")
    return replace(shown, note=many + shown.note)


# --- the log, and trials --------------------------------------------------------------------------


def _log(door: Door, log: kept.Log | None, day: date) -> Facts:
    """B46."""
    if log is None or not (log.fault or (log.size and (door.heard_at or 0) >= now() - DAY)):
        return dict.fromkeys(LOG, Shown(None, note=UNHEARD))
    wrong, clock = _wrong(door, log), str(door.status.get("time"))
    bad = wrong or ("its clock is unsure" if clock not in {"synced", "holdover"} else "")
    many = "" if door.private else f"{log.head_size:,} "
    return dict(zip(LOG, (
        Shown(None, note=wrong) if log.fault else _yes(day, "its log is kept here, and fits"),
        _no(day, bad) if bad else _yes(day, f"entries name keys; its clock is {clock}"),
        _no(day, wrong) if wrong else Shown(None, note="no head was signed yet")
        if log.head is None
        else _yes(day, f"{many}entries under its lock's signature, checked as they came")),
        strict=True))


def _wrong(door: Door, log: kept.Log) -> str:
    """What contradicts that the log is whole; nothing if nothing does."""
    return log.fault or "; ".join(
        words for name, words in FAULTS.items() if door.status.get(name))


def _tried(db: Session, door: Door) -> Facts:
    """B47: the newest trial of each kind, by the word of whoever tried."""
    rows = db.scalars(select(kept.DoorSaid).where(
        kept.DoorSaid.door_id == door.id, kept.DoorSaid.question.in_(TRIALS),
    ).order_by(kept.DoorSaid.id))
    return {row.question: Shown(
        row.how if row.answer == "yes" else False,
        on := datetime.fromtimestamp(row.at, UTC).date(), on + YEAR,
        "somebody tried it" if row.answer == "yes" else "it was tried, and failed")
        for row in rows}


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- with what the owner said ---------------------------------------------------------------------


def joined(door: Door, said: DoorSet | None, facts: Facts, day: date) -> DoorSet:
    """What is known of a door on `day`: what its owner said, and what the hub shows (B47, B48)."""
    said = said or DoorSet(door.label, smart=True, default=None, used=frozenset(), facts={})
    shared = {"multi_household"} if any(each.private for each in door.place.doors) else set()
    since = max(datetime.fromtimestamp(door.made_at, UTC).date(),
                min(said.changed.get("actuator") or date.min, day))
    return replace(said, name=door.label, smart=True, used=said.used | shared,
                   facts=better(said.facts, facts, said, day),
                   support=said.support or support(since))
