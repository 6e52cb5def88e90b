"""The emulator as its users start it, and the AWS CLI beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.peers.environments import REPO, programs

PAYER = "111122223333"


@dataclass(frozen=True)
class Emulator:
    """An emulator of `make emulator`."""

    url: str

    def control(self, path: str, document: Any = None) -> Any:
        """Ask the control API: a POST if there is a document."""
        body = None if document is None else json.dumps(document).encode()
        with urllib.request.urlopen(f"{self.url}/_emulator/{path}", body) as answer:
            return json.load(answer)


@dataclass(frozen=True)
class Shell:
    """A shell of a person who has installed the AWS CLI and nothing set up for AWS.

    Args:
        folder: where it is.
        settings: its environment.
    """

    folder: Path
    settings: dict[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command, cwd=self.folder, env=self.settings, capture_output=True, text=True, check=False, timeout=240
        )


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """`make emulator` on a free port."""
    command = ["make", "emulator", "PORT=0"]
    process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout
        ready = re.fullmatch(r"emulator ready at (http://\S+)\n", process.stdout.readline())
        assert ready, "make emulator has ended"
        yield Emulator(ready[1])
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("shell")
    return Shell(
        folder,
        {
            "PATH": f"{programs('awscli')}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AWS_PAGER": "",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
    )
