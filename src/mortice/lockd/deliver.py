"""Signed documents that a visitor carries in: applied for their signatures, whoever brought them.

Each document is verified by its own rules and takes effect with a log entry, or is refused with a
reason that goes back to whoever may hear it. The messenger needs no right, because the messenger is
not believed.

Spec: spec/messages.md, section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mortice.core import cbor
from mortice.core.config import CONFIG, accept_config
from mortice.core.document import id_of
from mortice.core.enrolment import Enrolment, accept_enrolment, check_pin, sealed_context
from mortice.core.errors import Malformed, Untrusted
from mortice.core.freshness import TIME, accept_time
from mortice.core.grant import ENROL, CredentialKind
from mortice.core.limits import REVOCATIONS_MAX, REVOCATIONS_PER_HOLDER
from mortice.core.log import About, Kind
from mortice.core.messages import BundleItem, write_bundle
from mortice.core.pin import Entry, PinKeys, odds, read_typed, verifier
from mortice.core.refusal import Reason
from mortice.core.revocation import REVOKE, accept_revocation, first_revoked
from mortice.core.site import DOORS_MAP, SITE
from mortice.core.stages import Refused
from mortice.core.timekeeping import Told, attested
from mortice.lockd import ownership
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import RECOVERY_WAIT_SECONDS
from mortice.lockd.store import Change, Slot

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)  # RFC 9180, base mode
APPLIED, KNOWN = 0, -1  # results beside the numbers of the reasons


class NotTaken(Exception):
    """The document is genuine, but not now or not here."""

    def __init__(self, reason: Reason, check: str, detail: str = "") -> None:
        super().__init__(detail)
        self.refused = Refused(reason, check, detail)


def deliver(lock: Lock, items: tuple[BundleItem, ...], nonce: bytes) -> list[cbor.Value]:
    """Apply each of `items`; the answer is [id, result] for each, in order."""
    return [_deliver_one(lock, item, nonce) for item in items]


def _deliver_one(lock: Lock, item: BundleItem, nonce: bytes) -> cbor.Value:
    name = id_of(item.document)
    take = TAKERS.get(item.kind)
    try:
        if take is None:
            raise Malformed("A6", "bundle: no such kind of document")
        return [name, take(lock, item, nonce)]
    except (Malformed, Untrusted) as error:
        reason = Reason.MALFORMED if isinstance(error, Malformed) else Reason.BAD_SIGNATURE
        refused = Refused(reason, error.check, error.message)
    except NotTaken as not_taken:
        refused = not_taken.refused
    lock.refuse(refused, {About.DOCUMENT: name})
    return [name, refused.reason.words.number]


def _take_revocation(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    site = lock.owner().place.site
    revocation = accept_revocation(site, item.document, item.chain, item.assertion)
    if revocation.id in lock.store.news():
        return KNOWN
    held = lock.store.revoked_count(revocation.signer)
    if not revocation.over_all and held + len(revocation.entries) > REVOCATIONS_PER_HOLDER:
        raise NotTaken(Reason.STORAGE_FULL, "V7", "this holder keeps too many keys taken back")
    if lock.store.revoked_count() + len(revocation.entries) > REVOCATIONS_MAX:
        raise NotTaken(Reason.STORAGE_FULL, "V8", "too many keys are taken back")
    with lock.store.change() as change:
        carried = cbor.encode(write_bundle((item,)))
        if change.revoke(revocation, carried):
            lock.recorder.write(change, Kind.REVOKED, {
                About.DOCUMENT: revocation.id, About.COUNT: len(revocation.entries)})
    lock.forget_news_digest()
    lock.changed()
    _end_hold_if_revoked(lock)
    return APPLIED


def _end_hold_if_revoked(lock: Lock) -> None:
    if lock.held and first_revoked(lock.held.verified.links, lock.store):
        lock.held = replace(lock.held, until=0)


def _take_site(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    owned = lock.owner()
    if item.document == owned.site_bytes:
        return KNOWN
    try:
        taken = ownership.next_site(owned, item.document)
    except Untrusted:
        taken = _recovered(lock, item)
    with lock.store.change() as change:
        ownership.keep(change, taken)
        change.drop_meta("recovery")
        lock.recorder.write(change, Kind.SITE_CHANGED, {About.VERSION: taken.place.site.version})
    lock.stand_on(taken)
    lock.changed()
    return APPLIED


def _recovered(lock: Lock, item: BundleItem) -> ownership.Owned:
    """Paper alone: the button, a day of powered-on time, and the button again (S9)."""
    taken = ownership.recovered_site(lock.owner(), item.document)
    count, uptime = lock.outside.count(), lock.recorder.uptime()
    if not lock.window.is_open(count):
        raise NotTaken(Reason.WINDOW_CLOSED, "S9", "press the inside button first")
    waiting = lock.store.meta("recovery")
    name = id_of(item.document)
    if waiting is not None and waiting[:16] == name:
        ready = int.from_bytes(waiting[16:], "big")
        if uptime >= ready:
            return taken
        raise NotTaken(Reason.WINDOW_CLOSED, "S9", f"{ready - uptime} s of the wait are left")
    with lock.store.change() as change:
        change.put_meta("recovery", name + (uptime + RECOVERY_WAIT_SECONDS).to_bytes(8, "big"))
        lock.recorder.write(change, Kind.ALARM, {
            About.DETAIL: "recovery by paper has begun", About.DOCUMENT: name})
    raise NotTaken(Reason.WINDOW_CLOSED, "S9", f"{RECOVERY_WAIT_SECONDS} s of the wait are left")


def _take_doors(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    owned = lock.owner()
    if item.document == owned.doors_bytes:
        return KNOWN
    taken = ownership.next_doors(owned, item.document)
    with lock.store.change() as change:
        ownership.keep(change, taken)
        lock.recorder.write(change, Kind.DOORS_CHANGED, {About.VERSION: taken.doors.version})
    lock.stand_on(taken)
    lock.changed()
    return APPLIED


def _take_config(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    owned = lock.owner()
    if item.document == lock.store.meta("config"):
        return KNOWN
    config = accept_config(
        owned.place.site, item.document, item.chain, door=owned.place.door,
        above=owned.config.version)
    with lock.store.change() as change:
        change.put_meta("config", item.document)
        if item.chain is None:
            change.drop_meta("config_chain")
        else:
            change.put_meta("config_chain", cbor.encode(item.chain))
        lock.recorder.write(change, Kind.CONFIGURED, {About.VERSION: config.version})
    lock.stand_on(replace(owned, config=config))
    lock.changed()
    return APPLIED


def _take_time(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    place = lock.owner().place
    told = accept_time(place.site, item.document, place.lock, nonce, item.chain)
    if first_revoked(told.signer, lock.store):
        raise NotTaken(Reason.REVOKED, "T3", "whoever attests has a key that was taken back")
    clock = attested(
        lock.recorder.clock, Told(told.at, by_owner=bool(told.signer)), lock.outside.count())
    if clock is None:
        raise NotTaken(Reason.TIME_UNSURE, "T7", "the step is more than this signer alone may make")
    if abs(told.at - lock.now().at) > 1 or lock.now().state.value > 0:
        lock.set_clock(clock, "owner" if told.signer else "hub")
    return APPLIED


def _take_enrolment(lock: Lock, item: BundleItem, nonce: bytes) -> int:
    if item.chain is None:
        raise Malformed("H1", "enrolment: comes with its chain")
    site, signing = lock.owner().place.site, lock.secrets.signing.public
    wire = [*item.chain, item.document]
    enrolment = accept_enrolment(site, wire, signing, slot_version=-1)
    slot = lock.store.slot(enrolment.credential.slot)
    if slot is not None and slot.version == enrolment.credential.version and slot.wire == wire:
        return KNOWN
    if slot is not None and enrolment.credential.version <= slot.version:
        raise NotTaken(Reason.STALE_DOCUMENT, "H4", "the slot has a newer version")
    if first_revoked(enrolment.verified.links, lock.store):
        raise NotTaken(Reason.REVOKED, "R2", "the key that enrols was taken back")
    hashed = _pin_verifier(lock, enrolment) if enrolment.credential.kind is CredentialKind.PIN else None
    with lock.store.change() as change:
        _put(change, enrolment, hashed)
        lock.recorder.write(change, Kind.ENROLLED, {
            About.SLOT: enrolment.credential.slot, About.LEAF: enrolment.verified.leaf.id,
            About.VERSION: enrolment.credential.version})
    lock.changed()
    return APPLIED


def _put(change: Change, enrolment: Enrolment, hashed: bytes | None) -> None:
    credential = enrolment.credential
    change.put_slot(
        Slot(credential.slot, credential.version, int(credential.kind), enrolment.wire, off=False), hashed)


def _pin_verifier(lock: Lock, enrolment: Enrolment) -> bytes:
    """Open the sealed PIN, judge it, and turn it into its verifier. The PIN goes no further."""
    owned = lock.owner()
    digits = _open_pin(lock, enrolment)
    check_pin(digits)
    policy = owned.config.pins
    live = [slot for slot in lock.store.slots() if slot.number != enrolment.credential.slot]
    if not odds(policy, min(len(live) + 1, policy.most), len(digits)).acceptable:
        raise NotTaken(Reason.NO_RIGHT, "P8", f"{len(digits)} digits are too few at this door")
    if len(live) >= policy.most:
        raise NotTaken(Reason.STORAGE_FULL, "P8", f"this door has {policy.most} PINs already")
    index = f"{enrolment.credential.slot:02d}" if policy.entry is Entry.INDEX else ""
    hashed = verifier(pin_keys(lock), read_typed(index + digits, policy.entry))
    other = lock.store.slot_of(hashed)
    if other is not None and other.number != enrolment.credential.slot:
        _charge_duplicate(lock)
        raise NotTaken(Reason.WRONG_PIN, "P9", "somebody else has that PIN")
    return hashed


def _charge_duplicate(lock: Lock) -> None:
    """Learning that a PIN is taken costs what guessing it would (P9)."""
    uptime = lock.recorder.uptime()
    with lock.store.change() as change:
        change.put_tries("door", lock.store.tries("door").after(uptime))
        change.put_number("uptime", uptime)


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


Taker = Callable[[Lock, BundleItem, bytes], int]
TAKERS: dict[str, Taker] = {
    REVOKE: _take_revocation, SITE: _take_site, DOORS_MAP: _take_doors, CONFIG: _take_config,
    TIME: _take_time, ENROL: _take_enrolment,
}
