"""An installer's report at the hub: the newest that the door's own log names, and no other."""

# ruff: noqa: ANN401 - lists of any shape
from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hubs import Cast
from lived import Lived
from PIL import Image
from starlette.testclient import TestClient
from tests.assess.filled import filled

from mortice.assess.checklist import KEPT, Report, as_report
from mortice.assess.doorset import Shown
from mortice.assess.evaluate import Life
from mortice.assess.text import Lines
from mortice.core.document import id_of
from mortice.core.freshness import sign_checked
from mortice.core.log import Kind
from mortice.hub.checked import facts_of, last_check
from mortice.hub.drift import judged
from mortice.hub.privacy import tidy
from mortice.hub.tables import Act, Door, DoorCheck, DoorReport, Log, Place, now

AsRole = Callable[[str], TestClient]
FRONT, BACK = "Front door", "Back door"
DAY = 86_400


@pytest.fixture
def lived(cast: Cast) -> Lived:
    return Lived(cast)


@pytest.fixture
def owner(as_: AsRole) -> TestClient:
    return as_("owner")


def signed(cast: Cast, label: str = FRONT, at: int | None = None, **changed: Any,
           ) -> tuple[bytes, bytes]:
    """A kept file of a report on which all passes unless changed, and its record's name."""
    at = at or now() - 900
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    raw = filled(**changed) | {
        "on": day, "site": cast.site.site.id.hex(), "door": cast.doors[label].door_id.hex()}
    report = as_report(raw, Lines())
    record = sign_checked(cast.site.site.id, report.record(at), cast.grant_key)
    made = {"format": KEPT, "report": report.raw, "record": record.hex(), "receipt": "00"}
    return json.dumps(made).encode(), id_of(record)


def sends(client: TestClient, cast: Cast, body: bytes, label: str = FRONT) -> Any:
    return client.post(f"{cast.base}/doors/{cast.doors[label].ref}/checked",
                       files={"file": ("front.checked.json", body)}, follow_redirects=False)


def page(client: TestClient, cast: Cast, more: str = "/checked", label: str = FRONT) -> str:
    return client.get(f"{cast.base}/doors/{cast.doors[label].ref}{more}").text


def door(cast: Cast, db: Any, label: str = FRONT) -> Door:
    found: Door = db.get_one(Door, cast.doors[label].id)
    return found


def shown(cast: Cast, label: str = FRONT) -> dict[str, Shown]:
    with cast.hub.database.reading() as db:
        return facts_of(db, door(cast, db, label))


def test_a_door_nobody_checked_says_so(cast: Cast, lived: Lived, owner: TestClient) -> None:
    lived.wrote(FRONT, (900, Kind.LEAF_SEEN, {6: "open"}))
    assert "Nobody has checked this door" in page(owner, cast)
    assert "Checked on" not in page(owner, cast, "")
    assert shown(cast) == {}


def test_a_check_in_the_log_is_told_with_whose_it_was(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    leaf = lived.gives("Jo Fitter", FRONT)
    _, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 2, 1: leaf}))
    for more in ("", "/checked"):
        told = page(owner, cast, more)
        assert "Checked on" in told
        assert "by Jo Fitter; failed: 2" in told
    assert "Checked on" not in page(owner, cast, "", BACK)
    [fact] = shown(cast)  # what was found is in the report
    assert fact == "commissioning_complete"


