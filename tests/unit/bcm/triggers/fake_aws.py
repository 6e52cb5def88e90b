"""The two services as an aiobotocore client shows them, with what happens when on the virtual clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import botocore.exceptions
from tests.unit.bcm.triggers.virtual_time import Clock


def client_error(code: str, status: int = 400, message: str = "by the test", **members: Any) -> Exception:
    """An error as botocore raises it; ``members`` lie beside ``Error``, as modeled members of AWS's errors do."""
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **members,
    }
    return botocore.exceptions.ClientError(response, "GetBillEstimate")


class FakeAws:
    """Estimates and executions that end at a time, and faults.

    :param ends: seconds after the start at which the estimate or the export's execution of that id has ended; one
        that is not named never ends
    :param page: how many estimates a page of the list holds
    :ivar ended: the status of what has ended, if it is not that of a success
    """

    def __init__(self, clock: Clock, ends: dict[str, float] | None = None, page: int = 25) -> None:
        self.clock = clock
        self.ends = ends or {}
        self.page = page
        self.ended: str | None = None
        self.calls: list[tuple[float, str, str]] = []
        self.fault: Callable[[str, int], Exception | None] = lambda method, number: None
        self.open_fault: Callable[[int], Exception | None] = lambda number: None
        self.opened = self.closed = self.attempts = 0

    @property
    def counts(self) -> Counter[str]:
        """How often each method was called."""
        return Counter(method for _, method, _ in self.calls)

    def moments(self, method: str, about: str = "") -> list[float]:
        """When a method was called."""
        return [when for when, name, what in self.calls if name == method and about in what]

    async def open(self) -> FakeAws:
        """Open a client; it is an ``OpenClient`` of the stream."""
        self.attempts += 1
        await asyncio.sleep(0)
        if error := self.open_fault(self.attempts):
            raise error
        return self

    async def __aenter__(self) -> FakeAws:
        self.opened += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.closed += 1

    async def _called(self, method: str, about: str) -> None:
        self.calls.append((self.clock.monotonic(), method, about))
        await asyncio.sleep(0)
        if error := self.fault(method, self.counts[method]):
            raise error

    def _running(self, name: str) -> bool:
        return self.clock.monotonic() < self.ends.get(name, float("inf"))

    async def list_bill_estimates(self, **kwargs: Any) -> dict[str, Any]:
        await self._called("list_bill_estimates", kwargs.get("nextToken", ""))
        start = int(kwargs.get("nextToken", 0))
        running = [{"id": name, "createdAt": self.clock.at(0)} for name in self.ends if self._running(name)]
        answer: dict[str, Any] = {"items": running[start : start + self.page]}
        return answer | ({"nextToken": str(start + self.page)} if start + self.page < len(running) else {})

    async def get_bill_estimate(self, *, identifier: str) -> dict[str, Any]:
        await self._called("get_bill_estimate", identifier)
        status = "IN_PROGRESS" if self._running(identifier) else self.ended or "COMPLETE"
        return {"id": identifier, "name": f"name-of-{identifier}", "status": status, "createdAt": self.clock.at(0)}

    async def list_executions(self, **kwargs: Any) -> dict[str, Any]:
        arn = kwargs["ExportArn"]
        await self._called("list_executions", arn)
        code = "QUERY_IN_PROCESS" if self._running(arn) else self.ended or "DELIVERY_SUCCESS"
        moment: datetime = self.clock.at(0)
        return {
            "Executions": [{"ExecutionId": f"of-{arn}", "ExecutionStatus": {"StatusCode": code, "CreatedAt": moment}}]
        }
