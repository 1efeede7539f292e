"""The command line: ``python -m lab``."""

from __future__ import annotations

import argparse
import io
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lab import boot, cache, demo, ovs, results, roots, testrun, tools
from lab.errors import LabError
from lab.kernels import FEW, KERNELS
from lab.prepare import fetch
from lab.qemu import Machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_TERMINATED = 128 + signal.SIGTERM
_INTERRUPTED = 128 + signal.SIGINT
_printing = threading.Lock()


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        argv: Without the program's name; what it was called with if not given.

    Returns:
        The exit code: of ``run``, the command's own; 124 if it took too long, 125 if the lab failed.
    """
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _terminate)  # so that blocks end, and guests with them
    try:
        return int(arguments.function(arguments))
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return boot.DIED
    except KeyboardInterrupt:
        return _INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(prog="python -m lab", description="Commands and tests under stock Debian kernels.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("setup", help="install the programs that the lab runs (as root on Debian)")
    command.set_defaults(function=_setup)

    command = commands.add_parser("list", help="list the kernels, and which are in the cache")
    command.set_defaults(function=_list)

    command = commands.add_parser("fetch", help="fetch and prepare kernels")
    command.add_argument("names", nargs="*", metavar="NAME", default=list(KERNELS), help="all if none is named")
    command.add_argument("--again", action="store_true", help="even if they are there: for newer packages")
    command.set_defaults(function=_fetch)

    command = commands.add_parser("ovs", help="build Open vSwitch with USDT probes, which guests then have")
    command.add_argument("--again", action="store_true", help="even if it is there: from newer source")
    command.set_defaults(function=_ovs)

    command = commands.add_parser("roots", help="make root file systems of other releases of the distribution")
    command.add_argument("names", nargs="*", metavar="NAME", default=list(roots.RELEASES), help="all if none is named")
    command.add_argument("--again", action="store_true", help="even if they are there: from newer packages")
    command.set_defaults(function=_roots)

    command = commands.add_parser("run", help="run a command under a kernel, and end with its exit status")
    _add_machine(command, boot.PATIENCE)
    command.add_argument("--root", metavar="NAME", help="the root file system, as in debian13; default: this machine's")
    command.add_argument(
        "--artefacts", type=Path, metavar="DIR", help="take here what is in $TRACER_LAB_ARTEFACTS at the end"
    )
    command.add_argument("name", metavar="NAME", help="short name of the kernel, as in 6.1")
    command.add_argument("command", nargs="+", metavar="CMD", help="the command, after --")
    command.set_defaults(function=_run)

    command = commands.add_parser("demo", help=f"follow a ping through Open vSwitch and nftables, under {demo.KERNEL}")
    _add_machine(command, demo.PATIENCE)
    command.set_defaults(function=_demo)

    command = commands.add_parser("test", help="run tests under kernels, one boot for each")
    _add_machine(command, testrun.PATIENCE)
    command.add_argument(
        "--tests", action="append", metavar="ARG", help="an argument for pytest, instead of the default"
    )
    command.add_argument("names", nargs="*", metavar="NAME", help=f"kernels; {' and '.join(FEW)} if none is named")
    command.add_argument("--all", action="store_true", help="all kernels")
    command.add_argument("--jobs", type=int, metavar="N", default=1, help="how many kernels at a time, default: 1")
    command.add_argument(
        "--artefacts", type=Path, metavar="DIR", help="keep what tests leave, a folder for each kernel"
    )
    command.add_argument(
        "--add",
        action="append",
        type=Path,
        metavar="FILE",
        default=[],
        help="add what pytest counted elsewhere (JUnit)",
    )
    command.set_defaults(function=_test)
    return top


def _add_machine(command: argparse.ArgumentParser, patience: float) -> None:
    default = Machine()
    command.add_argument("--timeout", type=float, metavar="SECONDS", default=patience, help="default: %(default)g")
    command.add_argument("--memory", type=int, metavar="MIB", default=default.memory, help="default: %(default)s")
    command.add_argument("--cpus", type=int, metavar="N", default=default.cpus, help="default: %(default)s")
    command.add_argument("--append", metavar="WORDS", default="", help="more parameters of the kernel")
    command.add_argument("--no-tracefs", action="store_true", help="with neither tracefs nor debugfs mounted")
    command.set_defaults(root=None)


def _machine(arguments: argparse.Namespace) -> Machine:
    return Machine(arguments.memory, arguments.cpus, arguments.append, not arguments.no_tracefs, arguments.root)


def _setup(_: argparse.Namespace) -> int:
    if installed := tools.install():
        print(f"lab: installed {' '.join(installed)}", file=sys.stderr)
    return 0


def _list(_: argparse.Namespace) -> int:
    for name, series in KERNELS.items():
        kernel = cache.find(name)
        state = f"{kernel.release}, from {kernel.package}" if kernel else f"not fetched; newest of {series.suite}"
        print(f"{name:6}{state}")
    built = ovs.find()
    print(f"ovs   {f'built from {built.package}' if built else 'not built'}")
    for name in roots.RELEASES:
        root = roots.find(name)
        print(f"{name}  {f'root file system of Debian {root.version}' if root else 'root file system, not made'}")
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    code = 0
    for name in arguments.names:
        try:
            print(f"{name:6}{fetch(name, again=arguments.again).release}", flush=True)
        except LabError as error:
            print(f"lab: {name}: {error}", file=sys.stderr)
            code = boot.DIED
    return code


def _ovs(arguments: argparse.Namespace) -> int:
    made = ovs.fetch(again=arguments.again)
    print(f"{made.package} in {made.folder}")
    return 0


def _roots(arguments: argparse.Namespace) -> int:
    code = 0
    for name in arguments.names:
        try:
            root = roots.fetch(name, again=arguments.again)
            print(f"{name}: Debian {root.version} in {root.folder}", flush=True)
        except LabError as error:
            print(f"lab: {error}", file=sys.stderr)
            code = boot.DIED
    return code


def _run(arguments: argparse.Namespace) -> int:
    outcome = boot.run(
        fetch(arguments.name),
        arguments.command,
        out=sys.stdout.buffer,
        err=sys.stderr.buffer,
        timeout=arguments.timeout,
        artefacts=arguments.artefacts,
        machine=_machine(arguments),
    )
    if outcome.trouble:
        print(f"lab: {outcome.trouble}", file=sys.stderr)
    return outcome.status


def _demo(arguments: argparse.Namespace) -> int:
    return demo.run(_machine(arguments), timeout=arguments.timeout)


def _test(arguments: argparse.Namespace) -> int:
    found = [testrun.elsewhere(path) for path in arguments.add]
    for trouble in testrun.prepare_programs():
        print(f"lab: {trouble}", flush=True)
    names = arguments.names or (KERNELS if arguments.all else FEW)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        try:
            waiting = [pool.submit(_test_one, arguments, name) for name in names]
            found += [one.result() for one in waiting]
        except BaseException:  # a signal, for example
            boot.end_all()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print("")
    for result in found:
        print(result)
    counts = results.total(result.counts for result in found)
    print(counts, flush=True)
    return int(counts.failed > 0)


def _test_one(arguments: argparse.Namespace, name: str) -> results.Result:
    """One kernel; what pytest prints comes at once if nobody else prints, and in one piece if somebody does."""
    tests = arguments.tests or (testrun.EVERYTHING if arguments.all else testrun.FEW)
    kept = io.BytesIO()
    out = sys.stdout.buffer if arguments.jobs == 1 else kept
    print(f"== kernel {name}", flush=True)
    result = testrun.run_kernel(
        name,
        tests,
        timeout=arguments.timeout,
        machine=_machine(arguments),
        out=out,
        artefacts=arguments.artefacts,
    )
    with _printing:
        sys.stdout.buffer.write(kept.getvalue())
        print(f"== {result}", flush=True)
    return result


def _terminate(_: int, __: FrameType | None) -> None:
    sys.exit(_TERMINATED)
