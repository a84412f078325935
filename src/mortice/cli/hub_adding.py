"""Putting a home's site on a hub of the same machine."""

from __future__ import annotations

from sqlalchemy import select

from mortice.cli.problems import Problem
from mortice.client.home import Home
from mortice.hub.hub import Hub
from mortice.hub.places import follow_doors, follow_root, found_place
from mortice.hub.tables import Account, Place


def add_site(hub: Hub, home: Home, owner: str) -> str:
    """The place's ref: made new, or brought up to the home's newest root and map."""
    with hub.database.writing() as db:
        account = db.scalar(select(Account).where(Account.email == owner.strip().lower()))
        if account is None:
            raise Problem("no_account", f"Nobody at that hub signs in as {owner!r}.",
                          "Make the account in the browser first; mortice hub run says where.")
        place = db.scalar(select(Place).where(Place.site_id == home.site().id))
        if place is None:
            place = found_place(
                db, account, home.site_name(), home.site_bytes(), home.doors_bytes())
        else:
            follow_root(db, place, home.site_bytes())
            doors = home.doors_bytes()
            if doors is not None:
                follow_doors(db, place, doors)
        return place.ref
