"""One stack for all tests of this folder: started once from a clean copy, removed with its volumes and image."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from tests.compose.stack import Stack, copy_project, missing_engine


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A copy of the project with its .env, not started."""
    if reason := missing_engine():
        pytest.exit(reason, returncode=1)  # who calls these tests means them: a skip would look like a success
    folder = tmp_path_factory.mktemp("project")
    # pytest's folder is closed to others; what is mounted into the containers must not be
    folder.chmod(0o755)
    copy_project(folder)
    stack = Stack(folder, f"compose-test-{secrets.token_hex(4)}")
    stack.run("docker/make-env")
    return stack


@pytest.fixture(scope="session")
def stack(project: Stack) -> Iterator[Stack]:
    """The stack, healthy and logged in."""
    try:
        project.up()
        project.log_in()
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
        project.run("docker", "image", "rm", "--force", project.image, check=False)
