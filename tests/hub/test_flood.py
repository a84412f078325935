"""How often can be tried, by arithmetic; and that the owner comes in while others try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hubs import ORIGIN, Cast, browser
from soft_passkey import SoftPasskey, add_passkey, asked_to_show
from sqlalchemy import func, select
from starlette.testclient import TestClient
from ways_in import PASSWORD, code_of, is_in, later, sign_in, with_password, with_sheet

from mortice.hub import entering, known
from mortice.hub.buckets import BROWSER, CODES, PAIR, SOURCE, STRANGERS, source_of
from mortice.hub.pages import join
from mortice.hub.tables import Bucket

OWNER = "owner@example.invalid"
DAY = 86_400


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Argon2 has its own tests; here it would only cost time."""
    with patch.object(
            entering, "is_password", lambda typed, kept: bool(kept) and typed == PASSWORD):
        yield


@contextmanager
def from_address(source: str) -> Iterator[None]:
    with patch.object(known, "source_of", lambda _: source), patch.object(
            join, "source_of", lambda _: source):
        yield


def tries(client: TestClient, count: int, email: str = OWNER, password: str = "wrong",
          **more: str) -> list[int]:
    return [sign_in(client, email, password, **more).status_code for _ in range(count)]


def flood(cast: Cast, password: str = "wrong") -> None:
    """Strangers try from as many addresses as they like, until nothing is answered any more."""
    with browser(cast.hub) as client:
        for number in range(60):
            with from_address(f"stranger {number}"):
                tries(client, 1, password=password, code="000000")
        with from_address("one more"):
            assert tries(client, 1) == [429]


def test_one_address_has_so_many_tries_at_one_account(cast: Cast) -> None:
    with browser(cast.hub) as client, from_address("a"):
        assert tries(client, 12) == [422] * PAIR.most + [429] * 2
        answer = sign_in(client, OWNER)
        assert 0 < int(answer.headers["retry-after"]) <= PAIR.seconds
        assert "Wait" in answer.text
        with later(PAIR.seconds):
            assert tries(client, 2) == [422, 429]


def test_one_address_has_so_many_tries_at_all_accounts(cast: Cast) -> None:
    with browser(cast.hub) as client, from_address("a"):
        for number in range(SOURCE.most):
            assert tries(client, 1, f"somebody{number}@example.invalid") == [422]
        assert tries(client, 1, "last@example.invalid") == [429]
    with browser(cast.hub) as client, from_address("b"):
        assert tries(client, 1, "last@example.invalid") == [422]


def test_all_strangers_together_have_so_many(cast: Cast) -> None:
    """However many addresses they have, and whether or not there is such an account."""
    for email in (OWNER, "nobody@example.invalid"):
        with browser(cast.hub) as client:
            seen = []
            for number in range(40):
                with from_address(f"{number}"):
                    seen += tries(client, 1, email)
        assert seen == [422] * STRANGERS.most + [429] * (40 - STRANGERS.most)


def test_who_knows_the_password_has_few_codes(cast: Cast) -> None:
    """Through a whole day from a thousand addresses: CODES, and not one more that is compared."""
    with_password(cast.hub, cast.accounts["owner"])
    compared = 0
    with patch.object(entering, "take_code", return_value=False) as work:
        for hour in range(24):
            with later(hour * 3600), browser(cast.hub) as client:
                for number in range(10):
                    with from_address(f"{hour} {number}"):
                        tries(client, 1, password=PASSWORD, code="000000")
        compared = work.call_count
    assert CODES.most <= compared <= CODES.most + DAY // CODES.seconds
    assert compared * 3 / 10**6 < 1e-4


def test_the_owner_learns_that_somebody_has_the_password(cast: Cast) -> None:
    with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as stranger, browser(cast.hub, cast.accounts["owner"]) as owner:
        tries(stranger, 3)
        assert "somebody knows your password" not in owner.get("/you").text
        tries(stranger, 3, password=PASSWORD, code="000000")
        assert "somebody knows your password" in owner.get("/you").text


def test_that_the_password_was_right_stays_unsaid(cast: Cast) -> None:
    """When the codes are used up the answer is still the ordinary one."""
    with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as client:
        seen = []
        for number in range(CODES.most + 5):
            with from_address(f"{number}"):
                seen += tries(client, 1, password=PASSWORD, code="000000")
        assert set(seen) == {422}


