"""Opening AWS clients must not hold up the triggerer's event loop."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.bcm.support import connection
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.hooks.base import BcmBaseHook, models
from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from bcm.hooks.transport import shared_trust
from bcm.triggers import opening
from bcm.triggers.budget import CallBudget
from emulator.server import Emulator


class FakeHook:
    """A hook whose client opens at once; it notes when."""

    service_name = "bcm-data-exports"
    region_name = "us-east-1"

    def get_client_type(self, **kwargs: Any) -> str:
        return "context"


def test_botocore_reads_its_data_once_and_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    async def read(service: str) -> None:
        threads.append(threading.get_ident())

    monkeypatch.setattr(opening, "_open_and_close", read)
    monkeypatch.setattr(opening, "_loaded", set())

    async def several() -> None:
        await asyncio.gather(*(opening.open_client(FakeHook()) for _ in range(5)))  # type: ignore[arg-type]

    asyncio.run(several())
    assert len(threads) == 1, "the first client of a service loads for all others"
    assert threads[0] != threading.get_ident(), "the event loop was held up: load in a thread"


def test_a_broken_botocore_is_told_by_the_opening_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(service: str) -> None:
        raise RuntimeError("no such profile")

    monkeypatch.setattr(opening, "_open_and_close", broken)
    monkeypatch.setattr(opening, "_loaded", set())
    assert asyncio.run(opening.open_client(FakeHook())) == "context"  # type: ignore[arg-type, comparison-overlap]


def test_clients_that_open_together_take_turns(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_loaded", {FakeHook.service_name})
    monkeypatch.setattr(opening, "OPENINGS", CallBudget(50.0))

    async def at_once(call: Any, *args: Any) -> Any:
        return call(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)  # virtual time waits for no thread

    async def opened() -> float:
        await opening.open_client(FakeHook())  # type: ignore[arg-type]
        return clock.monotonic()

    async def all_of_them() -> list[float]:
        return sorted(await asyncio.gather(*(opened() for _ in range(200))))

    moments = clock.run(all_of_them())
    pauses = [after - before for before, after in pairwise(moments)]
    assert min(pauses) == pytest.approx(0.02), "two clients opened without a break hold up the loop for both"


def test_a_connection_that_hangs_does_not_keep_others_from_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_loaded", {FakeHook.service_name})
    answered = threading.Event()

    class HangingHook(FakeHook):
        """A hook whose role STS does not give."""

        def get_client_type(self, **kwargs: Any) -> str:
            assert answered.wait(30)
            return "late"

    async def both() -> tuple[str, str]:
        late = asyncio.create_task(opening.open_client(HangingHook()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        other = await asyncio.wait_for(opening.open_client(FakeHook()), 20)  # type: ignore[arg-type]
        answered.set()
        return other, await late  # type: ignore[return-value]

    assert asyncio.run(both()) == ("context", "late")


@pytest.mark.parametrize("extra", [{}, {"role_arn": "arn:aws:iam::111122223333:role/billing"}], ids=["key", "role"])
def test_every_client_shares_the_loader(emu: Emulator, monkeypatch: pytest.MonkeyPatch, extra: Any) -> None:
    sts = {"service_config": {"sts": {"endpoint_url": emu.url}}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_HERE", connection(emu.url, **sts, **extra))
    session = BcmDataExportsHook(aws_conn_id="aws_here").get_session("us-east-1", deferrable=True)
    assert session.get_component("data_loader") is models(), "each client would read botocore's data anew"


def test_every_client_shares_the_certificates_it_trusts(emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OTHER", connection(emu.url, "777788889999"))

    async def trusts(hook: BcmBaseHook, method: str) -> Any:
        async with await opening.open_client(hook) as client:
            await getattr(client, method)()
            (session,) = client._endpoint.http_session._sessions.values()
            return session.connector._ssl

    async def both() -> list[Any]:
        exports, calculator = BcmDataExportsHook(), BcmPricingCalculatorHook(aws_conn_id="aws_other")
        return [await trusts(exports, "list_exports"), await trusts(calculator, "list_bill_estimates")]

    first, second = asyncio.run(both())
    assert first is second, "each client keeps a megabyte of certificates: aiobotocore makes its contexts elsewhere now"


def test_what_only_one_client_may_use_is_its_own() -> None:
    session_class = shared_trust().http_session_cls
    contexts = [session_class(verify=verify)._build_ssl_contexts(None)[0] for verify in (True, False)]
    assert contexts[0] is not contexts[1], "a client that verifies got the context of one that does not"
    proxied = session_class(verify=True)._build_ssl_contexts("http://proxy:3128")
    assert proxied[0] is not contexts[0], "a proxy's settings would be everybody's"
