"""`python -m stack run`, `dev` and `emulator`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from stack.deployment import Options, emulator_command, month_with_data
from stack.dev import port, serve
from stack.environment import base
from stack.errors import StackError, StoppedError
from stack.interrupts import Interrupts
from stack.layout import VAR, Layout
from stack.progress import Progress
from stack.run import Demonstration

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m stack", description="The deployment on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one export and one estimate from beginning to end, then stop")
    stay = commands.add_parser("dev", help="keep the stack up until Ctrl-C")
    alone = commands.add_parser("emulator", help="the emulator alone, in the foreground")
    for command, speed in ((run, 1200.0), (stay, 300.0), (alone, 300.0)):
        command.add_argument("--speed", type=float, default=speed, help=f"emulated seconds per second ({speed:g})")
        command.add_argument("--start", default=month_with_data(), help="emulated time at the start, ISO 8601")
    for command in (run, stay):
        command.add_argument("--folder", type=Path, help="where to keep everything (var/<command>)")
    run.add_argument("--limit", type=float, default=300, help="seconds for the two DAG runs (300)")
    alone.add_argument("--port", type=int, default=5005, help="the port to listen on (5005)")
    return parser


def main() -> int:
    """Carry out the command and return the exit code: 0, 1 after an error, 130 after Ctrl-C."""
    given = arguments().parse_args()
    options = Options(speed=given.speed, start=given.start)
    if given.command == "emulator":
        command = [sys.executable, "-m", *emulator_command(options, given.port)]
        os.execve(sys.executable, command, base())  # noqa: S606  the emulator takes this process's place
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # boto3 in this process must not meet the user's profile
    progress = Progress()
    layout = Layout((given.folder or VAR / given.command).absolute())
    with Interrupts(lambda: progress.say("stopping everything"), to_the_end=True) as interrupts:
        try:
            if given.command == "run":
                Demonstration(layout, options, given.limit, interrupts, progress).run()
            else:
                serve(layout, replace(options, port=port(), schedules=True), interrupts, progress.say)
        except StoppedError as stopped:
            progress.say(f"{stopped}; nothing is left running")
            return 0 if given.command == "dev" else INTERRUPTED
        except StackError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
