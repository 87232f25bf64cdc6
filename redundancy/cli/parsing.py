"""A parser of arguments that says in one line what is wrong and what may have been meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from redundancy.suggesting import suggested


class Parser(argparse.ArgumentParser):
    """Of the program, or of one of its commands.

    Attributes:
        commands: The parsers of its commands, by name.
        passing: Whether what comes after -- is for another program, and left alone as `passed`.
    """

    commands: Mapping[str, Any]
    passing: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands, self.passing = {}, False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments, and the words that nobody knows."""
        words = list(sys.argv[1:] if args is None else args)
        at = words.index("--") if self.passing and "--" in words else len(words)
        known, left = super().parse_known_args(words[:at], namespace)
        if self.passing:
            known.passed = words[at + 1 :]
        return known, left

    def error(self, message: str) -> NoReturn:
        """Ends the program with one line."""
        line = " ".join(_plainer(message, self.commands).split())
        self.exit(2, f"redundancy: error: {line}; see {self.prog} --help\n")

    @property
    def options(self) -> list[str]:
        """The names of its options, as --json."""
        return list(self._option_string_actions)

    @property
    def keywords(self) -> dict[str, str]:
        """The names of its options, by what functions call them: `name=False` where an option denies it."""
        named = {option: action for option, action in self._option_string_actions.items() if option.startswith("--")}
        denies = argparse._StoreFalseAction
        return {f"{act.dest}=False" if isinstance(act, denies) else act.dest: name for name, act in named.items()}


def parsed(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, or the end of the program; what a command does not know is said by that command.

    Args:
        parser: Of the program, with its `commands`; each of these has set the default `parser` to itself.
        argv: The arguments; those of the process if not given.
    """
    arguments: argparse.Namespace
    arguments, left = parser.parse_known_args(argv)
    if left:
        arguments.parser.error(_unknown(left, arguments.parser, dict(_last(parser))))
    return arguments


def _last(parser: Parser, before: str = "") -> Iterator[tuple[str, Parser]]:
    """The commands that have no commands of their own, by all the words that call them."""
    for name, command in parser.commands.items():
        yield from _last(command, f"{before}{name} ") if command.commands else [(f"{before}{name}", command)]


def _unknown(left: Sequence[str], command: Parser, commands: Mapping[str, Parser]) -> str:
    option = next((word.split("=")[0] for word in left if word.startswith("-")), None)
    if option is None:
        return f"{', '.join(map(repr, left))}: unexpected, there is nothing to be done with it"
    owners = [name for name, other in commands.items() if option in other.options]
    if owners:
        return f"{option} belongs to {' and '.join(owners)}"
    every = {name: None for other in (command, *commands.values()) for name in other.options}
    passing = "; options of pytest come after --" if command.passing and not suggested(option, every) else ""
    return f"there is no option {option}{suggested(option, every)}{passing}"


def _plainer(message: str, commands: Iterable[str]) -> str:
    """What argparse says, in other words where its own help nobody."""
    for pattern, say in _PLAINER:
        if match := pattern.search(message):
            return say(match, commands)
    return message


def _no_command(match: re.Match[str], commands: Iterable[str]) -> str:
    return f"there is no command '{match[1]}'{suggested(match[1], commands)}: choose from {', '.join(commands)}"


def _no_box(match: re.Match[str], _: Iterable[str]) -> str:
    return f"{match[0]}: two numbers as 0,1; where the first one is negative, write --box=-1,1"


_PLAINER: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], Iterable[str]], str]]] = (
    (re.compile(r"argument COMMAND: invalid choice: '([^']*)'"), _no_command),
    (re.compile(r"argument --box: expected one argument"), _no_box),
)
"""By what argparse says: what is said instead, given the match and the names of the commands."""
