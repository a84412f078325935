"""Signed documents that a visitor carries in: applied for their signatures, whoever brought them.

Each document is verified by its own rules and takes effect with a log entry, or is refused with a
reason. Either way the lock signs a receipt for it, so that whoever sent it can show what became of
it. The messenger needs no right, because the messenger is not believed.

Spec: spec/messages.md, sections 4 and 5.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.config import CONFIG, accept_config
from mortice.core.decision import standing
from mortice.core.document import id_of, parse
from mortice.core.enrolment import Enrolment, accept_enrolment, check_pin, sealed_context
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.freshness import CHECKED, STAPLE, TIME, accept_checked, accept_time, read_checked
from mortice.core.grant import ENROL, CredentialKind
from mortice.core.limits import (
    FORWARD_SECONDS,
    PIN_INDEX_DIGITS,
    REVOCATIONS_MAX,
    REVOCATIONS_PER_HOLDER,
)
from mortice.core.log import About, Kind, Result
from mortice.core.messages import BundleItem, write_bundle
from mortice.core.pin import Entry, PinKeys, digits_needed, read_typed, verifier
from mortice.core.refusal import Reason
from mortice.core.revocation import REVOKE, accept_revocation, first_revoked
from mortice.core.site import DOORS_MAP, SITE
from mortice.core.stages import Refused, TimeState
from mortice.core.timekeeping import Told, Word, attested, confirms
from mortice.lockd import ownership, staples
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import RECOVERY_WAIT_SECONDS, Recovery
from mortice.lockd.reasons import reason_of
from mortice.lockd.store import Appended, Change, DiskFull, Slot, Tried

LOG = logging.getLogger(__name__)
HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)  # RFC 9180, base mode
APPLIED, KNOWN = 0, -1  # results beside the numbers of the reasons
ITEM_BYTES = 3  # in front of a byte string of this length in CBOR


class NotTaken(Exception):
    """The document is genuine, but not now or not here."""

    def __init__(self, reason: Reason, check: str, detail: str = "") -> None:
        super().__init__(detail)
        self.refused = Refused(reason, check, detail)


def deliver(lock: Lock, items: tuple[BundleItem, ...], nonce: bytes) -> list[cbor.Value]:
    """Apply each of `items`; the answer is [id, result, receipt or null] for each, in order."""
    return [_deliver_one(lock, item, nonce) for item in items]


def _deliver_one(lock: Lock, item: BundleItem, nonce: bytes) -> cbor.Value:
    name = id_of(item.document)
    try:
        entry = _taken(lock, item, nonce)
    except Theirs as error:
        return _not_taken(lock, name, Refused(reason_of(error), error.check, error.message))
    except NotTaken as not_taken:
        return _not_taken(lock, name, not_taken.refused)
    except DiskFull:
        return _not_taken(lock, name, Refused(Reason.STORAGE_FULL, "R15"))
    except Exception:  # that document fails, and not the visit of whoever carried it
        LOG.exception("a document failed")
        return _not_taken(lock, name, Refused(Reason.FAULT, "R0"))
    if entry is None:
        return [name, KNOWN, None]
    lock.changed()
    return [name, APPLIED, lock.recorder.receipt_for(entry, name, Result.DONE)]


def _taken(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    """Apply one document, out of the reserve if the disk is full. Raises DiskFull as well."""
    take = TAKERS.get(item.kind)
    if take is None:
        raise Malformed("A6", "bundle: no such kind of document")
    try:
        return take(lock, item, nonce)
    except DiskFull:
        lock.make_room()
    return take(lock, item, nonce)


def some_news(lock: Lock, room: int) -> Iterator[bytes]:
    """Revoke documents for a visitor: as many as fit, from another place in the list each time."""
    for item in lock.store.news_from(lock.store.size):
        room -= len(item) + ITEM_BYTES
        if room < 0:
            return
        yield item


def _not_taken(lock: Lock, name: bytes, refused: Refused) -> cbor.Value:
    """Recorded, unless somebody fills the log with refused documents."""
    number = refused.reason.words.number
    entry = lock.refuse_sparingly(refused, {About.DOCUMENT: name})
    if entry is None:
        return [name, number, None]
    return [name, number, lock.recorder.receipt_for(entry, name, Result.REFUSED)]


def _take_revocation(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    if lock.store.has_news(parse(REVOKE, item.document).id):
        return None
    site, floor = lock.owner().place.site, lock.now().floor
    revocation = accept_revocation(site, item.document, item.chain, item.assertion)
    if all(entry.expires is not None and entry.expires <= floor for entry in revocation.entries):
        return None  # all that it names has ended by itself, and no clock set back revives it
    held = lock.store.revoked_count(revocation.signer)
    if not revocation.over_all and held + len(revocation.entries) > REVOCATIONS_PER_HOLDER:
        raise NotTaken(Reason.STORAGE_FULL, "V7", "this holder keeps too many keys taken back")
    most = REVOCATIONS_MAX if revocation.over_all else REVOCATIONS_MAX // 2  # the rest is theirs
    if lock.store.revoked_count() + len(revocation.entries) > most:
        raise NotTaken(Reason.STORAGE_FULL, "V8", "too many keys are taken back")
    with lock.store.change() as change:
        carried = cbor.encode(write_bundle((item,)))
        change.revoke(revocation, carried)
        entry = lock.recorder.write(change, Kind.REVOKED, {
            About.DOCUMENT: revocation.id, About.COUNT: len(revocation.entries)})
        _clear_slots(lock, change)
    lock.forget_news_digest()
    return entry


def _clear_slots(lock: Lock, change: Change) -> None:
    """Take PINs off the door whose chain was taken back."""
    for slot in lock.store.slots():
        links = tuple(link.grant for link in read_chain(slot.wire or (), last=ENROL))
        if first_revoked(links, lock.store):
            change.clear_slot(slot.number)
            lock.recorder.write(change, Kind.REMOVED, {
                About.SLOT: slot.number, About.LEAF: links[-1].id, About.VERSION: slot.version})


def _take_site(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    owned = lock.owner()
    if item.document == owned.site_bytes:
        return None
    try:
        waiting = ownership.recovery(lock.store) is not None
        taken = ownership.next_site(owned, item.document, recovering=waiting)
    except Untrusted:
        taken = _recovered(lock, item)
    with lock.store.change() as change:
        ownership.keep(change, taken)
        change.drop_meta("recovery")
        entry = lock.recorder.write(
            change, Kind.SITE_CHANGED, {About.VERSION: taken.place.site.version})
    lock.stand_on(taken)
    return entry


def _recovered(lock: Lock, item: BundleItem) -> ownership.Owned:
    """Paper alone: the button, a day of powered-on time, and the button again (S9)."""
    taken = ownership.recovered_site(lock.owner(), item.document)
    if not lock.window.is_open(lock.outside.count()):
        raise NotTaken(Reason.WINDOW_CLOSED, "S9", "press the inside button first")
    waiting = ownership.recovery(lock.store)
    if waiting is None or waiting.site != taken.place.site:  # whatever order its signatures have
        waiting = _begin_recovery(lock, taken)
    left = waiting.ready - lock.recorder.uptime()
    if left > 0:
        raise NotTaken(Reason.WINDOW_CLOSED, "S9", f"{left} s of the wait are left")
    return taken


def _begin_recovery(lock: Lock, taken: ownership.Owned) -> Recovery:
    """From now on a phone that the paper leaves out signs nothing more; the wait begins."""
    waiting = Recovery(lock.recorder.uptime() + RECOVERY_WAIT_SECONDS, taken.site_bytes)
    with lock.store.change() as change:
        change.put_meta("recovery", waiting.encode())
        lock.recorder.write(change, Kind.ALARM, {
            About.DETAIL: "recovery by paper has begun", About.DOCUMENT: id_of(taken.site_bytes)})
    lock.stand_on(ownership.stopped(lock.owner(), waiting.site))
    return waiting


def _take_doors(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    owned = lock.owner()
    if item.document == owned.doors_bytes:
        return None
    taken = ownership.next_doors(owned, item.document)
    with lock.store.change() as change:
        ownership.keep(change, taken)
        entry = lock.recorder.write(
            change, Kind.DOORS_CHANGED, {About.VERSION: taken.doors.version})
    lock.stand_on(taken)
    return entry


def _take_config(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    owned = lock.owner()
    if item.document == lock.store.meta("config"):
        return None
    config = accept_config(
        owned.place.site, item.document, item.chain, door=owned.place.door,
        above=owned.config.version)
    _signer_counts(lock, item)
    with lock.store.change() as change:
        change.put_meta("config", item.document)
        entry = lock.recorder.write(change, Kind.CONFIGURED, {About.VERSION: config.version})
    lock.stand_on(replace(owned, config=config))
    return entry


def _take_time(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    place = lock.owner().place
    told = accept_time(place.site, item.document, place.lock, nonce, item.chain)
    _signer_counts(lock, item)
    by = "owner" if told.signer else _which_hub(lock, item.document, told.at)
    clock = attested(lock.recorder.clock, Told(told.at, sure=by != "hub"), lock.outside.count())
    if clock is None:
        raise NotTaken(Reason.TIME_UNSURE, "T7", "the step is more than this signer alone may make")
    if by != "hubs" and abs(told.at - lock.now().at) <= 1 and (
            lock.now().state is TimeState.SYNCED):
        return None
    return lock.set_clock(clock, by)


def _which_hub(lock: Lock, document: bytes, at: int) -> str:
    """`hub`, or `hubs` where another key of the role has just said the same (T11)."""
    word = Word(parse(TIME, document).kid or b"", at, lock.outside.count())
    agreed = any(confirms(word, earlier) for earlier in lock.time_words.values())
    lock.time_words[word.key] = word
    return "hubs" if agreed else "hub"


def _take_checked(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    place, kept = lock.owner().place, lock.store.meta("checked")
    if item.document == kept:
        return None
    checked = accept_checked(place.site, item.document, item.chain, door=place.door)
    _signer_counts(lock, item)
    if kept is not None and checked.at <= read_checked(kept, place.site.id).at:
        raise NotTaken(Reason.STALE_DOCUMENT, "Y4", "there is a later record")
    if checked.at > lock.now().at + FORWARD_SECONDS:
        raise NotTaken(Reason.TIME_UNSURE, "Y5", "later than this door's own time")
    about: dict[int | str, cbor.Value] = {
        About.DOCUMENT: id_of(item.document), About.COUNT: checked.failed}
    if checked.signer is not None:
        about[About.LEAF] = checked.signer.leaf.id
    with lock.store.change() as change:
        change.put_meta("checked", item.document)
        return lock.recorder.write(change, Kind.CHECKED, about)


def _take_staple(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    _signer_counts(lock, item)
    return staples.keep(lock, item.document, item.chain)


def _signer_counts(lock: Lock, item: BundleItem) -> None:
    """Whoever signs by right of a key needs one that counts at this door now. Raises NotTaken."""
    if item.chain is None:
        return
    signer = verify_chain(read_chain(item.chain), lock.owner().place.site.chain_keys())
    refused = standing(signer, lock.facts(signer))
    if refused is not None:
        raise NotTaken(refused.reason, refused.check, refused.detail)


def _take_enrolment(lock: Lock, item: BundleItem, nonce: bytes) -> Appended | None:
    if item.chain is None:
        raise Malformed("H1", "enrolment: comes with its chain")
    site, signing = lock.owner().place.site, lock.secrets.signing.public
    touched = item.assertion is not None  # a browser's key above (spec/grant.md, section 9)
    link: cbor.Value = [item.document, item.assertion] if touched else item.document
    wire = [*item.chain, link]
    enrolment = accept_enrolment(site, wire, signing, slot_version=-1)
    slot = lock.store.slot(enrolment.credential.slot)
    if slot is not None and slot.version == enrolment.credential.version and slot.wire == wire:
        return None
    if slot is not None and enrolment.credential.version <= slot.version:
        raise NotTaken(Reason.STALE_DOCUMENT, "H4", "the slot has a newer version")
    if slot is not None and _is_anothers(lock, slot, enrolment):
        raise NotTaken(Reason.NO_RIGHT, "H9", "the slot holds somebody else's credential")
    if first_revoked(enrolment.verified.links, lock.store):
        raise NotTaken(Reason.REVOKED, "R2", "the key that enrols was taken back")
    credential = enrolment.credential
    if credential.kind is not CredentialKind.PIN:
        raise NotTaken(Reason.NO_RIGHT, "H8", "this door has no reader for that")
    hashed, tried = _pin_verifier(lock, enrolment)
    with lock.store.change() as change:
        change.give_back(tried)
        change.put_slot(
            Slot(credential.slot, credential.version, int(credential.kind), wire, off=False),
            hashed)
        return lock.recorder.write(change, Kind.ENROLLED, {
            About.SLOT: credential.slot, About.LEAF: enrolment.verified.leaf.id,
            About.VERSION: credential.version})


def _is_anothers(lock: Lock, slot: Slot, enrolment: Enrolment) -> bool:
    """Whether a slot holds a credential of another holder, which has not ended."""
    try:
        links = verify_chain(
            read_chain(slot.wire or (), last=ENROL), lock.owner().place.site.chain_keys()).links
    except Theirs:
        return False  # empty, or of a root that is gone
    now = lock.now()
    ended = any(link.exp is not None and link.exp <= now.at for link in links)
    if ended and now.state is not TimeState.UNSURE:
        return False
    return links[-2].holder.id != enrolment.verified.links[-2].holder.id


def _pin_verifier(lock: Lock, enrolment: Enrolment) -> tuple[bytes, Tried]:
    """Open the sealed PIN, judge it, and turn it into its verifier. The PIN goes no further.

    With the verifier comes the try that a PIN of one's own gives back.
    """
    owned = lock.owner()
    digits = _open_pin(lock, enrolment)
    policy = owned.config.pins
    index = f"{enrolment.credential.slot:02d}" if policy.entry is Entry.INDEX else ""
    if len(index) > PIN_INDEX_DIGITS:
        raise NotTaken(Reason.NO_RIGHT, "P10", f"slot {index} is no index of this keypad")
    typed = read_typed(index + digits, policy.entry)
    check_pin(typed.pin)
    live = [slot for slot in lock.store.slots() if slot.number != enrolment.credential.slot]
    if len(digits) < digits_needed(policy):  # for the door at its fullest, so in any order
        raise NotTaken(Reason.NO_RIGHT, "P8", f"{len(digits)} digits are too few at this door")
    if len(live) >= policy.most:
        raise NotTaken(Reason.STORAGE_FULL, "P8", f"this door has {policy.most} PINs already")
    tried = _count_guess(lock)
    hashed = verifier(pin_keys(lock), typed)
    other = lock.store.slot_of(hashed)
    if other is not None and other.number != enrolment.credential.slot:
        raise NotTaken(Reason.WRONG_PIN, "P9", "somebody else has that PIN")
    return hashed, tried


def _count_guess(lock: Lock) -> Tried:
    """Learning whether a PIN is taken is a guess like any other: counted first (P9)."""
    before, uptime = lock.store.tries("door"), lock.recorder.uptime()
    if before.rest(uptime):
        raise NotTaken(Reason.RESTING, "P9", f"{before.rest(uptime)} s left")
    with lock.store.change() as change:
        change.put_tries("door", before.after(uptime))
        change.put_number("uptime", uptime)
    return Tried("door", uptime)


def _open_pin(lock: Lock, enrolment: Enrolment) -> str:
    above = enrolment.verified.links[-2]
    context = sealed_context(above.holder.id, above.id, enrolment.credential.slot)
    try:
        opened = HPKE.decrypt(enrolment.credential.sealed, lock.secrets.sealing, info=context)
        return opened.decode("ascii")
    except (InvalidTag, ValueError, UnicodeDecodeError) as error:
        raise Untrusted("H6", "enrolment: the PIN was not sealed for this lock and slot") from error


def pin_keys(lock: Lock) -> PinKeys:
    """What this lock hashes PINs with."""
    kept = lock.secrets.kept
    return PinKeys(kept["pepper"], kept["salt"], lock.owner().place.door)


Taker = Callable[[Lock, BundleItem, bytes], Appended | None]  # None: it was known already
TAKERS: dict[str, Taker] = {
    REVOKE: _take_revocation, SITE: _take_site, DOORS_MAP: _take_doors, CONFIG: _take_config,
    TIME: _take_time, ENROL: _take_enrolment, STAPLE: _take_staple, CHECKED: _take_checked,
}
