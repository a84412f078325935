"""Whom to tell of a weakness: in a file for programs (RFC 9116) and on the page of help."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hubs import ORIGIN, Cast, browser

from mortice.hub.pages.well_known import PATH, promised, security
from mortice.hub.settings import Settings, checked

WHOM = "mailto:night.desk@hub.example"
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def fields(text: str) -> list[tuple[str, str]]:
    assert text.endswith("\n")
    return [(name, value) for name, _, value in (
        line.partition(": ") for line in text.splitlines())]


def test_anybody_is_told_whom_to_tell(cast: Cast) -> None:
    with browser(cast.hub) as client:
        answer = client.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    said = fields(answer.text)
    assert [name for name, _ in said] == [
        "Contact", "Expires", "Preferred-Languages", "Canonical", "Policy"]
    assert dict(said)["Canonical"] == f"{ORIGIN}/.well-known/security.txt"
    left = datetime.fromisoformat(dict(said)["Expires"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_whoever_runs_the_hub_comes_first_where_they_are_named() -> None:
    assert [value for name, value in fields(security("https://hub.example", WHOM, AT))
            if name == "Contact"] == [WHOM, "https://hub.example/help#weakness"]


def test_it_promises_nothing_beyond_the_support() -> None:
    end = promised()["support"]["until"]
    late = datetime(end.year, end.month, end.day, tzinfo=UTC) - timedelta(days=3)
    for at in (late, late + timedelta(days=400)):
        expires = datetime.fromisoformat(dict(fields(security(ORIGIN, "", at)))["Expires"])
        assert expires.date() == end


def test_help_says_whom_to_tell_and_until_when_weaknesses_are_mended(cast: Cast) -> None:
    with browser(cast.hub) as client:
        text = client.get("/help").text
        assert "has named nobody here" in text
        cast.hub.settings = replace(cast.hub.settings, contact=WHOM)
        named = client.get("/help").text
    assert 'id="weakness"' in text
    assert f"{promised()['support']['until']:%-d %B %Y}" in text
    assert "within 5 working days" in text
    assert f'<a href="{WHOM}">night.desk@hub.example</a>' in named
    assert "has named nobody here" not in named


@pytest.mark.parametrize("contact", [
    WHOM, "tel:+44-20-7946-0000", "https://hub.example/report"])
def test_a_contact_is_something_that_can_be_opened(tmp_path: Path, contact: str) -> None:
    assert checked(Settings(tmp_path, contact=contact)).contact == contact
