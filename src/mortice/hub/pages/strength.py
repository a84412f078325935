"""How strong is this door: questions to answer one by one, the verdict, and a report to sign."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from mortice.assess.assessment import Assessment, as_json
from mortice.assess.codes import BadCode, read_code
from mortice.assess.doorset import of_parts
from mortice.assess.evaluate import Met, meets
from mortice.assess.explain import missing
from mortice.assess.model import model
from mortice.assess.questions import (
    KINDS,
    NEEDS_PHOTO,
    NOTHING,
    OWNER,
    UNKNOWN,
    Answer,
    Question,
    asked,
    questions,
)
from mortice.assess.report import LEVELS, MOST_BYTES, TITLES, sealed, unsealed
from mortice.assess.text import BadFile, Lines, as_day
from mortice.hub.access import Here, To, may
from mortice.hub.acts import note
from mortice.hub.copies import visible
from mortice.hub.pages.give import Posted
from mortice.hub.photos import kept
from mortice.hub.privacy import on_hold
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.report_paper import report_paper
from mortice.hub.strength import given_of, left, report_of, strength_of
from mortice.hub.tables import Door, DoorPhoto, DoorReport, DoorSaid, now
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/doors/{door}/strength", include_in_schema=False)
Sees = Annotated[Here, Depends(may(To.SEE_STRENGTH))]
Says = Annotated[Here, Depends(may(To.SAY_STRENGTH))]
MOST_PHOTOS = 40  # of one door
LETTERS = 200  # of a note
HOW = {
    "owner": "I looked myself", "photo": "I have a photo of it",
    "measured": "I measured it, or tried it out",
    "document": "I have the paper: a certificate or a statement",
    "register": "I found it in its issuer\N{RIGHT SINGLE QUOTATION MARK}s register"}


async def file_of(request: Request) -> bytes:
    """The file in a form; nothing if none was chosen."""
    form = await request.form()
    sent = next((each for each in form.values() if isinstance(each, UploadFile)), None)
    content = await sent.read() if sent else b""
    await form.close()
    return content


@ROUTER.get("")
def strength(request: Request, here: Sees, door: str) -> Response:
    """What to expect of the questions; once some are answered, the verdict so far."""
    found = door_in(here, door)
    made = strength_of(here.db, found)
    if not made.given:
        return page(request, "strength_start.html", here, door=found, many=len(asked({})))
    return page(
        request, "strength.html", here, door=found, given=made.given,
        verdict=as_json(model(), made.made), levels=LEVELS, titles=TITLES, asked=asked(made.given),
        left=left(made.given), weak=_weak(made.made), reports=_reports(here, found),
        unknown=UNKNOWN)


def _weak(made: Assessment) -> list[tuple[str, str, str]]:
    """What must be changed for each layer's next level: rule, the fact that is easiest, change."""
    return [(each.id, fact.say, fact.change)
            for layer, bounds in made.verdict.layers.items()
            for each in missing(model(), made.facts, [layer], bounds.level + 1)
            if meets(model(), each, made.facts) is Met.NO
            for fact in [min(map(model().facts.__getitem__, each.any),
                             key=lambda fact: fact.change_effort)]]


@ROUTER.get("/ask")
def ask_next(here: Says, door: str) -> Response:
    """The first question that has no answer yet."""
    rest = left(given_of(here.db, door_in(here, door)))
    return go(_path(here, door) + (f"/ask/{rest[0].id}" if rest else ""))


@ROUTER.get("/ask/{question}")
def ask(request: Request, here: Says, door: str, question: str) -> Response:
    """One question."""
    found, one = door_in(here, door), _question(question)
    said = given_of(here.db, found).get(one.id)
    form = {"answer": said.answer, "how": said.how, "note": said.note, "until": said.until} if (
        said) else {}
    return _ask(request, here, found, one, form, {})


