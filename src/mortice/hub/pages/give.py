"""Give a key: who, which doors, when, how, and a check page that says it back.

What was filled in travels with the form, sealed, so nothing of it stands in an address or is kept
here. All of it works without script up to signing, which is the browser's; or a device's, by the
command that the last page shows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from mortice.core.grant import ALL_RIGHTS, Grant
from mortice.core.site import Role as SiteRole
from mortice.hub import giving
from mortice.hub.access import Here, To, may
from mortice.hub.guests import is_digits
from mortice.hub.keys import PIN, links_of
from mortice.hub.places import site_of
from mortice.hub.problems import Problem, not_found, wrong
from mortice.hub.saying import Sentence, sentence, when
from mortice.hub.signed import Whom, keep, person_called
from mortice.hub.tables import Key, KeyRequest, Person, now
from mortice.hub.texts import check_letters
from mortice.hub.tickets import read_ticket, ticket
from mortice.hub.visitors import reach
from mortice.hub.wanted import (
    FIELDS,
    KINS,
    LISTS,
    LONGEST,
    STEPS,
    WEEKDAYS,
    Form,
    Wanted,
    plain_name,
    read_doors,
    read_holder,
    read_kin,
    read_times,
    read_wanted,
    today_in,
)
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/give", include_in_schema=False)
Gives = Annotated[Here, Depends(may(To.GIVE_KEYS))]
Sent = Annotated[dict[str, Any], Body()]
FORM_SECONDS = 86_400


async def posted(request: Request) -> dict[str, Any]:
    """The fields of a form; a list where several may be chosen. Raises Problem."""
    form, found = await request.form(), {}
    for name in form:
        texts = [text for text in form.getlist(name) if isinstance(text, str)]
        if any(len(text) > LONGEST for text in texts):
            raise wrong({name: "That is too long."})
        found[name] = texts if name in LISTS else "".join(texts[:1])
    return found


Posted = Annotated[dict[str, Any], Depends(posted)]


@ROUTER.get("")
def give(  # noqa: PLR0913, PLR0917 - what an address may say
    request: Request, here: Gives, s: str = "", at: str = "who", person: str = "",
    door: str = "", like: str = "", asked: str = "",
) -> Response:
    """One page of the form; `person`, `door`, `like`, `asked` begin it with something filled in."""
    form = state(here, s) if s else {
        "person": person, "like": like, "doors": [door] if door else []} | _like(here, like) | (
            _asked(here, asked))
    step = at if at in STEPS else "who"
    return _check(request, here, form) if step == "check" else _page(request, here, step, form)


@ROUTER.post("/terms")
def terms(here: Gives, sent: Sent) -> JSONResponse:
    """The exact terms to sign, for each of the giver's browser keys that may sign them."""
    at = now()
    return JSONResponse(giving.signable(here, _wanted(here, state(here, sent.get("s")), at), at))


@ROUTER.post("/signed")
def take_in(here: Gives, sent: Sent) -> JSONResponse:
    """Keep what was signed, if it is what was asked for."""
    form = state(here, sent.get("s"))
    wanted, asked, signed = giving.came_back(here, sent, lambda at: _wanted(here, form, at))
    with here.hub.database.writing() as db:
        whom = Whom(ref_of(form), wanted.name, KINS[wanted.kin].label, form.get("digits", ""))
        kept = keep(db, here, whom, wanted, asked, signed)
    here.hub.nudge(door.lock_id for door in here.place.doors)
    here.hub.live.tell(here.place.id)
    return JSONResponse({
        "person": f"/p/{here.place.ref}/people/{kept.person.ref}", "path": kept.path,
        "text": kept.text, "keys": [key.ref for key in kept.keys]}, 201)


@ROUTER.post("/says")
def says(here: Gives, form: Posted) -> JSONResponse:
    """What is filled in so far, said back while it is being typed."""
    whole, at = _merged(here, form, "when"), now()
    try:
        wanted = _wanted(here, whole | {"how": "link"}, at)
        return JSONResponse({"says": str(_said(here, wanted, *_plain(here, wanted, at)))})
    except Problem as problem:
        return JSONResponse({"says": "", "wrong": problem.help})


@ROUTER.post("/{step}")
def next_page(request: Request, here: Gives, step: str, form: Posted) -> Response:
    """Take one page of the form, and go on to the next."""
    if step not in CHECKS:
        raise not_found()
    whole = _merged(here, form, step)
    try:
        CHECKS[step](here, whole)
    except Problem as problem:
        return _page(request, here, step, whole, problem.fields)
    if step == "who" and form.get("like"):
        whole |= _like(here, form["like"])
    following = "check" if form.get("to-check") else STEPS[STEPS.index(step) + 1]
    return go(f"{_path(here)}?s={_sealed(here, whole)}&at={following}")


# --- pages ----------------------------------------------------------------------------------------


def _page(request: Request, here: Here, step: str, form: Form,
          errors: dict[str, str] | None = None) -> Response:
    people = here.db.scalars(select(Person).where(
        Person.place_id == here.place.id, Person.erased_at.is_(None)).order_by(Person.name)).all()
    return page(
        request, "give.html", here, status=422 if errors else 200, step=step, steps=STEPS,
        form=form, errors=errors or {}, sealed=_sealed(here, form), people=people, kins=KINS,
        doors=here.place.doors, weekdays=WEEKDAYS, today=today_in(here.place.zone),
        refreshed=giving.is_refreshed(here.db, here.place.id),
        hub_sends=bool(reach(here.db, here.place)))


