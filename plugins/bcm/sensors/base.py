"""The sensor of both services: look first, defer, and end by a verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from bcm.exactly_once import fingerprint
from bcm.exceptions import AwsRefusedError, AwsUnavailableError, ResourceVanishedError
from bcm.hooks.base import BCM_REGION, NOT_FOUND_CODES, BcmBaseHook, aws_errors
from bcm.looks import Look, look_now
from bcm.statuses import Verdict, raise_unless_success
from bcm.triggers.base import BcmBaseTrigger

#: The framework's own time-out of a deferral comes this long after ours, which says what was awaited.
GRACE = timedelta(minutes=10)
DEADLINE_KEY = "bcm_deadline"


class BcmBaseSensor(AwsBaseSensor[BcmBaseHook]):
    """Waits until a look has a verdict: deferred (the default), or with ``deferrable=False`` as any sensor does.

    :param expected_account_id: 12 digits; the task fails when the credentials belong to another account
    :param deferrable: wait in the triggerer; else in a worker by ``mode``
    :param poke_interval: seconds between looks while the answer is due; default ``[bcm] poke_interval``, 90
    :param max_wait: seconds between looks while it is not, at most: in the triggerer the pause is a tenth of the
        wait's age; default ``[bcm] max_wait``, 600
    :param timeout: seconds until the wait gives up; absolute, also across restarts of the triggerer and the worker
    :param kwargs: as for every sensor of the amazon provider
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id")
    link: type[BaseAwsLink]

    def __init__(
        self,
        *,
        expected_account_id: str | None = None,
        deferrable: bool = True,
        poke_interval: timedelta | float = conf.getfloat("bcm", "poke_interval", fallback=90.0),
        max_wait: timedelta | float = conf.getfloat("bcm", "max_wait", fallback=600.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, max_wait=max_wait, **kwargs)
        self.expected_account_id = expected_account_id
        self.deferrable = deferrable

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
        self.hook.check_account(self.expected_account_id)
        self.link.persist(context, self, self.hook.conn_region_name, self.hook.conn_partition)
        if not self.deferrable:
            return super().execute(context)
        try:
            if verdict := self._look():
                return self._end(context, verdict)
        except AirflowException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        started, deadline = self._deadline(context)
        remaining = max(timedelta(), timedelta(seconds=deadline - time.time()))
        self.defer(
            trigger=self.trigger(
                started=started,
                deadline=deadline,
                poke_interval=self.poke_interval,
                max_wait=self.max_wait.total_seconds() if self.max_wait else self.poke_interval,
                aws_conn_id=self.aws_conn_id,
                region_name=self.region_name or BCM_REGION,
                verify=self.verify,
                botocore_config=self.botocore_config,
            ),
            method_name="execute_complete",
            timeout=remaining + GRACE,
        )

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once, for ``deferrable=False``."""
        verdict = self._look()
        return PokeReturnValue(is_done=True, xcom_value=self._end(context, verdict)) if verdict else False

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume with the trigger's event: return a success, raise what every other outcome stands for."""
        return self._end(context, event)

    def _look(self) -> Verdict | None:
        look = self.look()
        try:
            with aws_errors(f"Looking for {look.target}"):
                seen = look_now(look, lambda call: dict(call.on(self.hook.conn)))
        except AwsUnavailableError as error:
            self.log.warning("%s The wait goes on.", error)
            return None
        except AwsRefusedError as error:
            if error.code not in NOT_FOUND_CODES:
                raise
            if not self.deferrable:
                raise ResourceVanishedError(str(error)) from error
            # AWS shows a new thing only after a while: the trigger looks again before it says that it is gone
            self.log.warning("%s Looking again soon.", error)
            return None
        self.log.info("Waiting for %s: %s.", look.target, seen.status)
        return seen.verdict

    def _end(self, context: Context, verdict: Verdict | None) -> dict[str, Any]:
        store = context.get("task_state_store")
        if store is not None:
            store.delete(DEADLINE_KEY)
        self.log.info("The wait is over: %s.", verdict)
        return raise_unless_success(verdict)

    def _deadline(self, context: Context) -> tuple[float, float]:
        """Return when the wait began and when it gives up.

        A retry after a crash goes on with the stored deadline, unless it waits for something else: the store also
        outlives the clearing of a run, which may have made a new estimate or changed the export.
        """
        now = time.time()
        store = context.get("task_state_store")
        awaited = fingerprint(vars(self.look()))
        kept: Any = store.get(DEADLINE_KEY) if store is not None else None
        if kept and kept.get("awaited") == awaited and kept["deadline"] > now:
            return kept["started"], kept["deadline"]
        deadline = now + float(self.timeout)
        if store is not None:
            store.set(DEADLINE_KEY, {"awaited": awaited, "started": now, "deadline": deadline})
        return now, deadline
