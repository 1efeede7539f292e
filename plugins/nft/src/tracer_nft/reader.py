"""Reads rules as long as a run goes on, so that who takes events finds their texts and waits for nobody."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tracer_core.api import find_namespaces
from tracer_nft.listing import ListingError, RuleLister, own_namespace
from tracer_nft.schedule import Schedule
from tracer_nft.sections import Nft

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping

    from tracer_core.api import Group, Session, Watch
    from tracer_nft.listing import RuleKey, Rules
    from tracer_nft.rules import RuleTexts

_START: Final = 1.0  # seconds that a run waits for what is read ahead; a reading that has begun is not cut short
_PATIENCE: Final = 5.0  # seconds


@contextmanager
def rules_read(session: Session, texts: RuleTexts, found: Mapping[int, Rules]) -> Iterator[None]:
    """Within this, rules are read: those that are there before events can come, and others when an event has one.

    Args:
        session: Of the collector.
        texts: Get what is read.
        found: Rules of namespaces that were read already, by inode number.
    """
    for netns, rules in found.items():
        texts.add(netns, rules)
    reader = Reader(session.watch(Nft), texts, session.log)
    reader.read_ahead(netns for netns in session.netns or _all_namespaces() if netns not in found)
    with reader.running():
        yield


def _all_namespaces() -> Iterable[int]:
    """Those that can be read, our own first."""
    return dict.fromkeys((own_namespace(), *(inode for inode, _ in find_namespaces("net"))))


class Reader:
    """A thread that reads what is wanted.

    Args:
        watch: On steps of nftables.
        texts: Get what is read.
        log: For the user.
    """

    def __init__(self, watch: Watch, texts: RuleTexts, log: logging.Logger) -> None:
        self._watch = watch
        self._texts = texts
        self._log = log
        self._lister = RuleLister()
        self._schedule = Schedule()
        self._has_warned = False
        self._error: BaseException | None = None

    def read_ahead(self, namespaces: Iterable[int]) -> None:
        """Read namespaces before anybody asks, as many as there is time for."""
        deadline = time.monotonic() + _START
        for netns in namespaces:
            if time.monotonic() >= deadline:
                self._log.debug("rules of some namespaces are not read before they are asked for")
                return
            self._read(netns, ())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within this, namespaces are read of which events have unknown rules."""
        # a daemon, so that a run ends whatever it waits for
        thread = threading.Thread(target=self._work, name="nft-rules", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._watch.close()
            self._lister.stop()  # nobody would see its answer
            thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while self._watch.is_open:
                for columns in self._watch.take(self._schedule.wait(time.monotonic())):
                    group: Group | None = columns["rule"]
                    for netns, rule in self._texts.unknown(group.columns) if group is not None else ():
                        self._schedule.ask(netns, rule)
                wanted = self._schedule.next(time.monotonic())
                if wanted is not None:
                    self._read(*wanted)
        except BaseException as error:  # noqa: BLE001 - raised again when the run ends
            self._error = error
            self._watch.close()
            self._log.warning("rules are not read any more: %s: %s", type(error).__name__, error)

    def _read(self, netns: int, asked: Iterable[RuleKey]) -> None:
        began = time.monotonic()
        try:
            rules = self._lister.rules(netns)
            if rules is not None:
                self._texts.add(netns, rules, asked)
        except ListingError as error:
            self._tell(netns, error)
        self._schedule.was_read(netns, began, time.monotonic())

    def _tell(self, netns: int, error: ListingError) -> None:
        """Warn the user once: most of what fails in one namespace fails in all."""
        if not self._watch.is_open:
            return
        tell = self._log.debug if self._has_warned else self._log.warning
        tell("rules of network namespace %d cannot be read: %s", netns, error)
        self._has_warned = True