def _check(request: Request, here: Here, form: Form) -> Response:
    at = now()
    try:
        for check in CHECKS.values():
            check(here, form)
        wanted = _wanted(here, form, at)
    except Problem as problem:
        step = next((step for step, names in FIELDS.items() if set(names) & set(problem.fields)),
                    "who")
        return _page(request, here, step, form, problem.fields)
    offered = giving.offers(here, wanted, at)
    signs = offered[0].grant if offered else None
    grant, *also = [signs, *offered[0].also] if signs else _plain(here, wanted, at)
    return page(
        request, "give_check.html", here, steps=STEPS, sealed=_sealed(here, form), wanted=wanted,
        form=form, said=_said(here, wanted, grant, *also), kin=KINS[wanted.kin], offers=offered,
        can_sign=signs is not None,
        command=giving.command(wanted, here.place.doors, form.get("request", "")),
        times=when(giving.opens(grant), ZoneInfo(wanted.doors[0].zone), at),
        letters=check_letters(wanted.holder) if wanted.holder else "",
        refreshed=giving.is_refreshed(here.db, here.place.id))


def _said(here: Here, wanted: Wanted, grant: Grant, *also: Grant) -> Sentence:
    """All that is signed, as one key: what gives keys says so of the one that opens."""
    for each in also:
        grant = replace(
            grant, delegable=each.delegable, depth=each.depth, max_life=each.max_life)
    return sentence(wanted.name, giving.opens(grant), here.place.doors, now())


def _plain(here: Here, wanted: Wanted, at: int) -> list[Grant]:
    """The key as the owner's own device would sign it."""
    key = site_of(here.place).keys(SiteRole.GRANT)[0]
    doors = frozenset(door.door_id for door in here.place.doors)
    return giving.grants(wanted, Grant(key, doors, ALL_RIGHTS, delegable=ALL_RIGHTS, depth=4), at)


# --- what was filled in ---------------------------------------------------------------------------


def _path(here: Here) -> str:
    return f"/p/{here.place.ref}/give"


def _sealed(here: Here, form: Form) -> str:
    known = [name for names in FIELDS.values() for name in names]
    return ticket(here.hub.own, "give", FORM_SECONDS, **{
        name: form[name] for name in known if form.get(name)})


def state(here: Here, sealed: object) -> dict[str, Any]:
    """What was filled in so far. Raises Problem."""
    return read_ticket(here.hub.own, "give", str(sealed))


def _merged(here: Here, form: Form, step: str) -> dict[str, Any]:
    before = state(here, form["s"]) if form.get("s") else {}
    empty = {name: [] if name in LISTS else "" for name in FIELDS[step]}
    return before | empty | {name: form[name] for name in FIELDS[step] if name in form}


def ref_of(form: Form) -> str:
    """The person who was chosen; nothing for somebody new."""
    return "" if form.get("person") == "new" else str(form.get("person", ""))


def _name(here: Here, form: Form) -> str:
    if not ref_of(form):
        return plain_name(form.get("name", ""))
    return person_called(here.db, here.place, ref_of(form)).name


def _wanted(here: Here, form: Form, at: int) -> Wanted:
    return read_wanted(form, _name(here, form), here.place.doors, at,
                       refreshed=giving.is_refreshed(here.db, here.place.id))


def _who(here: Here, form: Form) -> None:
    _name(here, form)
    read_kin(form)


def _how(_: Here, form: Form) -> None:
    if form.get("how") not in {"link", "request", "pin"}:
        raise wrong({"how": "Choose how they get it."})
    if form["how"] == "request":
        read_holder(form)
    if form["how"] == "link" and form.get("digits") and not is_digits(form["digits"]):
        raise wrong({"digits": "Type four digits, or nothing."})


CHECKS = {
    "who": _who,
    "doors": lambda here, form: read_doors(form, here.place.doors),
    "when": lambda here, form: read_times(form, read_doors(form, here.place.doors), now()),
    "how": _how,
}


def _asked(here: Here, ref: str) -> dict[str, Any]:
    """What a browser's request fills in (pages/mine.py)."""
    found = here.db.execute(select(KeyRequest, Person).join(
        Person, Person.id == KeyRequest.person_id).where(
            KeyRequest.ref == ref, KeyRequest.place_id == here.place.id)).first()
    if found is None:
        return {}
    return {"person": found[1].ref, "how": "request", "request": found[0].text}


def _like(here: Here, ref: str) -> dict[str, Any]:
    """Doors and times as somebody else has them: a beginning, to be looked at and changed."""
    key = here.db.scalar(select(Key).join(Person).where(
        Person.ref == ref, Key.place_id == here.place.id, Key.what != PIN,
        Key.taken_back_at.is_(None)).order_by(Key.id.desc()).limit(1))
    if key is None:
        return {}
    leaf = links_of(key)[-1]
    doors = [door.ref for door in here.place.doors if door.door_id in leaf.doors]
    if leaf.hours is None:
        return {"doors": doors, "when": "always"}
    said: dict[str, list[str]] = {}
    for window in leaf.hours:
        for day in range(7):
            if window.days >> day & 1:
                said.setdefault(f"on-{day}", []).append(
                    "{:02d}:{:02d}-{:02d}:{:02d}".format(
                        *divmod(window.start, 60), *divmod((window.end - 1) % 1440 + 1, 60)))
    return {"doors": doors, "when": "exact"} | {day: ", ".join(at) for day, at in said.items()}
