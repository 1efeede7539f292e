"""Scripts on the events of a file: run as ``tracer python`` runs them, or typed in."""

from __future__ import annotations

import code
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tracer_core.errors import UsageError
from tracer_core.paths import exists, is_file, is_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.python.file import EventFile

_OURS, _THEIRS = "tracer", "retis"


def folders() -> list[Path]:
    """Where scripts are looked for that are named by their name alone; those of Retis, too."""
    users, everybody = Path("~/.config").expanduser(), Path("/usr/share")
    return [folder / program / "python" for folder in (users, everybody) for program in (_OURS, _THEIRS)]


def find(script: str) -> Path:
    """The file of a script.

    Args:
        script: A path, or the name of a script without ``.py``.

    Raises:
        UsageError: there is none.
    """
    if exists(Path(script)) and not is_folder(Path(script)):
        return Path(script)  # a pipe, too
    for folder in folders():
        if is_file(folder / f"{script}.py"):
            return folder / f"{script}.py"
    places = ", ".join(map(str, folders()))
    raise UsageError(f"Python script named {script} not found", hint=f"name a file, or one in {places}, without .py")


def run(path: Path, arguments: Sequence[str], reader: EventFile) -> int:
    """Run a script; a program that it is, too, has its ``__name__`` as if it were run by Python.

    Args:
        path: Of the script.
        arguments: For it, as ``sys.argv[1:]``.
        reader: What it finds under that name.

    Returns:
        The exit code: 1 if it raised, which is shown.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name a script") from error
    sys.argv = [str(path), *arguments]
    sys.path[0:0] = [str(path.resolve().parent)]  # modules beside it, as Python has it
    names = _main(reader, __file__=str(path))
    try:
        # not in our dialect: we postpone annotations
        exec(compile(text, str(path), "exec", dont_inherit=True), names)  # noqa: S102 - it is what the user asks for
    except BrokenPipeError:
        raise  # nobody reads what it prints any more
    except Exception as error:  # noqa: BLE001 - whatever the script raises
        # our own frames say nothing to who wrote it
        where = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, where)
        return 1
    return 0


def interact(reader: EventFile) -> None:
    """Have the user type in what to do with a file.

    Args:
        reader: The file.
    """
    said = "reader is the file; for event in reader: print(event)"
    try:
        scapy = vars(import_module("scapy.all"))
    except ImportError:
        scapy = {}
    else:
        said += "; scapy's names are there, too"
    names = _main(reader, **{name: value for name, value in scapy.items() if not name.startswith("_")})
    code.interact(banner=said, local=names, exitmsg="")


def _main(reader: EventFile, **names: Any) -> dict[str, Any]:  # noqa: ANN401 - of anything
    """The names of a new main module: where what looks for what a script defines, pickle for one, finds it."""
    module = sys.modules["__main__"] = ModuleType("__main__")
    vars(module).update(names, reader=reader, sys=sys)
    return vars(module)
