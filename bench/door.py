"""A door for benchmarks: its bolt moves at once, so that no motor's time stands in a figure."""

from __future__ import annotations

from collections.abc import Callable

from mortice.core.door import Bolt, Leaf, Sight
from mortice.core.stages import Granted, Relock
from mortice.drivers import Happening, Light, SupplySeen


class Door:
    """A bolt that is wherever it was sent, at once."""

    simulated = True

    def __init__(
        self, driven: Callable[[], None] = lambda: None,
        shown: Callable[[Light], None] = lambda _: None,
    ) -> None:
        self.driven, self.show = driven, shown
        self.tell: Callable[[Happening], None] = lambda _: None
        self._bolt = Bolt.THROWN

    def sight(self) -> Sight:
        return Sight(self._bolt, Leaf.CLOSED)

    def supply(self) -> SupplySeen:
        return SupplySeen(5.2, mains=True)

    async def drive(self, order: Granted | Relock) -> Sight:
        self.driven()
        if order.towards is not None:
            self._bolt = Bolt(order.towards.value)
        return self.sight()

    def listen(self, tell: Callable[[Happening], None]) -> None:
        self.tell = tell
