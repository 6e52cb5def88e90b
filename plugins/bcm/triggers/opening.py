"""How the triggerer opens AWS clients without holding up its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import AbstractAsyncContextManager
from typing import Any

from bcm.hooks.base import BCM_REGION, BcmBaseHook, models
from bcm.triggers.budget import CallBudget

#: A client that is opened holds the event loop up for some milliseconds: those of hundreds of connections, after a
#: restart, must not follow each other without a break.
OPENINGS = CallBudget(50.0)

_loaded: set[str] = set()
_loading = threading.Lock()


async def open_client(hook: BcmBaseHook) -> AbstractAsyncContextManager[Any]:
    """Return what opens an aiobotocore client with a hook's connection, when it is this client's turn."""
    if hook.service_name not in _loaded:
        await asyncio.to_thread(_load, hook.service_name)
    # the hook's own get_async_conn would take the only thread that the process has for such, and STS may be slow there
    context = await asyncio.to_thread(_opened, hook)
    await OPENINGS.turn()
    return context


def _opened(hook: BcmBaseHook) -> AbstractAsyncContextManager[Any]:
    """Read the connection, assume its role if it has one, and return what opens the client."""
    context: AbstractAsyncContextManager[Any] = hook.get_client_type(region_name=hook.region_name, deferrable=True)
    return context


def _load(service: str) -> None:
    """Have botocore read what it needs for its first client of a service, in a thread: it takes 0.2 seconds."""
    with _loading:
        # whatever is wrong here, the opening itself says it better
        with contextlib.suppress(Exception):
            if service not in _loaded:
                asyncio.run(_open_and_close(service))
        _loaded.add(service)


async def _open_and_close(service: str) -> None:
    from aiobotocore.session import get_session

    session = get_session()
    session.register_component("data_loader", models())
    key = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    async with session.create_client(service, region_name=BCM_REGION, **key):
        pass
