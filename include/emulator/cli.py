"""The command line: ``python -m emulator``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from emulator.clock import FASTEST
from emulator.settings import ACCOUNTS, Settings, parse_accounts, parse_bucket, parse_hours, parse_moment

Value = TypeVar("Value")

_EXAMPLES = """\
examples:
  python -m emulator --bucket 111122223333/finops-exports-111122223333
  python -m emulator --speed 3600 --start 2026-11-20T06:00:00Z        an emulated hour each second
  aws --endpoint-url http://127.0.0.1:5005 bcm-data-exports list-tables

An access key id whose last twelve characters are digits belongs to that account, any other to the first of
--accounts. The status page is at /, the control API under /_emulator: health, clock, requests, faults, charges,
snapshots, restore, reset. Both answer this machine only, unless --open-control is given.
"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="AWS on this machine: S3, STS and the rest by moto, with Data Exports and Pricing Calculator.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to serve on (default: 127.0.0.1)")
    add("--port", type=int, default=5005, help="port to serve on, 0 for a free one (default: 5005)")
    add("--speed", type=float, default=1.0, metavar="N", help="emulated seconds per second (default: 1)")
    add("--seed", type=int, default=7, metavar="N", help="what usage and durations are drawn from (default: 7)")
    add("--start", type=_checked(parse_moment), metavar="TIME", help="emulated time at start (default: now)")
    add("--rows", type=int, default=20_000, metavar="N", help="the size: about so many usage lines a month (20000)")
    add(
        "--estimate-hours",
        type=_checked(parse_hours),
        default=Settings.estimate_hours,
        metavar="MIN-MAX",
        help="how long bill estimates take (default: 20 minutes to 12 hours)",
    )
    add(
        "--accounts",
        type=_checked(lambda value: parse_accounts(value.split(","))),
        default=ACCOUNTS,
        metavar="PAYER,MEMBER,...",
        help=f"the organisation, its payer first (default: {','.join(ACCOUNTS)})",
    )
    add(
        "--bucket",
        type=_checked(parse_bucket),
        action="append",
        default=[],
        metavar="ACCOUNT/NAME",
        help="create this bucket, open to the payer's exports; may be given several times",
    )
    add("--open-control", action="store_true", help="let other machines use the control API and see the status page")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then exit with 0; exit with 2 and one sentence if that is not possible."""
    command = parser()
    given = command.parse_args(arguments)
    if not 0 < given.speed <= FASTEST:
        command.error(f"argument --speed: must be above 0 and at most {FASTEST:.0e}")
    if given.rows < 1:
        command.error("argument --rows: must be at least 1")
    if not 0 <= given.port <= 65535:
        command.error("argument --port: must be 0 to 65535")
    if len({name for _, name in given.bucket}) < len(given.bucket):
        command.error("argument --bucket: give each name once; all accounts share the names")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        # At once: requests and deliveries under way are not awaited, and there is nothing to save. No lock either,
        # which a second signal on the heels of the first would find taken: `make` and a terminal both send one.
        signal.signal(signal_number, lambda *_: os._exit(0))
    settings = Settings(
        accounts=given.accounts,
        buckets=tuple(given.bucket),
        start=given.start,
        speed=given.speed,
        seed=given.seed,
        rows=given.rows,
        estimate_hours=given.estimate_hours,
        open_control=given.open_control,
    )
    # moto is what makes the start slow: a wrong argument should not wait for it.
    from emulator.server import Emulator

    try:
        emulator = Emulator(settings, given.host, given.port)
    except OSError as error:
        command.error(f"cannot serve on {given.host}:{given.port}: {error.strerror}")
    emulator.start()
    print(f"emulator ready at {emulator.url}", flush=True)  # noqa: T201 - the line that callers wait for
    while True:
        signal.pause()


def _checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    def read(value: str) -> Value:
        try:
            return parse(value)
        except ValueError as error:
            # argparse names the option itself.
            raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None

    return read
