"""What people see: one module for each place of the navigation."""

from __future__ import annotations

from fastapi import APIRouter

from mortice.hub.pages import door, entrance

ROUTERS: tuple[APIRouter, ...] = (entrance.ROUTER, door.ROUTER)
