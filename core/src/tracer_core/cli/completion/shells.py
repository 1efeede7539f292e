"""The shells: how each tells what was typed, and how it wants answers.

A script asks with the environment: ``COMP_WORDS`` are the words after the command's name, a line each, the last one up
to the cursor. An answer is a line for each value: what it is, the value, and help, with tabs between.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

if TYPE_CHECKING:
    import click

OPEN, PATH = "open", "path"
"""Kinds of values beside those of click: one that goes on, so that no space follows; the name of a file."""


class _Script(ShellComplete):
    """What all have in common."""

    file: ClassVar[str]
    """Name of the script, by which the shell finds it in a folder of such scripts."""

    def source(self) -> str:
        """The script that a shell sources to complete our command."""
        from importlib.resources import files  # noqa: PLC0415 - answers do without

        return files(__package__).joinpath("scripts", self.file).read_text("utf-8")

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is completed, and that one up to the cursor."""
        *words, incomplete = os.environ["COMP_WORDS"].split("\n")
        return words, incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """See click. What it gives for ``--option=`` is the value alone; shells want the word."""
        found = super().get_completions(args, incomplete)
        name, equals, _ = incomplete.partition("=")
        if equals and name.startswith("--"):
            for item in found:
                item.value = f"{name}={item.value}"
        return found

    def format_completion(self, item: CompletionItem[str]) -> str:
        """One completion as a line that the script reads."""
        return "\t".join((item.type, _clean(item.value), _clean(item.help or "")))


class Bash(_Script):
    """Bash 4.4 and later. It cuts words where ``COMP_WORDBREAKS`` says, and completes what is behind the last cut."""

    name = "bash"
    file = "tracer.bash"

    def get_completion_args(self) -> tuple[list[str], str]:
        """See click. The line up to the cursor is in ``COMP_LINE``, not cut."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        is_new = line[-1:].isspace() and not (words and words[-1].endswith(line[-1]))
        incomplete = "" if is_new or not words else words.pop()
        quoted = line.removesuffix(incomplete)[-1:] in {"'", '"'}
        cuts = "" if quoted else set(":=") & set(os.environ.get("COMP_WORDBREAKS", ""))
        self._cut = 1 + max((incomplete.rfind(character) for character in cuts), default=-1)
        return words, incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        """See click."""
        item.value = item.value[self._cut :]
        return super().format_completion(item)


class Zsh(_Script):
    """Zsh."""

    name = "zsh"
    file = "_tracer"


class Fish(_Script):
    """Fish."""

    name = "fish"
    file = "tracer.fish"


SHELLS: dict[str, type[_Script]] = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def script(shell: str, cli: click.Command) -> tuple[str, str]:
    """The script that makes a shell complete, and the name of its file where the shell looks for such."""
    made = SHELLS[shell](cli, {}, "tracer", "")
    return made.source(), made.file


def _clean(text: str) -> str:
    return " ".join(text.split()) if "\n" in text or "\t" in text else text
