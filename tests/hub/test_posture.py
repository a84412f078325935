"""What a hub proves of a door, and that every change of state moves the fact it is about."""

from __future__ import annotations

import json
import re
import secrets
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from givers import add_giver, owner_takes_back
from hubs import Cast, browser
from lived import Lived, opened
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from test_doors import make_private
from test_powers import VISITS, given

from mortice.assess.assessment import Assessment, as_json
from mortice.assess.doorset import DoorSet, Shown
from mortice.assess.evaluate import Said
from mortice.assess.model import model, read_data
from mortice.assess.ours import better, published, support
from mortice.assess.questions import OTHER, questions
from mortice.client.wallet import encode_chain
from mortice.core.grant import (
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Kind
from mortice.hub import drift, posture, strength
from mortice.hub.drift import Change, changes, judged, keep, keep_today, seen
from mortice.hub.keys import take_back
from mortice.hub.powers import stop
from mortice.hub.privacy import tidy
from mortice.hub.tables import (
    ON_DOOR,
    REFUSED,
    Account,
    Delivery,
    Door,
    DoorSaid,
    HubGrant,
    Key,
    Log,
    Membership,
    Passkey,
    Place,
    Posture,
    RecoveryCode,
    now,
)
from mortice.hub.tokens import make_token

AsRole = Callable[[str], TestClient]
FRONT, DAY = "Front door", 86_400
ROOT = Path(__file__).parents[2]


@pytest.fixture
def lived(cast: Cast) -> Lived:
    """Everybody has a passkey; a cleaner has a key that ends; the lock was heard, and its log.

    Nobody else's electronics are at the doors, and that was answered (B25).
    """
    made = Lived(cast)
    with cast.hub.database.writing() as db:
        db.add_all(DoorSaid(door_id=door.id, question=OTHER, answer="no", how="owner")
                   for door in cast.doors.values())
        for account in db.scalars(select(Account)):
            db.add(Passkey(account_id=account.id, credential_id=secrets.token_bytes(8),
                           public_key=b"", label="Phone"))
    leaf = made.gives("Ana Sousa", FRONT, ends=now() + 90 * DAY)
    made.wrote(FRONT, (900, *opened(leaf)), (890, Kind.MOVED, {5: 0, 6: "unlocked"}))
    made.says(FRONT, pins=0)
    change(cast, lambda log: (setattr(log, "head", b"head"), setattr(log, "head_size", 2)))
    return made


def change(cast: Cast, how: Callable[[Log], object]) -> None:
    """Change what is kept of the front door's log."""
    with cast.hub.database.writing() as db:
        how(db.scalars(select(Log)).one())


def look(cast: Cast, label: str = FRONT) -> Assessment:
    with cast.hub.database.reading() as db:
        return judged(db, db.get_one(Door, cast.doors[label].id))


def said(cast: Cast, fact: str) -> object:
    return look(cast).facts.get(fact)


def note(cast: Cast, fact: str) -> str:
    return look(cast).door.facts[fact].note


def test_what_is_in_order_is_shown(cast: Cast, lived: Lived) -> None:
    made = look(cast)
    levels = {layer: bounds.level for layer, bounds in made.verdict.layers.items()}
    assert (levels["A-ACC"], levels["X-AUD"], levels["S-DIG"]) == (3, 3, 1)
    for fact in ("per_user_credentials", "account_2fa", "mfa_and_expiring_grants", "event_log",
                 "log_per_credential_trusted_time", "log_signed_chained_exportable"):
        assert made.door.facts[fact] == Shown("measured", made.day, note=note(cast, fact))
    assert note(cast, "per_user_credentials") == "1 key listed, PINs counted, each of one person"
    assert said(cast, "support_ge_2y_left") == "document"


def test_our_own_controller_gets_nothing_for_nothing(cast: Cast, lived: Lived) -> None:
    """No updater is no updater; and of wood, steel and motors a hub knows nothing."""
    made = look(cast)
    assert made.facts["signed_updates"] is False
    assert made.verdict.level == 0
    assert made.verdict.could_be == 1
    for layer in ("P-DOOR", "P-LOCK", "P-INST", "E-DEV", "R-REL"):
        facts = {name for each in model().layers if each.id == layer
                 for criterion in each.criteria for name in criterion.any}
        assert not [name for name in facts if made.facts.get(name) is not None]
    for fact in ("open_source_maintained", "psti_three_requirements", "statement_of_compliance",
                 "not_a_product_placed_on_market", "full_local_operation_tested"):
        assert made.facts.get(fact) is None


def test_what_is_published_is_there() -> None:
    """Every file and every test that the project names as evidence exists."""
    raw = read_data("ours")
    assert set(raw["facts"]) <= set(model().facts)
    for fact, each in raw["facts"].items():
        assert bool(each.get("published")) == (each["shown"] == "document"), fact
        for named in each.get("published", ()):
            path, _, test = named.partition("::")
            text = (ROOT / path).read_text("utf-8")
            assert not test or re.search(rf"\bdef {test}\(", text), named
    until = raw["support"]["until"]
    words_ = (ROOT / raw["support"]["source"]).read_text("utf-8").replace("*", "").split()
    assert f"until {until.day} {until:%B %Y}" in " ".join(words_)
    law = ROOT / "src/mortice/assess/data/conformity/psti.toml"
    assert until in tomllib.loads(law.read_text("utf-8"))["support"].values()


# --- one change, one fact -------------------------------------------------------------------------


def bridge(lived: Lived) -> None:
    lived.gives("Home Assistant", FRONT, ends=now() + DAY)
    with lived.cast.hub.database.writing() as db:
        key = db.scalars(select(Key).order_by(Key.id.desc())).first()
        assert key is not None
        key.klass = int(KeyClass.BRIDGE)


def shared(lived: Lived) -> None:
    """Somebody else holds a key for the very same device."""
    leaf = lived.gives("Ben Hale", FRONT, ends=now() + DAY)
    with lived.cast.hub.database.writing() as db:
        ana, ben = (db.scalars(select(Key).where(Key.leaf == each)).one()
                    for each in (lived.leaves["Ana Sousa"], leaf))
        ben.wire = ana.wire


def handed_on(lived: Lived, *, resident: bool = True, pin: bool = False, **times: int) -> None:
    """A resident's endless key, and beneath it a link for somebody else or a PIN."""
    cast, about = lived.cast, dict[str, Any]()
    above, below = (SoftwareKey.from_seed(ED25519, secrets.token_bytes(32)) for _ in "ab")
    doors = frozenset([cast.doors[FRONT].door_id])
    top = sign_grant(Grant(
        above.public, doors, Rights.UNLOCK, site=cast.site.site.id, resident=resident,
        delegable=Rights.UNLOCK, depth=1), cast.grant_key)
    if pin:
        about["credential"] = Credential(CredentialKind.PIN, 3, 1, bytes(64))
    low = sign_grant(Grant(
        above.public if pin else below.public, doors, Rights.UNLOCK, parent=read_grant(top).id,
        exp=times.get("ends"), **about), above)
    lived.gives("Margaret Hale", FRONT, ends=now() + DAY)
    leaf = lived.gives("Tom Reed", FRONT)
    with cast.hub.database.writing() as db:
        for each, wire in ((lived.leaves["Margaret Hale"], [top]), (leaf, [top, low])):
            key = db.scalars(select(Key).where(Key.leaf == each)).one()
            key.wire, key.ends_at = encode_chain(wire), None
            key.what = "pin" if pin and len(wire) > 1 else "key"
    lived.says(FRONT, pins=int(pin))


def browsers_key(lived: Lived, **terms: Rights) -> None:
    add_giver(lived.cast, **{"exp": now() + 90 * DAY} | terms)


def a_guests_link(lived: Lived) -> None:
    leaf = lived.gives("Tom Reed", FRONT, ends=now() + DAY)
    with lived.cast.hub.database.writing() as db:
        db.scalars(select(Key).where(Key.leaf == leaf)).one().what = "claim"


def no_second_factor(lived: Lived) -> None:
    with lived.cast.hub.database.writing() as db:
        account = db.get_one(Account, lived.cast.accounts["manager"].id)
        account.password = "argon"
        db.execute(Passkey.__table__.delete().where(Passkey.account_id == account.id))
        db.add(RecoveryCode(account_id=account.id, hashed=b"a sheet is no second factor"))


def visitors(lived: Lived, **terms: int) -> None:
    with lived.cast.hub.database.writing() as db:
        given(lived.cast, db, **VISITS | terms)


def visitors_stopped(lived: Lived) -> None:
    visitors(lived)
    with lived.cast.hub.database.writing() as db:
        stop(db, db.get_one(Place, lived.cast.place.id), db.scalars(select(HubGrant)).one(),
             db.get_one(Account, lived.cast.accounts["owner"].id))


def no_accounts(lived: Lived) -> None:
    with lived.cast.hub.database.writing() as db:
        db.execute(delete(Membership))


MAY_ISSUE = "this hub may issue visitors' keys to this door"
UNHEARD = "its lock was not heard for a day, or never"
LISTED = ("per_user_credentials", "mfa_and_expiring_grants")  # by a list that is whole
PUT_BACK = "its memory was put back to an older state"
NO_END = "a key or PIN without an end in sight: Tom Reed"
WEAK = "without a second factor: the account of Manager"
CASES: dict[str, tuple[Callable[[Lived], object], dict[str, tuple[object, str]]]] = {
    "a key without an end": (
        lambda lived: lived.gives("Tom Reed", FRONT),
        {"mfa_and_expiring_grants": (False, NO_END)}),
    "a key that ends after years": (
        lambda lived: lived.gives("Tom Reed", FRONT, ends=now() + 401 * DAY),
        {"mfa_and_expiring_grants": (False, NO_END)}),
    "a PIN below a key without an end": (
        lambda lived: lived.gives("Tom Reed", FRONT, what="pin"),
        {"mfa_and_expiring_grants": (False, NO_END)}),
    "a key that only locks": (
        lambda lived: lived.gives("Tom Reed", FRONT, use=Rights.LOCK), {}),
    "a key that has ended": (
        lambda lived: lived.gives("Tom Reed", FRONT, ends=now() - 5), {}),
    "a resident's own key, and a PIN beneath it": (
        lambda lived: handed_on(lived, pin=True), {}),
    "a PIN beneath a resident's key, with another end": (
        lambda lived: handed_on(lived, pin=True, ends=now() + 500 * DAY),
        {"mfa_and_expiring_grants": (False, NO_END)}),
    "a key that a resident handed on": (
        handed_on, {"mfa_and_expiring_grants": (False, NO_END)}),
    "a key that a resident handed on for a week": (
        lambda lived: handed_on(lived, ends=now() + 7 * DAY), {}),
    "a key of another door": (lambda lived: lived.gives("Tom Reed", "Back door"), {}),
    "an account without a second factor": (
        no_second_factor, {"account_2fa": (False, WEAK), "mfa_and_expiring_grants": (False, WEAK)}),
    "a program that opens": (bridge, {"per_user_credentials": (
        False, "Home Assistant opens it for whoever asks that program")}),
    "two people with one key": (
        shared, {"per_user_credentials": (False, "two people hold the same key")}),
    "a browser's key": (browsers_key, {"no_cloud_account": (
        False, "by a touch at this hub's page it opens: Owner")}),
    "a browser's key that only gives": (
        lambda lived: browsers_key(lived, use=Rights.NONE), {"no_cloud_account": (
            False, "by a touch at this hub's page it opens: Owner")}),
    "a guest's link": (a_guests_link, {"no_cloud_account": (
        False, "by a touch at this hub's page it opens: Tom Reed")}),
    "a hub that may issue": (visitors, {"no_cloud_account": (False, MAY_ISSUE)}),
    "a hub that may issue later": (
        lambda lived: visitors(lived, nbf=now() + DAY), {"no_cloud_account": (False, MAY_ISSUE)}),
    "a hub that was stopped, with a copy about": (
        visitors_stopped, {"no_cloud_account": (False, MAY_ISSUE)}),
    "no accounts": (no_accounts, dict.fromkeys(
        ("account_2fa", "mfa_and_expiring_grants"), (None, "this place has no accounts"))),
    "a key taken back, unheard": (
        lambda lived: lived.gives("Old Cleaner", FRONT, taken=now() - 5, ends=now() + DAY),
        {"lockout_and_revocation": (
            False, "taken back, and this door has not confirmed it: Old Cleaner")}),
    "a key taken back, confirmed": (
        lambda lived: lived.gives("Old Cleaner", FRONT, taken=now() - 5, state="gone"), {}),
    "more PINs than are listed": (
        lambda lived: lived.says(FRONT, pins=2), dict.fromkeys(LISTED, (
            None, "its lock has 2 PINs, and this hub lists 0"))),
    "a lock that does not count its PINs": (
        lambda lived: lived.says(FRONT, pins="x"), dict.fromkeys(LISTED, (None, UNHEARD))),
    "a private door": (lambda lived: make_private(lived, FRONT), dict.fromkeys(LISTED, (
        None, "who opened a private door is not looked at"))),
    "a stranger's opening": (
        lambda lived: lived.wrote(FRONT, (5, *opened(secrets.token_bytes(16)))),
        dict.fromkeys(LISTED, (None, "a key that this hub does not list opened it lately"))),
    "an unsure clock": (
        lambda lived: lived.says(FRONT, pins=0, time="unsure"),
        {"log_per_credential_trusted_time": (False, "its clock is unsure")}),
    "a memory that was put back": (
        lambda lived: lived.says(FRONT, pins=0, rolled_back=True),
        dict.fromkeys(("log_per_credential_trusted_time", "log_signed_chained_exportable"), (
            False, PUT_BACK)) | dict.fromkeys(LISTED, (None, PUT_BACK)) | {
                "lockout_and_revocation": (
                    False, f"{PUT_BACK}, so what was taken back may open")}),
    "a log that contradicts itself": (
        lambda lived: change(lived.cast, lambda log: setattr(log, "fault", "Entry 1 differs.")),
        dict.fromkeys(("log_per_credential_trusted_time", "log_signed_chained_exportable"), (
            False, "Entry 1 differs.")) | dict.fromkeys(
                ("event_log", *LISTED), (None, "Entry 1 differs."))),
    "a lock that was not heard": (
        lambda lived: lived.says(FRONT, pins=0, ago=DAY + 60), dict.fromkeys(
            (*posture.LOG, *LISTED), (None, UNHEARD))),
    "a lock that is quiet for an hour": (
        lambda lived: lived.says(FRONT, pins=0, ago=3600, connected=False), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_moves_its_facts_and_no_others(cast: Cast, lived: Lived, name: str) -> None:
    happens, moved = CASES[name]
    before = look(cast).facts
    happens(lived)
    after = look(cast)
    assert {fact for fact in before | after.facts
            if before.get(fact) != after.facts.get(fact)} == set(moved)
    for fact, (counts, why) in moved.items():
        assert (after.facts.get(fact), after.door.facts[fact].note) == (counts, why)


def test_what_is_put_right_counts_again(cast: Cast, lived: Lived) -> None:
    lived.gives("Tom Reed", FRONT)
    assert said(cast, "mfa_and_expiring_grants") is False
    with cast.hub.database.writing() as db:
        db.scalars(select(Key).where(Key.leaf == lived.leaves["Tom Reed"])).one().ends_at = now()
    assert said(cast, "mfa_and_expiring_grants") == "measured"


def test_a_link_to_issue_counts_until_this_door_confirms_that_it_was_taken_back(
    cast: Cast, lived: Lived) -> None:
    visitors(lived)
    with cast.hub.database.writing() as db:
        take_back(db, db.get_one(Place, cast.place.id), owner_takes_back(
            cast, (db.scalars(select(HubGrant)).one().leaf, now() + 400 * DAY)))
    assert said(cast, "no_cloud_account") is False
    for state, counts in ((REFUSED, False), (ON_DOOR, "document")):
        with cast.hub.database.writing() as db:
            db.execute(update(Delivery).where(
                Delivery.door_id == cast.doors[FRONT].id).values(state=state))
        assert said(cast, "no_cloud_account") == counts
    assert look(cast, "Back door").facts["no_cloud_account"] is False


def test_a_door_that_was_never_heard_shows_no_list_of_keys(cast: Cast, lived: Lived) -> None:
    lived.gives("Tom Reed", "Back door", ends=now() + DAY)
    found = look(cast, "Back door").door.facts
    assert [found[fact] for fact in LISTED] == [Shown(None, note=UNHEARD)] * 2


def test_a_place_without_keys_is_not_praised_for_it(cast: Cast, lived: Lived) -> None:
    facts = look(cast, "Back door").facts
    assert facts["per_user_credentials"] is facts["mfa_and_expiring_grants"] is None
    assert facts["event_log"] is None


def test_a_private_door_tells_no_comings(cast: Cast, lived: Lived) -> None:
    """Neither how many entries there are, nor that somebody came whom nobody knows."""
    make_private(lived, FRONT)
    before = look(cast)
    lived.wrote(FRONT, (5, *opened(secrets.token_bytes(16))))
    change(cast, lambda log: setattr(log, "head_size", log.size))
    after = look(cast)
    assert before.door.facts == after.door.facts
    assert "multi_household" in before.door.used


def test_the_support_date_passes(monkeypatch: pytest.MonkeyPatch, cast: Cast, lived: Lived) -> None:
    until, made = support(date(2026, 11, 25)).until, look(cast)
    at = now() + ((until - made.day).days + 1) * DAY
    for module in (strength, posture):
        monkeypatch.setattr(module, "now", lambda: at)
    assert said(cast, "support_ge_2y_left") is False
    assert look(cast).verdict.layers["V-LEG"].could_be == 1


# --- with what the owner said ---------------------------------------------------------------------


ANY = DoorSet("", smart=True, default=None, used=frozenset(), facts={})


@pytest.mark.parametrize(("theirs", "ours", "wins"), [
    ("document", False, False), (False, "document", False), ("owner", "document", "document"),
    ("register", "document", "register"), ("owner", None, "owner"), (None, "measured", "measured")])
def test_a_no_stands_and_else_the_better_evidence(
    theirs: Said, ours: Said, wins: Said) -> None:
    found = better(
        {"event_log": Shown(theirs)}, {"event_log": Shown(ours)}, ANY, date(2026, 11, 25))
    assert found["event_log"].said == wins


def test_what_ended_takes_nothing_from_what_still_counts() -> None:
    """B48: on a day when both count, the better shown; then the one that is left."""
    on, until = date(2026, 3, 1), date(2026, 9, 1)
    ends, lasts = Shown("measured", on, until), Shown("owner", on)
    for said, ours in ((ends, lasts), (lasts, ends)):
        for day, wins in ((until, ends), (until + timedelta(days=1), lasts)):
            assert better({"leaf_sound": said}, {"leaf_sound": ours}, ANY, day) == {
                "leaf_sound": wins}
    changed = replace(ANY, changed={"cylinder": on + timedelta(days=1)})
    new = Shown("owner", until)
    assert better({"projection_le_3mm": ends}, {"projection_le_3mm": new}, changed, until) == {
        "projection_le_3mm": new}


def test_a_trial_is_a_claim_after_a_year() -> None:
    on = date(2026, 3, 1)
    for fact, until in (("low_battery_warning", on + timedelta(days=365)), ("leaf_sound", None)):
        found = better({fact: Shown("measured", on)}, {}, ANY, on)
        assert found == {fact: Shown("measured", on, until)}
    sooner = Shown("measured", on, on + timedelta(days=90))  # due again (B56)
    assert better({"low_battery_warning": sooner}, {}, ANY, on) == {"low_battery_warning": sooner}


def test_a_battery_test_older_than_a_year_is_a_claim(
    monkeypatch: pytest.MonkeyPatch, cast: Cast, lived: Lived, as_: AsRole) -> None:
    path = f"{cast.base}/security/{cast.doors[FRONT].ref}/tried"
    client, fact = as_("owner"), "low_battery_warning"
    assert said(cast, fact) is None
    for worked, counts in (("yes", "owner"), ("no", False), ("yes", "owner")):
        assert client.post(path, data={"fact": fact, "worked": worked}).status_code == 303
        assert said(cast, fact) == counts
    assert look(cast, "Back door").facts.get(fact) is None
    for days, later in ((365, "owner"), (366, "claim")):
        monkeypatch.setattr(strength, "now", lambda days=days: now() + days * DAY)
        assert said(cast, fact) == later


def test_a_trial_that_failed_stays_until_another_works(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    """B47: retention deletes what was done here, and not that the way out is stuck."""
    path, fact = f"{cast.base}/security/{cast.doors[FRONT].ref}/tried", posture.TRIALS[0]
    as_("owner").post(path, data={"fact": fact, "worked": "no"})
    assert tidy(cast.hub.database, now() + 2200 * DAY)["acts"] >= 1
    assert look(cast).verdict.life == "FAIL"
    assert not set(posture.TRIALS) & questions().keys()  # rows of the same table
    as_("owner").post(path, data={"fact": fact, "worked": "yes"})
    assert said(cast, fact) == "owner"


def test_only_what_can_be_tried_is_written_down(cast: Cast, lived: Lived, as_: AsRole) -> None:
    path = f"{cast.base}/security/{cast.doors[FRONT].ref}/tried"
    for form in ({}, {"fact": "pas24", "worked": "yes"}, {"fact": posture.TRIALS[0]},
                 {"fact": posture.TRIALS[0], "worked": "perhaps"}):
        assert as_("owner").post(path, data=form).status_code == 422
    assert look(cast).facts.get("pas24") is None


# --- drift ----------------------------------------------------------------------------------------


def keep_as_of(cast: Cast, days: int) -> None:
    with cast.hub.database.writing() as db:
        door = db.get_one(Door, cast.doors[FRONT].id)
        made = judged(db, door)
        keep(db, door, made.day - timedelta(days=days), seen(made))


def told(cast: Cast) -> list[Change] | None:
    with cast.hub.database.reading() as db:
        door = db.get_one(Door, cast.doors[FRONT].id)
        return changes(db, door, judged(db, door))


def test_a_key_without_an_end_lowers_it_the_same_day(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    assert told(cast) is None
    keep_as_of(cast, 1)
    assert told(cast) == []
    lived.gives("Tom Reed", FRONT)
    day = look(cast).day
    assert told(cast) == [Change(day, day - timedelta(days=1), [("A-ACC", 3, 2)], [
        ("mfa_and_expiring_grants", "measured", False)], [])]
    text = words(as_("owner").get(f"{cast.base}/security").text)
    assert "Who has access: level 3, now 2 lower" in text
    assert NO_END.removeprefix("a key") in text


def test_each_day_is_told_apart(cast: Cast, lived: Lived) -> None:
    keep_as_of(cast, 20)  # longer ago than is shown
    keep_as_of(cast, 3)
    no_second_factor(lived)
    keep_as_of(cast, 1)
    lived.gives("Tom Reed", FRONT, taken=now(), ends=now() + DAY)
    found = told(cast)
    assert found is not None
    assert [[fact for fact, _, _ in each.facts] for each in found] == [
        ["lockout_and_revocation"], ["account_2fa", "mfa_and_expiring_grants"]]
    assert [each.levels for each in found] == [[("A-ACC", 2, 1)], [("A-ACC", 3, 2)]]


def test_the_gate_drifts_too(cast: Cast, lived: Lived, as_: AsRole) -> None:
    """The way out counts otherwise where others live, though no fact and no level moved."""
    owner, door = as_("owner"), f"{cast.base}/doors/{cast.doors[FRONT].ref}"
    for question, answer in (
        ("household", "one"), ("fire_door", "no"), ("held", "no"), ("way_out", "yes")):
        owner.post(f"{door}/strength/ask/{question}", data={"answer": answer, "how": "owner"})
    keep_as_of(cast, 1)
    make_private(lived, "Back door")
    [found] = told(cast) or []
    assert found.gate == [("life", "PASS", "UNKNOWN"), ("multi_household", None, True)]
    assert found.levels == []
    text = words(owner.get(f"{cast.base}/security").text)
    assert "That people inside get out: shown, now not shown lower" in text
    assert "Now so: several households use it." in text
    assert "Nothing changed" not in text.split("Back door")[0]


def test_a_change_is_told_however_long_ago_the_last_day_was(cast: Cast, lived: Lived) -> None:
    keep_as_of(cast, 300)
    keep_as_of(cast, 200)
    lived.gives("Tom Reed", FRONT)
    day = look(cast).day
    assert [(each.day, each.before) for each in told(cast) or []] == [
        (day, day - timedelta(days=200))]


def test_a_day_kept_by_another_release_breaks_nothing(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    with cast.hub.database.writing() as db:
        door = db.get_one(Door, cast.doors[FRONT].id)
        made = judged(db, door)
        was = seen(made)
        was["facts"] |= {"of_another_release": "photo", "event_log": "of another kind"}
        was["levels"]["X-NEW"] = 2
        del was["gate"]
        keep(db, door, made.day - timedelta(days=1), was)
    [found] = told(cast) or []
    assert (found.levels, found.facts, found.gate) == (
        [], [("event_log", "of another kind", "measured")], [])
    answer = as_("owner").get(f"{cast.base}/security")
    assert "was of another kind, now a measurement" in words(answer.text)


def test_one_door_that_cannot_be_judged_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cast: Cast, lived: Lived,
) -> None:
    judge = drift.judged

    def breaks(db: Session, door: Door) -> Assessment:
        if door.label == FRONT:
            raise TypeError
        return judge(db, door)

    monkeypatch.setattr(drift, "judged", breaks)
    keep_today(cast.hub.database)
    with cast.hub.database.reading() as db:
        assert [row.door_id for row in db.scalars(select(Posture))] == [cast.doors["Back door"].id]
    assert f"no posture was kept of door {cast.doors[FRONT].id}" in caplog.text


def test_a_lock_that_says_nonsense_of_its_clock_breaks_nothing(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    for time in ([1], {"a": 1}, None):
        lived.says(FRONT, pins=0, time=time)
        assert said(cast, "log_per_credential_trusted_time") is False
        assert as_("owner").get(f"{cast.base}/security").status_code == 200


def test_what_is_kept_has_no_names_and_ends(cast: Cast, lived: Lived) -> None:
    lived.gives("Tom Reed", FRONT)
    keep_as_of(cast, 401)
    keep_today(cast.hub.database)
    keep_today(cast.hub.database)
    with cast.hub.database.reading() as db:
        rows = db.scalars(select(Posture)).all()
    assert [row.door_id for row in rows] == [cast.doors[FRONT].id, cast.doors["Back door"].id]
    kept = json.dumps([row.seen for row in rows])
    assert not [name for name in ("Tom", "Reed", "Sousa", "Manager") if name in kept]


# --- page and API ---------------------------------------------------------------------------------


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split()).replace(" .", ".")


def test_the_page_says_what_is_known_by_which_evidence(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    no_second_factor(lived)
    answer = as_("owner").get(f"{cast.base}/security")
    text = words(answer.text)
    assert f"{WEAK[:1].upper()}{WEAK[1:]}, {look(cast).day:%-d %B %Y}" in text
    assert f'href="{cast.base}/settings/team">Fix this' in answer.text
    assert "Not so : updates are signed, and older ones refused" in text
    assert "%" not in text
    assert ">Security<" in as_("manager").get(cast.base).text
    assert f"{cast.base}/settings/team" not in as_("manager").get(f"{cast.base}/security").text


def test_a_program_needs_a_scope_of_its_own_and_gets_no_names(cast: Cast, lived: Lived) -> None:
    no_second_factor(lived)
    lived.gives("Tom Reed", FRONT)
    path = f"/api/v1/places/{cast.place.ref}/doors/{cast.doors[FRONT].ref}/posture"
    for scope, status in (("settings:read", 403), ("strength:read", 200)):
        with cast.hub.database.writing() as db:
            _, secret = make_token(db, db.get_one(Account, cast.accounts["manager"].id),
                                   db.get_one(Place, cast.place.id), "Monitor", ([scope], 5))
        with browser(cast.hub) as client:
            answer = client.get(path, headers={"authorization": f"Bearer {secret}"})
        assert answer.status_code == status
    assert not [name for name in ("Tom Reed", "Manager", "Ana Sousa") if name in answer.text]
    assert answer.json()["evidence"]["mfa_and_expiring_grants"]["counts"] is False


def test_the_api_says_what_the_command_says(cast: Cast, lived: Lived, as_: AsRole) -> None:
    path = f"/api/v1/places/{cast.place.ref}/doors/{cast.doors[FRONT].ref}/posture"
    answer = as_("owner").get(path)
    made = look(cast)
    assert {key: value for key, value in answer.json().items() if key != "evidence"} == json.loads(
        json.dumps(as_json(model(), made)))
    assert answer.json()["evidence"]["signed_updates"] == {
        "shown": False, "on": published()["signed_updates"].on.isoformat(),  # type: ignore[union-attr]
        "until": None, "note": "", "counts": False}
    assert answer.json()["evidence"]["event_log"]["note"] == "its log is kept here, and fits"
    assert as_("auditor").get(path).status_code == 200
    assert as_("member").get(path).status_code == 403
    assert as_("owner").get(path.replace(cast.doors[FRONT].ref, "zzzzzzzzzz")).status_code == 404
