"""A worker on virtual time: it runs sensors by poking or rescheduling, for hours, in no time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from tests.unit.bcm.support import StateStore, a_context
from tests.unit.bcm.triggers.fake_aws import client_error

from bcm.exceptions import AwsConnectionMissingError, AwsUnavailableError
from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor

HOUR = 3600.0
START = datetime(2026, 11, 20, 6, tzinfo=UTC)
#: Arguments of the two ways to wait in a worker.
POKE = {"deferrable": False, "mode": "poke"}
RESCHEDULE = {"mode": "reschedule"}


class Worker:
    """Runs one task to its end, and remembers what it did.

    :ivar now: seconds since the start
    :ivar trouble: what befalls the look at a moment; None for a look that succeeds
    :ivar ends: when the estimate is complete, in seconds since the start
    :ivar next_process: when a process begins that was due at a moment
    :ivar looks: when there was a look
    :ivar lines: when a line was logged, and the line
    :ivar hooks: how many hooks were made, each of which reads the connection
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.ends = float("inf")
        self.status = "COMPLETE"
        self.trouble: Callable[[float], Exception | None] = lambda now: None
        self.connection_missing: Callable[[float], bool] = lambda now: False
        self.account_unknown: Callable[[float], bool] = lambda now: False
        self.next_process: Callable[[float], float] = lambda due: due
        self.looks: list[float] = []
        self.lines: list[tuple[float, str]] = []
        self.accounts: list[float] = []
        self.hooks = 0
        self.store = StateStore()
        self._patch(patch)

    def _patch(self, patch: pytest.MonkeyPatch) -> None:
        for module in ("bcm.sensors.base", "bcm.sensors.memory", "bcm.triggers.wait", "airflow.sdk.bases.sensor"):
            patch.setattr(f"{module}.time", self)
        patch.setattr("airflow.sdk.bases.sensor.timezone", SimpleNamespace(utcnow=self._utcnow))
        patch.setattr(BcmBillEstimateSensor, "aws_hook_class", _hook_of(self))
        say = SimpleNamespace(info=self._say, warning=self._say, error=self._say)
        patch.setattr(BcmBillEstimateSensor, "log", say)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return START.timestamp() + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def _say(self, line: str, *values: object) -> None:
        if "outside of the Task Runner" not in line:  # Airflow's, as this is none
            self.lines.append((self.now, line % values if values else line))

    def said(self, text: str) -> list[float]:
        """When a line with this text was logged."""
        return [when for when, line in self.lines if text in line]

    def get_bill_estimate(self, *, identifier: str) -> dict[str, Any]:
        """Answer as AWS does; it is the client's method."""
        self.looks.append(self.now)
        if error := self.trouble(self.now):
            raise error
        return {"id": identifier, "status": self.status if self.now >= self.ends else "IN_PROGRESS", "createdAt": START}

    def run(self, try_number: int = 1, **arguments: Any) -> Any:
        """Run a try of the task to its end: a process for each poke if it reschedules."""
        began: datetime | None = None
        while True:
            sensor = BcmBillEstimateSensor(task_id="t", bill_estimate_id="b-1", **arguments)
            context = a_context(self.store, try_number=try_number)
            context["ti"].get_first_reschedule_date = lambda context, began=began: began
            began = began or self._utcnow()
            try:
                return sensor.execute(context)
            except AirflowRescheduleException as pause:
                self.now = self.next_process(pause.reschedule_date.timestamp() - START.timestamp())


def _hook_of(worker: Worker) -> type[BcmPricingCalculatorHook]:
    class Hook(BcmPricingCalculatorHook):
        def __init__(self, **kwargs: Any) -> None:
            worker.hooks += 1
            super().__init__(**kwargs)

        @property
        def conn(self) -> Any:
            if worker.connection_missing(worker.now):
                raise AwsConnectionMissingError("aws_conn_id: there is no Airflow connection.")
            return worker

        @property
        def conn_region_name(self) -> str:
            return str(self.conn and "us-east-1")

        conn_partition = "aws"

        def check_account(self, expected_account_id: str | None) -> None:
            worker.accounts.append(worker.now)
            if worker.account_unknown(worker.now):
                raise AwsUnavailableError("no answer") from client_error("ThrottlingException")

    return Hook


def during(begin: float, end: float, code: str, status: int = 400) -> Callable[[float], Exception | None]:
    """An error of every look between two moments."""
    return lambda now: client_error(code, status) if begin <= now < end else None


def dies(at: float) -> Callable[[float], Exception | None]:
    """The process dies at the first look from a moment on: nothing that the sensor could weather."""
    return lambda now: MemoryError() if now >= at else None