@ROUTER.post("/ask/{question}")
def answer(  # noqa: PLR0913, PLR0917 - a form with a file
    request: Request, here: Says, door: str, question: str, form: Posted,
    photo: Annotated[bytes, Depends(file_of)],
) -> Response:
    """Keep an answer, with its photo, and go on to the next question."""
    found, one = door_in(here, door), _question(question)
    try:
        said = _read(here, found, one, form, photo)
    except Problem as problem:
        return _ask(request, here, found, one, form, problem.fields)
    with here.hub.database.writing() as db:
        db.add_all(said)
        note(db, "said what a door is like", here.place, here.account, door=door, question=one.id,
             answer=form["answer"], photo=bool(photo))
        rest = left(given_of(db, found))
    order = list(questions())
    later = [each for each in rest if order.index(each.id) > order.index(one.id)]
    over = one.apart or not later or form.get("go") == "verdict"
    return go(_path(here, door) + ("" if over else f"/ask/{later[0].id}"))


def _read(here: Here, door: Door, one: Question, form: dict[str, Any], photo: bytes,
          ) -> list[DoorPhoto | DoorSaid]:
    """The rows to keep. Raises Problem."""
    chosen = one.answers.get(str(form.get("answer", "")))
    if chosen is None:
        raise wrong({"answer": "Choose one of these."})
    mine = {"door_id": door.id, "account_id": here.account.id, "question": one.id}
    rows: list[DoorPhoto | DoorSaid] = []
    if photo:
        if _photos(here, door) >= MOST_PHOTOS:
            raise wrong({"photo": f"This door has {MOST_PHOTOS} photos already. Remove one first."})
        rows.append(DoorPhoto(**mine, **kept(photo)._asdict()))
    how, words = str(form.get("how", "")), str(form.get("note", "")).strip()[:LETTERS]
    if not one.how or not (chosen.yes or chosen.mark or chosen.standard):
        how = OWNER
    _shown(one, how, words, there=bool(photo) or _fresh(here, door, one, chosen))
    if chosen.standard:
        try:
            read_code(chosen.standard, words)
        except BadCode as error:
            raise wrong({"note": str(error)}) from error
    return [*rows, DoorSaid(**mine, answer=str(form["answer"]), how=how, note=visible(words),
                            until=_until(str(form.get("until", ""))))]


def _shown(one: Question, how: str, words: str, *, there: bool) -> None:
    """Raises Problem where what is said to show it is not there (B23)."""
    if how not in {OWNER, *one.how}:
        raise wrong({"how": "Say how you know."})
    if how in NEEDS_PHOTO and not there:
        raise wrong({"photo": "Add a photo of it as it is now, or choose another way in which you "
                     "know."})
    if how in {"measured", "register"} and not words:
        raise wrong({"note": "Write down what you found, or choose another way in which you know."})
    if how == "register" and not (
        any(map(str.isalpha, words)) and any(map(str.isdigit, words))):
        raise wrong({"note": "Write down the register\N{RIGHT SINGLE QUOTATION MARK}s name and the "
                     "number that it has there, or choose another way in which you know."})


def _fresh(here: Here, door: Door, one: Question, chosen: Answer) -> bool:
    """Is there a photo for it, from after the change of what it shows (B10)?"""
    given = given_of(here.db, door)
    day, changed = (given[one.id].photo if one.id in given else ""), given.get("changed", NOTHING)
    parts = questions()["changed"].answers[changed.answer].changed
    touched = chosen.mark or chosen.standard or not of_parts(model(), *parts).isdisjoint(chosen.yes)
    since = parts and touched and changed.on
    return bool(day) and day >= (since or "")


def _until(text: str) -> str:
    try:
        return str(as_day(text or None, Lines(), ()) or "")
    except BadFile as error:
        raise wrong({"until": "Write a day from 2000 to 2199, or leave it empty."}) from error


def _ask(  # noqa: PLR0913, PLR0917 - all that its page shows
    request: Request, here: Here, door: Door, one: Question, form: dict[str, Any],
    errors: dict[str, str],
) -> Response:
    every = asked(given_of(here.db, door))
    return page(
        request, "strength_ask.html", here, status=422 if errors else 200, door=door, one=one,
        form=form, errors=errors, many=len(every), how=HOW, unknown=UNKNOWN,
        at=every.index(one) + 1 if one in every else 0,
        photos=here.db.scalars(select(DoorPhoto.ref).where(
            DoorPhoto.door_id == door.id, DoorPhoto.question == one.id)).all())


# --- photos ---------------------------------------------------------------------------------------


@ROUTER.get("/photos/{photo}")
def see_photo(here: Sees, door: str, photo: str) -> Response:
    """A photo as it is kept."""
    return Response(_photo(here.db, door_in(here, door), photo).content, media_type="image/jpeg")


