"""What the fault tests share with the tests of the lock daemon: bent time, memory, cheap PINs."""

from tests.lockd.conftest import _cheap_pins, pytest_asyncio_loop_factories, tmp_path

__all__ = ["_cheap_pins", "pytest_asyncio_loop_factories", "tmp_path"]
