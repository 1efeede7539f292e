"""What is known of sections here: by which classes programs see them, and how they are shown."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from tracer_core.display.section_text import section_texts
from tracer_core.display.text import TextFormat, generic
from tracer_core.events.form import form_of
from tracer_core.files.installed import Installed
from tracer_core.python.helpers import Identity, PacketData
from tracer_core.python.section import section_class
from tracer_core.sections import Packet
from tracer_core.types import TextOptions

if TYPE_CHECKING:
    from tracer_core.errors import PluginError
    from tracer_core.events.batch import EventBatch
    from tracer_core.events.form import SectionForm
    from tracer_core.python.section import Section
    from tracer_core.types import Formatter

log = logging.getLogger(__name__)

CORE = ("common", "kernel", "userspace", "startup", "tracer")
"""Sections that files have beside those that are declared."""


class Known:
    """It, of the installed collectors. Made once for a program."""

    def __init__(self) -> None:
        self.installed = Installed(_left_out)
        self._options = TextOptions()
        formatters = self.installed.formatters()
        self._text = TextFormat(formatters, self._options)
        self._formatters = {formatter.section: formatter for _, formatter in formatters}
        self._mixins: dict[type[Any], tuple[type[Any], ...]] = {Packet: (PacketData,)}
        self._mixins |= dict.fromkeys(self.installed.identities(), (Identity,))
        self._classes: dict[SectionForm, type[Section]] = {}
        names = [*CORE, *(form_of(cls).name for cls in self.installed.sections())]
        self.names = {attribute(name): name for name in names}
        """Names of all sections, by that of their attribute."""

    def section(self, form: SectionForm) -> type[Section]:
        """The class of sections of a form."""
        found = self._classes.get(form)
        if found is None:
            text = _text_mixin(form, self._formatters.get(form.cls), self._options)
            found = self._classes[form] = section_class(form, (*self._mixins.get(form.cls, ()), text))
        return found

    def texts(self, batch: EventBatch) -> list[str]:
        """The multi-line text of each event, whether it is in a series or not.

        Raises:
            PluginError: a collector's formatter failed.
        """
        return [text.rstrip("\n") for text in self._text.lines(replace(batch, series=None))]


def attribute(name: str) -> str:
    """The attribute of an event that is the section of a name."""
    return name.replace("-", "_")


@cache
def known() -> Known:
    """What is known in this process."""
    return Known()


def _left_out(error: PluginError) -> None:
    log.warning("left out: %s", " ".join(error.message.split()))


def _text_mixin(form: SectionForm, formatter: Formatter | None, options: TextOptions) -> type[Any]:
    def text(section: Section) -> str:
        value = section._value  # noqa: SLF001 - our own class
        return section_texts([value], form, formatter, options)[0] if formatter else generic(form.name, value)

    return type("Text", (), {"__slots__": (), "__str__": text})
