"""How strong a door is: answers are kept, photos are only pictures, a report is what was known."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hubs import Cast
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from mortice.assess.model import model
from mortice.assess.questions import questions
from mortice.assess.report import canonical, judged_again, sealed, unsealed
from mortice.core.errors import Malformed, Untrusted
from mortice.hub.backup import back_up, restore
from mortice.hub.drift import judged
from mortice.hub.gate import PHOTO_BYTES
from mortice.hub.hub import make_hub
from mortice.hub.pages.strength import MOST_PHOTOS
from mortice.hub.photos import EDGE, kept
from mortice.hub.privacy import DAY, tidy
from mortice.hub.problems import Problem
from mortice.hub.report_paper import report_paper
from mortice.hub.settings import Settings
from mortice.hub.tables import Act, Door, DoorPhoto, DoorReport, DoorSaid, Hold, Place, now

AsRole = Callable[[str], TestClient]
ROOT = Path(__file__).parents[2]
SPOT = (51.0, 30.0, 0.0)  # degrees, minutes, seconds north


def photo(form: str = "JPEG", size: tuple[int, int] = (640, 480), *, turned: bool = False) -> bytes:
    """A photo as a phone takes it: with the place where it was taken, and perhaps turned."""
    exif = Image.Exif()
    exif[0x010F] = "Phone maker"
    exif[0x0112] = 6 if turned else 1
    exif.get_ifd(0x8825)[2] = SPOT
    out = io.BytesIO()
    drawn = Image.new("RGB", size, (120, 90, 20))
    drawn.save(out, form, exif=exif, comment=b"GPS 51.5 -0.12") if form == "JPEG" else drawn.save(
        out, form, exif=exif)
    return out.getvalue()


@pytest.fixture
def owner(as_: AsRole) -> TestClient:
    return as_("owner")


@pytest.fixture
def at(cast: Cast) -> str:
    return f"{cast.base}/doors/{cast.doors['Front door'].ref}/strength"


def says(client: TestClient, at: str, question: str, answer: str, sent: bytes = b"",
         **form: str) -> Any:  # noqa: ANN401 - httpx2's own
    files = {"photo": ("IMG_1.jpg", sent, "image/jpeg")} if sent else None
    return client.post(f"{at}/ask/{question}", data={"answer": answer, **form}, files=files)


def rows(cast: Cast, table: Any) -> list[Any]:  # noqa: ANN401 - a mapped class
    with cast.hub.database.reading() as db:
        return list(db.scalars(select(table).order_by(table.id)))


# --- questions ------------------------------------------------------------------------------------


def test_one_question_follows_the_other(owner: TestClient, at: str) -> None:
    assert "Begin" in owner.get(at).text
    step, seen = owner.get(f"{at}/ask").headers["location"], list[str]()
    while "/ask/" in step:
        question = step.rsplit("/", 1)[1]
        seen.append(question)
        assert questions()[question].ask in owner.get(step).text.replace("&#39;", "'")
        first = next(iter(questions()[question].answers))
        step = says(owner, at, question, first, how="owner").headers["location"]
    assert step == at
    assert len(seen) == len(set(seen))
    assert owner.get(f"{at}/ask").headers["location"] == at  # nothing is left


def test_one_may_stop_and_go_on_later(owner: TestClient, at: str) -> None:
    says(owner, at, "household", "one")
    assert says(owner, at, "fire_door", "no", go="verdict").headers["location"] == at
    assert owner.get(f"{at}/ask").headers["location"] == f"{at}/ask/held"
    assert "checked" in owner.get(f"{at}/ask/household").text


def test_an_answer_is_never_written_over(cast: Cast, owner: TestClient, at: str) -> None:
    says(owner, at, "leaf", "yes", how="owner")
    says(owner, at, "leaf", "no")
    assert [row.answer for row in rows(cast, DoorSaid)] == ["yes", "no"]
    assert [act.about["answer"] for act in rows(cast, Act)
            if act.what == "said what a door is like"] == ["yes", "no"]
    assert "the leaf has no split" in owner.get(at).text  # to be changed now


@pytest.mark.parametrize(("question", "form", "where", "words"), [
    ("leaf", {}, "answer", "Choose one"), ("leaf", {"answer": "perhaps"}, "answer", "Choose one"),
    ("leaf", {"answer": "yes", "how": "lab"}, "how", "how you know"),
    ("leaf", {"answer": "yes", "how": "photo"}, "photo", "Add a photo"),
    ("projection", {"answer": "flush", "how": "measured"}, "note", "Write down"),
    ("stars_other", {"answer": "en2015", "how": "owner", "note": "1 6 0"}, "note", "8 places"),
    ("set", {"answer": "pas24", "how": "register"}, "note", "Write down"),
    ("set", {"answer": "pas24", "how": "register", "note": "BSI"}, "note", "number"),
    ("set", {"answer": "pas24", "how": "register", "note": "12345"}, "note", "name"),
    ("leaf", {"answer": "yes", "how": "owner", "until": "soon"}, "until", "a day"),
    ("leaf", {"answer": "yes", "how": "owner", "until": "9999-12-31"}, "until", "2199")])
def test_a_wrong_answer_changes_nothing_and_says_why(  # noqa: PLR0913, PLR0917
    cast: Cast, owner: TestClient, at: str, question: str, form: dict[str, str], where: str,
    words: str,
) -> None:
    answer = owner.post(f"{at}/ask/{question}", data=form)
    assert answer.status_code == 422
    assert f'href="#f-{where}"' in answer.text
    assert f'id="f-{where}"' in answer.text
    assert words in answer.text
    assert rows(cast, DoorSaid) == []


def test_no_paper_is_asked_for_what_is_not_so(owner: TestClient, at: str) -> None:
    assert says(owner, at, "set", "none", how="photo").status_code == 303
    assert says(owner, at, "leaf", "unknown", how="photo").status_code == 303


def test_the_security_page_knows_what_was_said(cast: Cast, owner: TestClient, at: str) -> None:
    says(owner, at, "leaf", "yes", how="owner")
    with cast.hub.database.reading() as db:
        front, back = (judged(db, db.get_one(Door, cast.doors[name].id))
                       for name in ("Front door", "Back door"))
    assert (front.facts["leaf_sound"], back.facts.get("leaf_sound")) == ("owner", None)


def test_who_sees_it(as_: AsRole, at: str) -> None:
    for role, status in (("owner", 200), ("manager", 200), ("auditor", 200), ("member", 403)):
        assert as_(role).get(at).status_code == status
    assert as_("auditor").post(f"{at}/ask/leaf", data={"answer": "yes"}).status_code == 403


# --- photos ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_kept_without_what_the_phone_wrote(
    cast: Cast, owner: TestClient, at: str, form: str) -> None:
    sent = photo(form)
    assert b"Phone maker" in sent
    assert says(owner, at, "leaf", "yes", sent, how="photo").status_code == 303
    (row,) = rows(cast, DoorPhoto)
    assert (row.sha256, row.sent_sha256) == tuple(
        hashlib.sha256(each).hexdigest() for each in (row.content, sent))
    assert not re.search(rb"Exif|Phone|GPS|XMP|http", row.content)
    shown = owner.get(f"{at}/photos/{row.ref}")
    assert (shown.content, shown.headers["content-type"]) == (row.content, "image/jpeg")
    assert Image.open(io.BytesIO(shown.content)).size == (640, 480)


def test_a_photo_stands_as_it_was_taken_and_is_made_smaller(
    cast: Cast, owner: TestClient, at: str) -> None:
    says(owner, at, "leaf", "yes", photo(size=(4000, 3000), turned=True), how="photo")
    (row,) = rows(cast, DoorPhoto)
    assert Image.open(io.BytesIO(row.content)).size == (EDGE * 3 // 4, EDGE)


@pytest.mark.parametrize("sent", [
    b"<svg/>", b"%PDF-1.7", photo()[:300], b"\x89PNG\r\n\x1a\n" + bytes(40), b"GIF89a" + bytes(90),
    photo("PNG", (6000, 6000))], ids=["svg", "pdf", "cut", "torn", "gif", "huge"])
def test_what_is_no_photo_is_refused(cast: Cast, owner: TestClient, at: str, sent: bytes) -> None:
    answer = says(owner, at, "leaf", "yes", sent, how="photo")
    assert answer.status_code == 422
    assert 'id="e-photo"' in answer.text
    assert rows(cast, DoorPhoto) == rows(cast, DoorSaid) == []


def jpeg(side: int, *, progressive: bool = False) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side)).save(out, "JPEG", progressive=progressive)
    return out.getvalue()


def test_what_is_held_whole_while_it_is_decoded_may_have_fewer_points() -> None:
    """Refused by what it says of itself, before anything of it is decoded."""
    rows, whole = jpeg(6000), jpeg(6000, progressive=True)
    assert Image.open(io.BytesIO(kept(rows).content)).size == (EDGE, EDGE)
    assert kept(jpeg(900, progressive=True)).content
    scan = rows.index(b"\xff\xda") + 2
    apart = rows[:scan] + b"\x00\x08\x01\x01\x00\x00\x3f\x00" + rows[scan + 12:]
    for sent in (whole, apart, jpeg(8001)):
        with pytest.raises(Problem) as error:
            kept(sent)
        assert "too many points" in error.value.fields["photo"]


@pytest.mark.filterwarnings("ignore")  # of what a torn photo says of itself
@settings(max_examples=400, deadline=None)
@given(st.sampled_from([photo("JPEG", (64, 48), turned=True), photo("PNG", (64, 48)),
                        photo("WEBP", (64, 48))]),
       st.lists(st.tuples(st.integers(0, 220), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_torn_photo_is_kept_or_refused(sent: bytes, changes: list[tuple[int, int]]) -> None:
    torn = bytearray(sent)
    for place, value in changes:
        torn[place % len(torn)] = value
    with suppress(Problem):
        assert kept(bytes(torn)).content.startswith(b"\xff\xd8")


def test_a_photo_is_bounded(cast: Cast, owner: TestClient, at: str) -> None:
    big = owner.post(f"{at}/ask/leaf", content=bytes(PHOTO_BYTES + 1))
    assert (big.status_code, "10 MB" in big.text) == (413, True)
    with cast.hub.database.writing() as db:
        db.add_all(DoorPhoto(door_id=cast.doors["Front door"].id, question="leaf", content=b"",
                             sha256="", sent_sha256="") for _ in range(MOST_PHOTOS))
    assert says(owner, at, "leaf", "yes", photo(), how="photo").status_code == 422


def test_a_removed_photo_leaves_the_owners_word(cast: Cast, owner: TestClient, at: str) -> None:
    says(owner, at, "leaf", "yes", photo(), how="photo")
    (row,) = rows(cast, DoorPhoto)
    with cast.hub.database.writing() as db:
        db.add(Hold(place_id=cast.place.id, reason="a dispute", ends_at=now() + 60))
    assert owner.post(f"{at}/photos/{row.ref}/remove").status_code == 409
    owner.post(f"{cast.base}/settings/privacy/hold/end")
    with cast.hub.database.writing() as db:
        db.query(Hold).delete()
    assert owner.post(f"{at}/photos/{row.ref}/remove").status_code == 303
    assert owner.get(f"{at}/photos/{row.ref}").status_code == 404
    with cast.hub.database.reading() as db:
        made = judged(db, db.get_one(Door, cast.doors["Front door"].id))
    assert made.facts["leaf_sound"] == "owner"
    assert [act.about["sha256"] for act in rows(cast, Act)
            if act.what == "removed a photo of a door"] == [row.sha256]


def test_after_a_change_only_a_new_photo_shows_it(cast: Cast, owner: TestClient, at: str) -> None:
    """B10, B23."""
    def counts() -> object:
        with cast.hub.database.reading() as db:
            return judged(db, db.get_one(Door, cast.doors["Front door"].id)).facts["ts007_total3"]

    says(owner, at, "cylinder", "euro", how="owner")
    says(owner, at, "stars", "three", photo(), how="photo")
    says(owner, at, "leaf", "yes", photo(), how="photo")
    with cast.hub.database.writing() as db:
        db.query(DoorPhoto).update({"made_at": now() - 30 * DAY})
    assert counts() == "photo"
    says(owner, at, "changed", "cylinder")
    assert counts() == "claim"
    refused = says(owner, at, "stars", "three", how="photo")
    assert (refused.status_code, "as it is now" in refused.text) == (422, True)
    assert says(owner, at, "leaf", "yes", how="photo").status_code == 303  # no part of that
    assert says(owner, at, "stars", "three", photo(), how="photo").status_code == 303
    assert counts() == "photo"


def test_a_photo_of_another_door_is_not_there(cast: Cast, owner: TestClient, at: str) -> None:
    says(owner, at, "leaf", "yes", photo(), how="photo")
    (row,) = rows(cast, DoorPhoto)
    other = at.replace(cast.doors["Front door"].ref, cast.doors["Back door"].ref)
    assert owner.get(f"{other}/photos/{row.ref}").status_code == 404
    assert owner.post(f"{other}/photos/{row.ref}/remove").status_code == 404


# --- reports --------------------------------------------------------------------------------------


@pytest.fixture
def made(owner: TestClient, at: str) -> str:
    """The address of a report, after some answers."""
    for question, answer in (("household", "one"), ("fire_door", "no"), ("held", "no"),
                             ("way_out", "yes"), ("lock", "strip"), ("cylinder", "euro"),
                             ("projection", "out"), ("glass", "unknown")):
        says(owner, at, question, answer, how="owner")
    says(owner, at, "leaf", "yes", photo(), how="photo")
    says(owner, at, "stars", "three", photo(), how="document", until="2031-05-01")
    location: str = owner.post(f"{at}/report").headers["location"]
    return location


def file_of(owner: TestClient, made: str, kind: str = "json") -> bytes:
    content: bytes = owner.get(made.replace("/report?", f"/report.{kind}?")).content
    return content


def test_a_report_says_what_was_known_and_what_was_not(
    cast: Cast, owner: TestClient, made: str) -> None:
    report, key = unsealed(file_of(owner, made))
    assert key == cast.hub.own.signer.public
    facts = report["facts"]["facts"]
    assert facts["leaf_sound"]["shown"] == "photo"
    assert facts["projection_le_3mm"]["shown"] is False
    assert report["facts"]["marks"][0] == {
        "mark": "TS 007 3 star", "part": "cylinder", "shown": "document", "on": report["day"],
        "until": "2031-05-01"}
    assert questions()["glass"].ask in report["not_looked_at"]  # asked, and nobody knew
    assert questions()["bolt"].ask in report["not_looked_at"]
    assert [each["sha256"] for each in report["photos"]] == [
        row.sha256 for row in rows(cast, DoorPhoto)]
    assert facts["account_2fa"]["shown"] is False
    assert cast.accounts["manager"].name not in json.dumps(report)  # nobody is named in it
    shown = owner.get(made).text
    for words in (report["photos"][0]["sha256"], "What was not looked at",
                  report["data"], key.encoded.hex()):
        assert words in shown


def test_a_report_that_nobody_could_check_is_not_signed(
    cast: Cast, owner: TestClient, made: str, at: str) -> None:
    with cast.hub.database.writing() as db:
        db.query(DoorSaid).filter_by(question="way_out").update({"note": "a" * 200_000})
    refused = owner.post(f"{at}/report")
    assert (refused.status_code, "Shorten the notes" in refused.text) == (422, True)
    assert len(rows(cast, DoorReport)) == 1


def test_its_verdict_follows_from_its_facts(owner: TestClient, made: str) -> None:
    report, _ = unsealed(file_of(owner, made))
    assert judged_again(model(), report) is True
    report["facts"]["facts"]["projection_le_3mm"] = {"shown": "photo"}
    assert judged_again(model(), report) is False
    report["release"] = "0.0.1"
    assert judged_again(model(), report) is None


def test_the_paper_is_made_again_byte_for_byte(
    owner: TestClient, made: str, tmp_path: Path) -> None:
    """In another process, from the saved file alone."""
    file, again = tmp_path / "report.json", tmp_path / "again.pdf"
    file.write_bytes(file_of(owner, made))
    ran = run("report", str(file), "--pdf", str(again))
    assert ran.returncode == 0, ran.stderr
    assert "judged again here, it is the same" in ran.stdout
    paper = file_of(owner, made, "pdf")
    assert paper.startswith(b"%PDF")
    assert again.read_bytes() == paper


def test_another_report_is_another_paper(owner: TestClient, made: str) -> None:
    report, key = unsealed(file_of(owner, made))
    assert report_paper(report, key) != report_paper(report | {"door": "Back door"}, key)


@pytest.mark.parametrize(("change", "error"), [
    (lambda told: told["report"]["verdict"].update(level=4), Untrusted),
    (lambda told: told["report"]["photos"].pop(), Untrusted),
    (lambda told: told.update(signature="00" * 64), Untrusted),
    (lambda told: told.update(signature="00"), Malformed),
    (lambda told: told.pop("key"), Malformed),
    (lambda told: told.update(report=[]), Malformed)],
    ids=["level", "photo", "signature", "short", "no key", "no report"])
def test_a_changed_report_is_refused(
    owner: TestClient, made: str, change: Callable[[dict[str, Any]], object],
    error: type[Exception],
) -> None:
    told = json.loads(file_of(owner, made))
    change(told)
    with pytest.raises(error):
        unsealed(json.dumps(told).encode())


def test_a_verdict_that_does_not_follow_is_refused_even_if_signed(
    cast: Cast, owner: TestClient, made: str, tmp_path: Path) -> None:
    report, key = unsealed(file_of(owner, made))
    report["verdict"]["level"] = 4
    file = tmp_path / "bent.json"
    file.write_bytes(sealed(report, cast.hub.own.signer))
    ran = run("report", str(file), "--hub-key", key.encoded.hex())
    assert (ran.returncode, "does not follow" in ran.stderr) == (5, True)
    del report["verdict"]
    file.write_bytes(sealed(report, cast.hub.own.signer))
    ran = run("report", str(file))
    assert (ran.returncode, "B28" in ran.stderr) == (1, True)


def test_another_hubs_report_is_refused_where_the_key_is_known(
    owner: TestClient, made: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(file_of(owner, made))
    ran = run("report", str(file), "--hub-key", "a301")
    assert (ran.returncode, "Another key" in ran.stderr) == (5, True)


def test_what_is_signed_is_the_same_whatever_the_order() -> None:
    assert canonical({"b": "\u00e9", "a": [1]}) == '{"a":[1],"b":"\u00e9"}'.encode()


def test_a_report_stays_what_it_was(owner: TestClient, at: str, made: str) -> None:
    before = owner.get(made).text
    says(owner, at, "leaf", "no")
    says(owner, at, "bolt", "yes", how="owner")
    assert owner.get(made).text == before
    newer = owner.post(f"{at}/report").headers["location"]
    assert owner.get(f"{at}/report").text == owner.get(newer).text != before
    assert owner.get(f"{at}/report?made=zzzzzzzzzz").status_code == 404


def test_no_report_is_said_to_be_none(owner: TestClient, at: str) -> None:
    assert "No report yet" in owner.get(f"{at}/report").text
    assert owner.get(f"{at}/report.pdf").status_code == 404


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mortice", "assess", *words], capture_output=True, text=True,
        timeout=60, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""}, check=False)


# --- kept, backed up, deleted ---------------------------------------------------------------------


def test_old_reports_and_answers_end_and_what_stands_stays(
    cast: Cast, owner: TestClient, at: str, made: str) -> None:
    says(owner, at, "leaf", "no")
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).retention = {"strength": 30}
        for row in db.scalars(select(DoorSaid)):
            row.at -= 40 * DAY
        for report in db.scalars(select(DoorReport)):
            report.made_at -= 40 * DAY
    assert tidy(cast.hub.database, now())["strength"] == 2
    assert rows(cast, DoorReport) == []
    assert len(rows(cast, DoorPhoto)) == 2
    assert [row.answer for row in rows(cast, DoorSaid) if row.question == "leaf"] == ["no"]


def test_it_is_in_a_backup_and_goes_with_its_door(
    cast: Cast, owner: TestClient, made: str, tmp_path: Path) -> None:
    back_up(cast.hub.database, cast.hub.settings.folder, tmp_path / "b")
    other = make_hub(Settings(tmp_path / "other"))
    restore(other.database, tmp_path / "other", tmp_path / "b")
    with other.database.writing() as db:
        assert [row.sha256 for row in db.scalars(select(DoorPhoto).order_by(DoorPhoto.id))] == [
            row.sha256 for row in rows(cast, DoorPhoto)]
        assert db.scalars(select(DoorReport.content)).one() == rows(cast, DoorReport)[0].content
        db.delete(db.get_one(Door, cast.doors["Front door"].id))
        db.flush()
        assert not any(db.scalars(select(table.id)).all()
                       for table in (DoorSaid, DoorPhoto, DoorReport))
    other.database.close()
