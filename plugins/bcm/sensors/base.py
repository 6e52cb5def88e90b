"""The sensor of both services: look first, then wait in one of three ways, and end by a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from bcm.exceptions import AwsConnectionMissingError, AwsRefusedError, AwsUnavailableError
from bcm.hooks.base import BCM_REGION, REJECTED_CODES, BcmBaseHook, aws_errors, error_code, refuse_passwords
from bcm.looks import Look, look_now
from bcm.sensors.arguments import start_trigger_args
from bcm.sensors.memory import WaitMemory
from bcm.statuses import Verdict, raise_unless_success, story
from bcm.triggers.base import GRACE, BcmBaseTrigger
from bcm.triggers.client import CLIENT_LIFETIME
from bcm.triggers.wait import NOT_LOOKED, Wait


class BcmBaseSensor(AwsBaseSensor[BcmBaseHook]):
    """Waits until a look has a verdict: deferred (the default), or in a worker as any sensor does.

    :param expected_account_id: 12 digits; the task fails when the credentials belong to another account
    :param deferrable: wait in the triggerer; else in a worker by ``mode``. Default: yes, unless ``mode="reschedule"``
    :param start_from_trigger: begin in the triggerer, without a worker that looks first; docs/waiting.md says what this
        cannot do
    :param poke_interval: seconds between looks while the answer is due; default ``[bcm] poke_interval``, 90
    :param max_wait: seconds between looks while it is not, at most: in the triggerer the pause is a tenth of the
        wait's age; default ``[bcm] max_wait``, 600. In a worker every pause is ``poke_interval``, or grows up to
        ``max_wait`` with ``exponential_backoff``
    :param timeout: seconds until the wait gives up; absolute, also across restarts and tries that crashed
    :param kwargs: as for every sensor of the amazon provider
    :raises ValueError: when arguments exclude each other, or ``botocore_config`` holds a password
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id")
    link: type[BaseAwsLink]

    def __init__(
        self,
        *,
        expected_account_id: str | None = None,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        poke_interval: timedelta | float = conf.getfloat("bcm", "poke_interval", fallback=90.0),
        max_wait: timedelta | float = conf.getfloat("bcm", "max_wait", fallback=600.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, max_wait=max_wait, **kwargs)
        self.expected_account_id = expected_account_id
        self.deferrable = self.mode != "reschedule" if deferrable is None else deferrable
        self.start_from_trigger = start_from_trigger
        self._memory: WaitMemory | None = None
        self._wait: Wait | None = None
        self._prepared, self._connect_again = False, 0.0
        refuse_passwords(self.botocore_config)

    def look(self) -> Look:
        """Return what this sensor looks at."""
        raise NotImplementedError

    def trigger(self, **shared: Any) -> BcmBaseTrigger:
        """Return the trigger that goes on looking.

        :param shared: the arguments that every trigger of this package takes
        """
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Look, and defer when there is no verdict yet.

        :raises WrongAccountError: before the first look, when the credentials belong to another account
        """
        if not self.deferrable:
            return super().execute(context)
        self._prepare(context)
        wait = self._looked(context)
        if wait.verdict is not None:
            return self._end_here(context, wait.verdict)
        self.log.info("%s The triggerer looks from now on.", wait.report())
        self.defer(
            trigger=self._trigger(
                started=wait.started,
                deadline=wait.deadline,
                first_look=time.time() + wait.due - time.monotonic(),
                status=wait.status,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, wait.deadline - time.time())) + GRACE,
        )

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once, in a worker."""
        verdict = self._looked(context).verdict
        return PokeReturnValue(is_done=True, xcom_value=self._end_here(context, verdict)) if verdict else False

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume with the trigger's event: return a success, raise what every other outcome stands for."""
        return self._end(context, event)

    def _looked(self, context: Context) -> Wait:
        """Look once, and return the wait with what was seen."""
        if self._wait is None:
            self._memory = WaitMemory(context)
            self._wait = self._memory.recall(self.look(), self.timeout, self.poke_interval, self._longest)
        wait = self._wait
        try:
            self._prepare(context)
            with aws_errors(f"Looking for {wait.look.target}"):
                seen = look_now(wait.look, lambda call: dict(call.on(self.hook.conn)))
        except (AwsRefusedError, AwsUnavailableError) as error:
            reason = error.__cause__ or error
            # every look in a worker is with fresh credentials, but AWS may not know these yet
            wait.failed(reason, renewing=error_code(reason) in REJECTED_CODES and wait.status != NOT_LOOKED)
        except AwsConnectionMissingError as error:
            if wait.status == NOT_LOOKED:
                raise
            wait.failed(error)
        else:
            wait.saw(seen)
        return wait

    def _prepare(self, context: Context) -> None:
        """Put the link to the console there, and check the account, once in a process."""
        if not self._prepared:
            self.link.persist(context, self, self.hook.conn_region_name, self.hook.conn_partition)
            self.hook.check_account(self.expected_account_id)
            self._prepared, self._connect_again = True, time.monotonic() + CLIENT_LIFETIME

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Return the pause until the next poke: the base class's, but longer while AWS fails, and up to the deadline.

        It lies between two looks, so here it is told what there is to tell, and kept what another process must know.
        """
        pause: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        wait, memory = self._wait, self._memory
        if wait is None or memory is None:  # silent_fail, and not even a look could be made
            return pause
        now = time.monotonic()
        wait.next_look(max(pause, wait.due - now) if wait.problem else pause, now)
        if wait.news.is_set():
            wait.news.clear()
            self.log.info(wait.report())
        if self.reschedule:
            memory.remember(wait)
        if wait.problem or now >= self._connect_again:
            self.__dict__.pop("hook", None)  # the next look is with the connection as it is then
            self._connect_again = now + CLIENT_LIFETIME
        return wait.due - now if wait.due > now else pause

    def _trigger(self, **when: Any) -> BcmBaseTrigger:
        return self.trigger(
            poke_interval=self.poke_interval,
            max_wait=self._longest,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name or BCM_REGION,
            verify=self.verify,
            botocore_config=self.botocore_config,
            **when,
        )

    def _start_in_triggerer(self) -> None:
        """Let Airflow start the task in the triggerer, if it was told to; the last thing that a sensor's init does."""
        if self.start_from_trigger:
            self.start_trigger_args = start_trigger_args(self, self._trigger(timeout=self.timeout), self.timeout)

    @property
    def _longest(self) -> float:
        return float(self.max_wait.total_seconds() if self.max_wait else self.poke_interval)

    def _end_here(self, context: Context, verdict: Verdict) -> dict[str, Any]:
        """End a wait in the process that looked, where the base class would heed soft_fail after some errors only."""
        try:
            return self._end(context, verdict)
        except AirflowException as error:
            silent = self.silent_fail and not self.deferrable
            if (self.soft_fail or self.never_fail) and not silent:
                raise AirflowSkipException(str(error)) from error
            raise

    def _end(self, context: Context, verdict: Verdict | None) -> dict[str, Any]:
        WaitMemory(context).forget()
        self.log.info("The wait is over: %s", story(verdict))
        return raise_unless_success(verdict)
