"""What a collector gets for the side effects of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from tracer_core.kernel.view import Kernel


@dataclass(frozen=True, slots=True)
class Session:
    """A run, as seen by one collector.

    Attributes:
        kernel: View of the traced kernel.
        options: Instance of the collector's options class.
        log: Messages to the user, under the collector's name.
    """

    kernel: Kernel
    options: Any
    log: logging.Logger
