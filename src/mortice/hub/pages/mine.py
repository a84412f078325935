"""This browser's key: asking for one, taking it in, what it can do, and forgetting it."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from mortice.core.errors import Theirs
from mortice.core.grant import Grant
from mortice.hub import mine
from mortice.hub.access import RUNS, Here, To, may
from mortice.hub.agents import agent_words
from mortice.hub.keys import links_of
from mortice.hub.problems import Problem
from mortice.hub.refreshing import renew_now
from mortice.hub.saying import Sentence, sentence
from mortice.hub.tables import Key, KeyRequest, Person, now
from mortice.hub.texts import check_letters, read_asking
from mortice.hub.web import go, page

ROUTER = APIRouter(prefix="/p/{place}/my-key", include_in_schema=False)
Own = Annotated[Here, Depends(may(To.SEE_OWN))]
Sent = Annotated[dict[str, Any], Body()]
YEAR_SECONDS = 365 * 86_400
LONGEST = 200_000  # characters: two keys with every root of an old place


class Held(NamedTuple):
    """A key of one's own, in words; `holder` says in which browser it is."""

    key: Key
    said: Sentence
    holder: str


class Asked(NamedTuple):
    """A browser that asks for a key, or has forgotten its own."""

    request: KeyRequest
    person: Person
    letters: str


@ROUTER.get("")
def my_key(request: Request, here: Own) -> Response:
    """What this browser can do here, and what to do if that is nothing."""
    return _page(request, here)


@ROUTER.get("/papers")
def needed(here: Own) -> JSONResponse:
    """Chains, staples, the signed map and the news: what a browser carries to a door."""
    return JSONResponse(mine.papers(here.db, here))


@ROUTER.post("/ask")
def ask_for_one(request: Request, here: Own, sent: Sent) -> JSONResponse:
    """Keep this browser's request, for whoever gives keys."""
    text = str(sent.get("text", ""))[:LONGEST]
    with here.hub.database.writing() as db:
        made = mine.ask(db, here, text, agent_words(request.headers.get("user-agent", "")))
    here.hub.live.tell(here.place.id)
    return JSONResponse({"ref": made.ref}, 201)


@ROUTER.post("/take")
def take(request: Request, here: Own, text: Annotated[str, Form()] = "") -> Response:
    """Take in what came back."""
    try:
        with here.hub.database.writing() as db:
            taken = [key.id for key in mine.take_in(db, here, text[:LONGEST])]
        renew_now(here.hub, here.place.id, *taken)
    except Theirs as error:
        return _page(request, here, {"text": f"{error.message[:1].upper()}{error.message[1:]}."})
    except Problem as problem:
        return _page(request, here, {"text": f"{problem.title}. {problem.help}"})
    here.hub.live.tell(here.place.id)
    return go(_path(here))


@ROUTER.post("/{ref}/forget")
def forget_it(here: Own, ref: str) -> JSONResponse:
    """This browser has forgotten its key; ask for it to be taken back."""
    with here.hub.database.writing() as db:
        mine.forget(db, here, mine.own_request(db, here, ref))
    here.hub.live.tell(here.place.id)
    return JSONResponse({})


def _page(request: Request, here: Here, errors: dict[str, str] | None = None) -> Response:
    gives = here.may(To.GIVE_KEYS)
    return page(
        request, "mine.html", here, status=422 if errors else 200, errors=errors or {},
        held=[_held(here, key) for key in mine.own_keys(here.db, here)],
        asking=[_asking(here, each) for each in mine.own_requests(here.db, here)],
        gives=gives, asked=_asked(here) if gives else [])


def _held(here: Here, key: Key) -> Held:
    leaf: Grant = links_of(key)[-1]
    return Held(key, sentence("You", leaf, here.place.doors, now()), leaf.holder.id.hex())


def _asked(here: Here) -> list[Asked]:
    return [Asked(each, person, check_letters(read_asking(each.text).key))
            for each, person in mine.asked_for(here.db, here.place)
            if each.account_id != here.account.id]


def _asking(here: Here, asked: KeyRequest) -> dict[str, str]:
    """This browser's own request, for its script to find by its holder."""
    key = read_asking(asked.text).key
    return {"ref": asked.ref, "holder": asked.holder.hex(), "text": asked.text,
            "letters": check_letters(key), "command": command(here, asked.text)}


def command(here: Here, text: str) -> str:
    """What gives the key from a device of the owner's."""
    ends = datetime.fromtimestamp(now() + YEAR_SECONDS, UTC)
    owns = here.may(To.CHANGE_SETTINGS)  # and may let the hub vouch, and issue for visitors
    gives = ["--may-pass-on", f"unlock,lock,enrol{',refresh' if owns else ''}", "--pass-on-links",
             "3" if owns else "2", "--pass-on-life", "365d"] if (
        here.role in RUNS and not here.place.strict) else []
    return shlex.join([
        "mortice", "key", "give", here.account.name, "--doors", "all", "--until",
        f"{ends:%Y-%m-%d}", *gives, "--request", text])


def _path(here: Here) -> str:
    return f"/p/{here.place.ref}/my-key"
