"""The command `lxdsec`: what is done around an audit; `pytest` itself is the audit.

Each group of subcommands has one function that adds it to the parser, and each subcommand one
that runs it and returns the exit status. What is heavy is imported where it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from .. import errors, printable
from . import report_commands

if TYPE_CHECKING:
    from ..lab import status

_Subcommands = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it
USAGE = 4  # as pytest's: `lxdsec diff` has 1 for what is worse
_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit status: 4 for a user's mistake, 1 for other errors."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except errors.LxdsecError as error:
        sys.stderr.write(f"lxdsec: {printable.printable(str(error))}\n")
        return USAGE if isinstance(error, errors.UserError) else 1
    except KeyboardInterrupt:
        sys.stderr.write("lxdsec: interrupted\n")
        return _INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """As argparse's, with pytest's exit status for wrong usage; subcommands' parsers are such."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and how it is used, and exit."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="lxdsec", description="Around pytest-lxdsec: LXD's Security guide as tests."
    )
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    report_commands.add(groups)
    _add_lab(groups)
    return parser


def _add_lab(groups: _Subcommands[argparse.ArgumentParser]) -> None:
    group = groups.add_parser(
        "lab", help="a throw-away real LXD on this machine, to try things on"
    )
    actions = group.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="start one that lasts until `lxdsec lab down`")
    up.add_argument("--bare", action="store_true", help="without the default instances")
    up.add_argument(
        "--instances", type=_count, default=0, metavar="N", help="N plain containers on top"
    )
    up.set_defaults(run=_lab_up)
    status_ = actions.add_parser("status", help="the labs that run")
    status_.add_argument("id", nargs="?", metavar="ID")
    status_.set_defaults(run=_lab_status)
    down = actions.add_parser("down", help="end one; without ID, the only lasting one")
    which = down.add_mutually_exclusive_group()
    which.add_argument("id", nargs="?", metavar="ID")
    which.add_argument("--all", action="store_true", help="every lasting one")
    down.set_defaults(run=_lab_down)
    check = actions.add_parser("check", help="whether this machine can carry one, or why not")
    check.set_defaults(run=_lab_check)
    shell = actions.add_parser("shell", help="a shell, or a command, inside one")
    shell.add_argument("id", metavar="ID")
    shell.add_argument("command", nargs="*", metavar="COMMAND", help="after --; default: sh")
    shell.set_defaults(run=_lab_shell)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of instances: use 0 or more")
    return int(text)


def _lab_up(options: argparse.Namespace) -> int:
    from .. import lab  # noqa: PLC0415  # 20 ms

    base = lab.scenarios.BARE if options.bare else lab.scenarios.DEFAULT
    plan = lab.scenarios.scaled(base, options.instances) if options.instances else base
    began = time.monotonic()
    here = lab.start(scenario=plan)
    sys.stdout.write(
        f"lab {here.id} is up: {len(plan.instances)} instances, "
        f"{time.monotonic() - began:.1f} s\n"
        f"audit it:  pytest --lxd-host=lab:{here.id}\n"
        f"enter it:  lxdsec lab shell {here.id}\n"
        f"end it:    lxdsec lab down {here.id}\n"
    )
    return 0


def _lab_check(_: argparse.Namespace) -> int:
    from .. import lab  # noqa: PLC0415  # 20 ms

    # What a machine lacks shows in full where one is really brought up; it takes a second.
    with lab.throw_away(scenario=lab.scenarios.BARE):
        return 0


def _lab_status(options: argparse.Namespace) -> int:
    from ..lab import launch, status  # noqa: PLC0415  # 30 ms

    _require_root()
    if options.id is not None:
        launch.find(options.id)
    found = [one for one in status.read() if options.id in (None, one.id)]
    if not found:
        sys.stdout.write("no lab is running: lxdsec lab up starts one\n")
    else:
        sys.stdout.write(_table(found))
    return 0


def _table(found: Sequence[status.Status]) -> str:
    rows = [("ID", "AGE", "PID", "LXD", "INSTANCES", "ENDS")]
    rows += [
        (
            one.id,
            f"{one.age:.0f} s",
            str(one.pid),
            one.version or "no answer",
            str(one.instances) if one.version else "?",
            "lxdsec lab down" if one.is_lasting else "with its run",
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _lab_down(options: argparse.Namespace) -> int:
    from ..lab import launch, records  # noqa: PLC0415  # 30 ms

    _require_root()
    swept = records.sweep()
    lasting = [record.id for record in records.every() if record.is_lasting]
    if options.id is not None:
        ids = [] if options.id in swept else [launch.find(options.id).id]
    elif options.all or len(lasting) == 1:
        ids = lasting
    elif lasting:
        raise errors.UserError(f"lab down: which? {', '.join(lasting)}: name one, or use --all")
    elif not swept:
        raise errors.UserError("lab down: no lasting lab is running: lxdsec lab status")
    else:
        ids = []
    for name in ids:
        launch.stop(launch.find(name))
    for name in (*swept, *ids):
        sys.stdout.write(f"lab {name} is gone\n")
    return 0


def _lab_shell(options: argparse.Namespace) -> NoReturn:
    from ..lab import launch  # noqa: PLC0415  # 30 ms

    _require_root()
    terminal = f"TERM={os.environ.get('TERM', 'dumb')}"
    command = launch.find(options.id).command("env", terminal, *(options.command or ["sh"]))
    os.execvp(command[0], command)  # noqa: S606  # no shell between the user and the lab


def _require_root() -> None:
    if os.geteuid() != 0:
        raise errors.UserError("lab: needs root: run it as root (sudo)")
