"""Signed documents on their way to doors, and what each lock said of them.

A document waits until its lock has answered under its own signature: applied, known already, or
refused with a reason. The hub sends it again at each meeting until then; a lock takes the same
document twice without harm. What was never sent goes first, then what was sent longest ago, so that
a document for which a lock does not sign holds up no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager

from mortice.core import cbor
from mortice.core.document import id_of
from mortice.core.freshness import STAPLE
from mortice.core.grant import ENROL
from mortice.core.refusal import Reason
from mortice.core.revocation import REVOKE
from mortice.hub.tables import (
    GONE,
    ON_DOOR,
    REFUSED,
    WAITING,
    Delivery,
    Document,
    Door,
    DoorKey,
    Key,
    Place,
    TakenBack,
    now,
)

ORDER = ("mortice-site/1", "mortice-doors/1", REVOKE)  # these first, and in this order
IN_WORDS = dict(zip((*ORDER, ENROL, STAPLE), (
    "who owns this place", "the map of doors", "keys taken back", "a PIN",
    "that a PIN still counts"), strict=True))
LONG_SECONDS = 3600  # a lock that is there signs within seconds


def post(db: Session, place: Place, item: Sequence[cbor.Value], doors: Iterable[Door],
         about: Key | None = None) -> Document:
    """Send `item` ([kind, document, chain or null, assertion]) to `doors`, to each only once."""
    kind, document = item[0], item[1]
    assert isinstance(kind, str), "an item begins with its kind"
    assert isinstance(document, bytes), "and then the document"
    name = id_of(document)
    kept = db.scalar(
        select(Document).where(Document.place_id == place.id, Document.name == name))
    if kept is None:
        kept = Document(
            place_id=place.id, name=name, kind=kind, item=cbor.encode([*item]),
            about_key_id=about.id if about else None)
        db.add(kept)
        db.flush()
    known = set(db.scalars(select(Delivery.door_id).where(Delivery.document_id == kept.id)))
    db.add_all(
        Delivery(document_id=kept.id, door_id=door.id) for door in doors if door.id not in known)
    return kept


def due(db: Session, door: Door, most: int, but: Collection[int] = ()) -> list[Delivery]:
    """At most so many that are on their way to `door`, but not those numbers.

    What goes together is in the order in which a lock must take it.
    """
    waiting = [each for each in _waiting(db, door) if each.id not in but]
    return sorted(waiting, key=_place_in_order)[:most]


def unsigned_for(db: Session, door: Door, at: int) -> list[str]:
    """What `door` was sent and has neither taken nor refused for an hour, each sort once."""
    return [*dict.fromkeys(
        IN_WORDS[each.document.kind] for each in _waiting(db, door)
        if each.sent_at and each.document.made_at <= at - LONG_SECONDS)]


def _waiting(db: Session, door: Door) -> Sequence[Delivery]:
    return db.scalars(select(Delivery).join(Document).options(
        contains_eager(Delivery.document)).where(
            Delivery.door_id == door.id, Delivery.state == WAITING).order_by(Document.id)).all()


def _place_in_order(delivery: Delivery) -> tuple[int, int, int]:
    kind = delivery.document.kind
    return (delivery.sent_at or 0, ORDER.index(kind) if kind in ORDER else len(ORDER),
            delivery.document_id)


def answered(
    db: Session, door: Door, name: bytes, refused: Reason | None, receipt: bytes | None,
) -> None:
    """The lock's answer to the document called `name`. What it did not get stays unknown here."""
    delivery = db.scalar(
        select(Delivery).join(Document).where(
            Delivery.door_id == door.id, Document.name == name,
            Document.place_id == door.place_id))
    if delivery is None:
        return
    delivery.state = ON_DOOR if refused is None else REFUSED
    delivery.reason = None if refused is None else refused.words.number
    delivery.receipt, delivery.answered_at = receipt or delivery.receipt, now()
    _tell_key(db, delivery)


def _tell_key(db: Session, delivery: Delivery) -> None:
    """Keys' states at a door follow what the lock said of the document about them."""
    document = delivery.document
    if document.kind == REVOKE:
        if delivery.state == ON_DOOR:
            ended = select(TakenBack.key_id).where(TakenBack.document_id == document.id)
            _say(db, delivery, GONE, DoorKey.key_id.in_(ended))
    elif document.about_key_id is not None:
        _say(db, delivery, delivery.state, DoorKey.key_id == document.about_key_id)


def _say(db: Session, delivery: Delivery, state: str, which: ColumnElement[bool]) -> None:
    for row in db.scalars(select(DoorKey).where(which, DoorKey.door_id == delivery.door_id)):
        if row.state != GONE:  # nothing un-revokes
            row.state, row.reason, row.at = state, delivery.reason, now()
