#!/usr/bin/env python3
"""Record a kernel for tests.

    python scripts/record_kernel.py OUT                      # the running kernel; root sees more
    python scripts/record_kernel.py OUT --root DIR           # copies of /proc, /sys, /boot of another
    python scripts/record_kernel.py OUT --vmlinux FILE --release R [--system-map FILE] [--config FILE]

For what is kept, see ``tracer_core/kernel/roots.py``.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import TracerError, UsageError
from tracer_core.kernel.files import FileSource
from tracer_core.kernel.live import LiveSource
from tracer_core.kernel.record import record

if TYPE_CHECKING:
    from tracer_core.kernel.source import Source


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record a kernel for tests.")
    parser.add_argument("out", type=Path, help="directory to write, made if need be")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where its /proc and /sys are")
    parser.add_argument("--vmlinux", type=Path, help="ELF with .BTF, of a kernel that does not run")
    parser.add_argument("--system-map", type=Path, help="its System.map")
    parser.add_argument("--config", type=Path, help="its configuration, plain or gzip")
    parser.add_argument("--release", help="its release; with a running kernel, another name for it")
    parser.add_argument("--machine", default=platform.machine(), help="its architecture")
    parser.add_argument("--origin", default="", help="where it comes from, for the reader")
    return parser.parse_args()


def _source(options: argparse.Namespace) -> Source:
    if options.vmlinux is None:
        return LiveSource(root=options.root, kconf=options.config)
    if options.release is None:
        raise UsageError("--vmlinux needs --release")
    return FileSource(
        options.vmlinux,
        release=options.release,
        system_map=options.system_map,
        config=options.config,
    )


def main() -> int:
    """Record, and say how much was written."""
    options = _parse()
    meta = {"machine": options.machine, "origin": options.origin, "release": options.release}
    try:
        written = record(_source(options), options.out, **{name: text for name, text in meta.items() if text})
    except TracerError as error:
        print(f"record_kernel: {error}", file=sys.stderr)
        return error.exit_code
    for name, size in written.items():
        print(f"{size:8} {name}")
    print(f"{sum(written.values()):8} bytes in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
