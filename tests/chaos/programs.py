"""The programs of Debian that a campaign needs."""

from __future__ import annotations

import shutil
from pathlib import Path

POSTGRES = Path("/usr/lib/postgresql")
"""Debian keeps the server's programs here, below the major version, off the PATH."""


def missing() -> str:
    """What this machine lacks, with the remedy; empty if nothing."""
    if not newest_postgres():
        return "no PostgreSQL on this machine (Debian: apt-get install postgresql)"
    if not shutil.which("redis-server"):
        return "no Redis on this machine (Debian: apt-get install redis-server)"
    return "" if shutil.which("setpriv") else "no setpriv on this machine (Debian: apt-get install util-linux)"


def newest_postgres() -> Path | None:
    """The folder of the newest PostgreSQL's programs."""
    found = [path.parent for path in POSTGRES.glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)
