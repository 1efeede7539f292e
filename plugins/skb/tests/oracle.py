"""The PyPI `retis` library, as a black box that tells the text of a packet.

It reads event files, so packets go through it in batches. All differences that `tracer_skb.text`
lists are handled in `differs`, and nowhere else.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import retis

from tracer_skb.text import format_packet

STARTUP = {
    "common": {"timestamp": 1},
    "startup": {
        "retis_version": "v1.7.0",
        "cmdline": "test",
        "clock_monotonic_offset": {"sec": 0, "nsec": 0},
        "machine": {"kernel_release": "", "kernel_version": "", "hardware_name": ""},
    },
}
TRUNCATED = "... (truncated or incomplete packet)"


def packet_event(frame: bytes, length: int | None = None) -> dict[str, object]:
    return {
        "common": {"timestamp": 1},
        "packet": {
            "len": len(frame) if length is None else length,
            "capture_len": len(frame),
            "data": base64.b64encode(frame).decode(),
        },
    }


def retis_texts(path: Path, events: Sequence[dict[str, object]]) -> list[str | None]:
    """Return the packet text of each event; None where the library panics."""
    path.write_text("".join(json.dumps(event) + "\n" for event in [STARTUP, *events]))
    texts: list[str | None] = []
    for event in list(retis.EventReader(str(path)))[1:]:
        try:
            _, text = str(event).split("\n  ", 1)
        except BaseException as error:  # PanicException is no Exception
            if type(error).__name__ != "PanicException":
                raise
            texts.append(None)
        else:
            texts.append(text)
    assert len(texts) == len(events)
    return texts


def differs(frame: bytes, ours: str, theirs: str | None) -> bool:
    """Tell whether the texts differ in a way that `tracer_skb.text` does not list."""
    if theirs is None:
        panics = " exts [" in ours or b"\x88\xe5" in frame  # IPv6 extension headers, MACsec
        return not (panics and ours.endswith(TRUNCATED))
    return ours != theirs.replace("use 'retis pcap'", "use 'tracer pcap'")


def differences(path: Path, frames: Sequence[bytes]) -> list[tuple[str, str, str | None]]:
    """Return each frame that has another text here than there, with both texts."""
    theirs = retis_texts(path, [packet_event(frame) for frame in frames])
    return [
        (frame.hex(), ours, text)
        for frame, ours, text in zip(frames, map(format_packet, frames), theirs, strict=True)
        if differs(frame, ours, text)
    ]
