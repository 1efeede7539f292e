"""Sessions of collectors without a run: what they watch is made by hand, and what they report is kept."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, cast

from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.exchange import Exchange, Link
from tracer_core.plugins.session import Session
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.kernel.view import Kernel
    from tracer_core.types import CollectorSpec, Columns


class SessionTrial:
    """A session, and the other side of it.

    Args:
        spec: Of the collector.
        options: Instance of its options class.
        kernel: View of a kernel, if the session looks at it.
    """

    session: Session
    """For ``tracer_session``."""

    def __init__(self, spec: CollectorSpec, options: Any = None, kernel: Kernel | None = None) -> None:  # noqa: ANN401
        self._exchange = Exchange()
        self._reported: list[Any] = []
        link = Link(self._exchange, Owner(spec.name), spec.sections)
        self.session = Session(cast("Kernel", kernel), options, logging.getLogger(spec.name), link)

    def give(self, section: type[Any], columns: Columns, count: int) -> None:
        """Have events recorded.

        Args:
            section: What they have.
            columns: Of its record.
            count: How many they are.
        """
        self._exchange.begin()
        for watch in self._exchange.watches:
            if watch.section is section:
                watch.offer(columns, count)

    def reported(self, count: int = 0) -> Sequence[Any]:
        """All that was reported so far, in order; waits until it is so many.

        Raises:
            AssertionError: it were fewer for long.
        """
        deadline = time.monotonic() + patience(10)
        while True:
            self._reported += (report.value for report in self._exchange.take())
            if len(self._reported) >= count:
                return self._reported
            if time.monotonic() >= deadline:
                raise AssertionError(f"{len(self._reported)} of {count} were reported: {self._reported}")
            time.sleep(0.005)
