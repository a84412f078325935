"""What people see: one module for each place of the navigation."""

from __future__ import annotations

from fastapi import APIRouter

from mortice.hub.pages import (
    door,
    entrance,
    help,  # noqa: A004 - the word on the page
)

ROUTERS: tuple[APIRouter, ...] = (entrance.ROUTER, door.ROUTER, help.ROUTER)