@pytest.mark.parametrize("password", ["wrong", PASSWORD])
def test_the_owner_gets_in_while_strangers_try(cast: Cast, password: str) -> None:
    """By passkey, by a browser that is known, by a recovery code, and where they are signed in."""
    owner = cast.accounts["owner"]
    secret, sheet = with_password(cast.hub, owner), with_sheet(cast.hub, owner)
    passkey = SoftPasskey(ORIGIN)
    with browser(cast.hub, owner) as here, browser(cast.hub) as laptop:
        add_passkey(here, passkey)
        assert sign_in(laptop, OWNER, code=code_of(secret, -1)).status_code == 303
        assert laptop.post("/sign-out").status_code == 303
        flood(cast, password)
        assert is_in(here)
        proof = {"password": PASSWORD, "code": code_of(secret)}
        assert here.post("/prove", data=proof).headers["location"] == "/"
        assert sign_in(laptop, OWNER, code=code_of(secret, 1)).status_code == 303
    with browser(cast.hub) as phone:
        told = asked_to_show(phone, "/sign-in/passkey", passkey)
        assert phone.post("/sign-in/passkey", json=told).status_code == 200
    with browser(cast.hub) as borrowed:
        typed = {"email": OWNER, "recovery": sheet[0]}
        assert borrowed.post("/sign-in/recovery", data=typed).status_code == 303


def test_a_known_browser_has_a_bound_of_its_own(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub) as laptop, browser(cast.hub) as tablet:
        sign_in(laptop, OWNER, code=code_of(secret, -1))
        sign_in(tablet, OWNER, code=code_of(secret, 0))
        laptop.post("/sign-out"), tablet.post("/sign-out")
        assert tries(laptop, BROWSER.most + 1) == [422] * BROWSER.most + [429]
        assert tries(laptop, 1, "manager@example.invalid") == [422]  # there it is a stranger
        assert sign_in(tablet, OWNER, code=code_of(secret, 1)).status_code == 303


def test_the_mark_of_a_known_browser_cannot_be_made(cast: Cast) -> None:
    with browser(cast.hub) as client, from_address("a"):
        client.cookies.set(f"{cast.hub.cookie}-known", "e30=")
        assert tries(client, 11)[-1] == 429


def test_being_right_costs_nothing(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with from_address("a"):
        for step in range(20):
            with later(30 * step), browser(cast.hub) as client:
                assert sign_in(client, OWNER, code=code_of(secret)).status_code == 303


def test_proving_is_bounded_for_each_session(cast: Cast) -> None:
    secret = with_password(cast.hub, cast.accounts["owner"])
    with browser(cast.hub, cast.accounts["owner"]) as one, browser(
            cast.hub, cast.accounts["owner"]) as two:
        wrong, right = {"password": "wrong"}, {"password": PASSWORD, "code": code_of(secret)}
        seen = [one.post("/prove", data=wrong).status_code for _ in range(BROWSER.most + 1)]
        assert seen == [422] * BROWSER.most + [429]
        assert two.post("/prove", data=right).status_code == 303


def test_recovery_codes_are_bounded_by_where_they_come_from(cast: Cast) -> None:
    typed = {"email": OWNER, "recovery": "aaaa-aaaa-aaaa-aaaa"}
    with browser(cast.hub) as client, from_address("a"):
        seen = [client.post("/sign-in/recovery", data=typed).status_code for _ in range(31)]
    assert seen == [422] * SOURCE.most + [429]


def test_buckets_do_not_pile_up(cast: Cast) -> None:
    with browser(cast.hub) as client:
        for number in range(50):
            with from_address(f"{number}"):
                tries(client, 1, f"{number}@example.invalid")
        with later(2 * DAY), from_address("x"):
            tries(client, 1)
    with cast.hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Bucket)) == 3


@pytest.mark.parametrize(("host", "same_as"), [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"), ("::ffff:192.0.2.7", "192.0.2.7")])
def test_a_household_is_one_source(host: str, same_as: str) -> None:
    class Asked:
        def __init__(self, host: str) -> None:
            self.client = type("Client", (), {"host": host})

    assert source_of(Asked(host)) == source_of(Asked(same_as))  # type: ignore[arg-type]
    assert source_of(Asked(host)) != source_of(Asked("2001:db8:1:3::1"))  # type: ignore[arg-type]