def test_a_report_that_is_withheld_hides_no_fail(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    """B59: whatever the owner says, until the report is there."""
    photo = BytesIO()
    Image.new("RGB", (64, 64)).save(photo, "JPEG")
    at = f"{cast.base}/doors/{cast.doors[FRONT].ref}/strength/ask/commissioned"
    assert owner.post(
        at, data={"answer": "fitter", "how": "document"}, follow_redirects=False,
        files={"photo": ("a.jpg", photo.getvalue(), "image/jpeg")}).status_code == 303
    counts = []
    for failed, change in ((0, {}), (1, {"C12": {"result": "fail", "note": "7 mm outside"}})):
        body, name = signed(cast, at=now() - 900 + failed, **change)
        lived.wrote(FRONT, (900 - failed, Kind.CHECKED, {11: name, 20: failed}))
        with cast.hub.database.reading() as db:
            counts.append(judged(db, door(cast, db)).facts["commissioning_complete"])
    assert counts == ["document", False]
    assert shown(cast)["commissioning_complete"].note == (
        "items failed when it was checked: 1; its report is not here")
    assert sends(owner, cast, body).status_code == 303
    assert shown(cast)["bolt_throws_fully"].said == "measured"


def test_the_report_that_the_log_names_counts(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast, C12={"result": "fail", "note": "7 mm outside"})
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 1}))
    assert sends(owner, cast, body).status_code == 303
    found = shown(cast)
    assert found["bolt_throws_fully"].said == "measured"
    assert found["projection_le_3mm"].note == "C12 of a list that an installer signed"
    with cast.hub.database.reading() as db:
        made = judged(db, door(cast, db))
        assert made.facts["projection_le_3mm"] is False
        assert db.query(Act).filter_by(what="brought an installer's report").count() == 1
    told = page(owner, cast)
    assert "7 mm outside" in told
    assert "Due again by" in told


def test_the_levels_follow_the_report(cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    with cast.hub.database.reading() as db:
        before = judged(db, door(cast, db)).verdict.layers["P-INST"].level
    sends(owner, cast, body)
    with cast.hub.database.reading() as db:
        after = judged(db, door(cast, db)).verdict.layers["P-INST"].level
    assert (before, after >= 2) == (0, True)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"format": "mortice-report/1"}'])
def test_what_is_no_report_is_not_taken(
    body: bytes, cast: Cast, lived: Lived, owner: TestClient) -> None:
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: signed(cast)[1], 20: 0}))
    answer = sends(owner, cast, body)
    assert answer.status_code == 422
    assert "That is no signed report" in answer.text
    assert shown(cast) == {}


def test_a_report_that_was_changed_is_not_taken(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    kept = json.loads(body)
    kept["report"]["items"]["C18"]["values"]["load"] = 12
    assert "changed after it was signed" in sends(owner, cast, json.dumps(kept).encode()).text
    assert shown(cast) == {}


def test_only_the_newest_check_of_that_door_counts(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    first, name = signed(cast)
    assert "names no check yet" in sends(owner, cast, first).text
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    lived.wrote(BACK, (900, Kind.LEAF_SEEN, {6: "open"}))
    assert sends(owner, cast, first, BACK).status_code == 422
    assert sends(owner, cast, first).status_code == 303
    second, later = signed(cast, at=now() - 60, C12={"result": "fail", "note": "4 mm"})
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}), (60, Kind.CHECKED, {
        11: later, 20: 1}))
    # another was made since, and its report is not here yet
    assert [*shown(cast)] == ["commissioning_complete"]
    assert "is another" in sends(owner, cast, first).text
    sends(owner, cast, second)
    assert shown(cast)["projection_le_3mm"].said is False


@pytest.mark.parametrize("ahead", [2, 1000, -32, None])
def test_a_report_of_another_day_than_its_signature_is_not_taken(
    ahead: int | None, cast: Cast, lived: Lived, owner: TestClient) -> None:
    """B56; and the pages stand whatever was sent."""
    day = date(9999, 12, 31) if ahead is None else (
        datetime.fromtimestamp(now(), UTC).date() + timedelta(days=ahead))
    raw = filled() | {"on": str(day), "site": cast.site.site.id.hex(),
                      "door": cast.doors[FRONT].door_id.hex()}
    report = Report(raw, day)
    record = sign_checked(cast.site.site.id, report.record(now()), cast.grant_key)
    body = json.dumps({"format": KEPT, "report": raw, "record": record.hex(), "receipt": "00"})
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: id_of(record), 20: 0}))
    assert sends(owner, cast, body.encode()).status_code == 422
    assert shown(cast) == {}
    assert owner.get(f"{cast.base}/security").status_code == 200