@ROUTER.post("/photos/{photo}/remove")
def remove_photo(here: Says, door: str, photo: str) -> Response:
    """Delete a photo. What rested on it becomes the owner's own word."""
    hold = on_hold(here.db, here.place, now())
    if hold is not None:
        raise Problem(409, "on-hold", "Nothing may be deleted here for now", hold.reason)
    with here.hub.database.writing() as db:
        row = _photo(db, door_in(here, door), photo)
        note(db, "removed a photo of a door", here.place, here.account, door=door,
             question=row.question, sha256=row.sha256)
        db.delete(row)
        question = row.question
    return go(f"{_path(here, door)}/ask/{question}")


def _photo(db: Session, door: Door, ref: str) -> DoorPhoto:
    found = db.scalar(select(DoorPhoto).where(DoorPhoto.door_id == door.id, DoorPhoto.ref == ref))
    if found is None:
        raise not_found("photo")
    return found


def _photos(here: Here, door: Door) -> int:
    return here.db.scalar(select(func.count()).where(DoorPhoto.door_id == door.id)) or 0


# --- reports --------------------------------------------------------------------------------------


@ROUTER.get("/report")
def report(request: Request, here: Sees, door: str, made: str = "") -> Response:
    """The newest report, or the one named `made`; good in print."""
    found = door_in(here, door)
    row = _report(here, found, made)
    if row is None:
        return page(request, "strength_report.html", here, door=found, report=None)
    said, key = unsealed(row.content)
    pictures = here.db.execute(select(DoorPhoto.sha256, DoorPhoto.ref).where(
        DoorPhoto.door_id == found.id))
    return page(
        request, "strength_report.html", here, door=found, report=said, row=row, key=key,
        levels=LEVELS, titles=TITLES, kinds=KINDS,
        pictures={row.sha256: row.ref for row in pictures})


@ROUTER.post("/report")
def make_report(here: Says, door: str) -> Response:
    """Freeze what is known today, and sign it by this hub's key."""
    found = door_in(here, door)
    content = sealed(report_of(here.db, found), here.hub.own.signer)
    if len(content) > MOST_BYTES:
        raise Problem(422, "report-too-long", "This report would be longer than anybody may check",
                      "Shorten the notes beside your answers, then make it again.")
    with here.hub.database.writing() as db:
        row = DoorReport(door_id=found.id, account_id=here.account.id, content=content)
        db.add(row)
        note(db, "made a report of how strong a door is", here.place, here.account, door=door)
        db.flush()
        ref = row.ref
    return go(f"{_path(here, door)}/report?made={ref}")


@ROUTER.get("/report.pdf")
def report_as_pdf(here: Sees, door: str, made: str = "") -> Response:
    """The same on paper."""
    content = _content(here, door, made)
    return _file(report_paper(*unsealed(content)), "application/pdf", "report.pdf")


@ROUTER.get("/report.json")
def report_as_file(here: Sees, door: str, made: str = "") -> Response:
    """The same to check anywhere: `mortice assess report FILE`."""
    return _file(_content(here, door, made), "application/json", "report.json")


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={
        "content-disposition": f'attachment; filename="{name}"'})


def _reports(here: Here, door: Door) -> list[DoorReport]:
    return list(here.db.scalars(select(DoorReport).where(DoorReport.door_id == door.id)
                                .order_by(DoorReport.id.desc())))


def _report(here: Here, door: Door, ref: str) -> DoorReport | None:
    found = [row for row in _reports(here, door) if ref in {"", row.ref}]
    if ref and not found:
        raise not_found("report")
    return found[0] if found else None


def _content(here: Here, door: str, ref: str) -> bytes:
    row = _report(here, door_in(here, door), ref)
    if row is None:
        raise not_found("report")
    return row.content


# --- where ----------------------------------------------------------------------------------------


def door_in(here: Here, ref: str) -> Door:
    """The door; an auditor, who holds no key, may see the verdict of each."""
    found = here.db.scalar(select(Door).where(Door.place_id == here.place.id, Door.ref == ref))
    if found is None:
        raise not_found("door")
    return found


def _question(name: str) -> Question:
    if name not in questions():
        raise not_found("question")
    return questions()[name]


def _path(here: Here, door: str) -> str:
    return f"/p/{here.place.ref}/doors/{door}/strength"