def test_a_check_that_ended_takes_nothing_from_what_was_said_since(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    """B48."""
    body, name = signed(cast, at=now() - 500 * DAY)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    at = f"{cast.base}/doors/{cast.doors[FRONT].ref}/strength"
    owner.post(f"{at}/ask/way_out", data={"answer": "yes", "how": "owner"})
    assert sends(owner, cast, body).status_code == 303
    with cast.hub.database.reading() as db:
        assert judged(db, door(cast, db)).facts["escape_without_key_or_power"] == "owner"


def test_the_same_report_twice_is_kept_once(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    assert [sends(owner, cast, body).status_code for _ in range(2)] == [303, 303]
    with cast.hub.database.reading() as db:
        assert db.query(DoorCheck).count() == 1
        assert db.query(Act).filter_by(what="brought an installer's report").count() == 1


def test_a_check_that_failed_stays_when_the_entries_of_its_log_have_gone(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    """B59: else a door whose way out is stuck would be unknown two years later."""
    body, name = signed(cast, at=now() - 731 * DAY, C02={
        "result": "fail", "note": "stuck", "values": {"tries": 3, "opened": 0}})
    lived.wrote(FRONT, (731 * DAY, Kind.CHECKED, {11: name, 20: 1}))
    sends(owner, cast, body)
    assert tidy(cast.hub.database, now())["changes"] == 1
    with cast.hub.database.reading() as db:
        assert judged(db, door(cast, db)).verdict.life is Life.FAIL
    assert "Checked on" in page(owner, cast)
    later, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    assert shown(cast) == {}  # a newer one counts, and its report is not here
    sends(owner, cast, later)
    assert shown(cast)["escape_without_key_or_power"].said == "measured"


def test_a_check_of_another_lock_counts_no_more(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    sends(owner, cast, body)
    with cast.hub.database.writing() as db:
        db.query(Log).update({"ended_at": now()})
    assert shown(cast) == {}


def test_no_fact_and_no_report_says_who_signed_the_list(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    sends(owner, cast, body)
    owner.post(f"{cast.base}/doors/{cast.doors[FRONT].ref}/strength/report")
    with cast.hub.database.reading() as db:
        report = db.query(DoorReport).one().content.decode()
    assert "a list that an installer signed" in report
    assert "Jo Fitter" not in report + owner.get(f"{cast.base}/security").text


def test_whoever_may_only_read_sends_nothing(
    cast: Cast, lived: Lived, as_: AsRole) -> None:
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
    assert "Send it" not in page(as_("auditor"), cast)
    assert sends(as_("auditor"), cast, body).status_code == 403
    assert sends(as_("member"), cast, body).status_code == 403


@pytest.mark.parametrize("role", ["owner", "manager", "auditor"])
def test_at_a_private_room_no_page_says_who_came_and_when(
    role: str, cast: Cast, lived: Lived, as_: AsRole) -> None:
    owner, leaf = as_("owner"), lived.gives("Jo Fitter", FRONT)
    body, name = signed(cast)
    lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 2, 1: leaf}))
    with cast.hub.database.writing() as db:
        door(cast, db).private = True
    other = sends(owner, cast, signed(cast, at=now() - 800)[0]).text
    assert "Send the newest." in other
    for sent in (b"", body):
        if sent:
            sends(owner, cast, sent)
        told = page(as_(role), cast)
        assert "Somebody checked this door." in told
        assert not re.search(r"Jo Fitter|Checked on|failed: 2", told)
        assert "Checked on" not in page(as_(role), cast, "")


def test_old_reports_end_and_the_newest_stays(
    cast: Cast, lived: Lived, owner: TestClient) -> None:
    for at in (now() - 900, now() - 840):
        body, name = signed(cast, at=at)
        lived.wrote(FRONT, (900, Kind.CHECKED, {11: name, 20: 0}))
        assert sends(owner, cast, body).status_code == 303
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).retention = {"strength": 30}
        for row in db.query(DoorCheck):
            row.made_at -= 40 * DAY
    assert tidy(cast.hub.database, now())["strength"] == 1
    with cast.hub.database.reading() as db:
        last = last_check(db, door(cast, db))
        assert last is not None
        assert last.report is not None
