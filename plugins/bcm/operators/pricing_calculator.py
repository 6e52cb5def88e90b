"""Create, fill and delete bill scenarios, create and delete bill estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from bcm.exactly_once import Memory, client_token, create_once, fingerprint
from bcm.exceptions import (
    AwsRefusedError,
    BillScenarioUnusableError,
    ModificationsRefusedError,
    ResourceVanishedError,
    ScenarioLockedError,
)
from bcm.hooks.base import NOT_FOUND_CODES, aws_errors
from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook, Kind
from bcm.links import PricingCalculatorLink
from bcm.modifications import Entry, ModificationKind, missing, send
from bcm.operators.base import BcmBaseOperator


class BcmPricingCalculatorOperator(BcmBaseOperator[BcmPricingCalculatorHook]):
    """Base of the Pricing Calculator's operators."""

    aws_hook_class = BcmPricingCalculatorHook
    link = PricingCalculatorLink
    operator_extra_links = (PricingCalculatorLink(),)

    def usable_scenario(self, scenario_id: str) -> dict[str, Any]:
        """Return a bill scenario that is READY.

        :raises ResourceVanishedError: when it does not exist
        :raises BillScenarioUnusableError: when it is STALE (after the last day of the month in which it was
            created) or FAILED
        :raises ScenarioLockedError: while an estimate is computed from it
        """
        scenario = self.hook.get_or_none("bill_scenario", scenario_id)
        if scenario is None:
            raise ResourceVanishedError(f"bill_scenario_id: bill scenario {scenario_id} does not exist.")
        who = f"bill_scenario_id: bill scenario {scenario.get('name')} ({scenario_id})"
        status = scenario.get("status")
        if status == "READY":
            return scenario
        if status == "LOCKED":
            raise ScenarioLockedError(
                f"{who} is LOCKED while an estimate is computed from it; try again when it ended."
            )
        if status == "STALE":
            why = "a scenario is of use only until the end of the month in which it was created"
        else:
            why = scenario.get("failureMessage") or "AWS gave no failureMessage"
        raise BillScenarioUnusableError(
            f"{who} is {status}: {why}. Create a new scenario: clear the task that made it."
        )


class BcmCreateBillScenarioOperator(BcmPricingCalculatorOperator):
    """Create a bill scenario, once; return its id.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_CreateBillScenario.html

    :param name: at most 64 of ``[a-zA-Z0-9-]``; give each run its own, e.g. with the run's time (templated)
    :param tags: tags of the scenario (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises AwsRefusedError: when AWS refuses the request, e.g. from a member account
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "name", "tags")

    def __init__(self, *, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.tags = tags

    def act(self, context: Context) -> str:
        """Create the scenario."""
        request = {"tags": self.tags} if self.tags else {}
        scenario = create_once(context, self.hook, "bill_scenario", self.name, request)
        self.log.info("Bill scenario %s: %s.", scenario.get("name"), scenario["id"])
        return str(scenario["id"])


class BcmModifyBillScenarioOperator(BcmPricingCalculatorOperator):
    """Add usage and commitment modifications to a bill scenario, each once.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_BatchCreateBillScenarioUsageModification.html

    A batch of 25 may fail in part inside an answer of HTTP 200: entries with a passing fault are sent again, the others
    fail the task together, each with its key and AWS's reason. What the scenario has already is not added again, so
    that a retry goes on where the last try stopped; a retry with other entries is refused, because the scenario would
    become a mixture. Returns how many modifications the scenario then has.

    :param bill_scenario_id: the scenario (templated)
    :param usage_modifications: entries as BatchCreateBillScenarioUsageModification takes them; a ``startHour`` may
        be ISO 8601 text; at most 2,000 (templated)
    :param commitment_modifications: entries as BatchCreateBillScenarioCommitmentModification takes them (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises ModificationsRefusedError: when AWS refuses entries, two entries are the same modification, or
        an earlier try of the task has filled the scenario with other ones
    :raises BillScenarioUnusableError: when the scenario is STALE or FAILED
    :raises ScenarioLockedError: while an estimate is computed from the scenario
    """

    template_fields: Sequence[str] = aws_template_fields(
        "expected_account_id", "bill_scenario_id", "usage_modifications", "commitment_modifications"
    )
    template_fields_renderers = {  # noqa: RUF012 - the base class declares it so
        "usage_modifications": "json",
        "commitment_modifications": "json",
    }

    def __init__(
        self,
        *,
        bill_scenario_id: str,
        usage_modifications: list[Entry] | None = None,
        commitment_modifications: list[Entry] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bill_scenario_id = bill_scenario_id
        self.usage_modifications = usage_modifications
        self.commitment_modifications = commitment_modifications

    def act(self, context: Context) -> dict[str, int]:
        """Add what is missing."""
        self.usable_scenario(self.bill_scenario_id)
        wanted = [self.bill_scenario_id, self.usage_modifications, self.commitment_modifications]
        memory = Memory(context, "bcm_modifications", fingerprint(wanted))
        if memory.outdated == self.bill_scenario_id:
            raise ModificationsRefusedError(
                f"bill_scenario_id: bill scenario {self.bill_scenario_id} was filled by an earlier try of this task "
                "with other entries. Trigger a new run, which makes a scenario of its own."
            )
        memory.intend(self.bill_scenario_id)
        memory.remember(self.bill_scenario_id)
        return {
            "usage_modifications": self._add(context, "usage", self.usage_modifications),
            "commitment_modifications": self._add(context, "commitment", self.commitment_modifications),
        }

    def _add(self, context: Context, kind: ModificationKind, entries: list[Entry] | None) -> int:
        there = self.hook.list_modifications(kind, self.bill_scenario_id)
        new = missing(kind, entries or [], there)

        def token(batch: list[Entry], attempt: int) -> str:
            # a new one for each try: a replayed one would be answered with the old errors
            tries = f"{context['ti'].try_number}.{attempt}"
            return client_token(context, self.bill_scenario_id, tries, fingerprint(batch))

        send(self.hook.conn, kind, self.bill_scenario_id, new, token)
        self.log.info("%d %s modifications added, %d were there.", len(new), kind, len(there))
        return len(there) + len(new)


class BcmCreateBillEstimateOperator(BcmPricingCalculatorOperator):
    """Start a bill estimate from a bill scenario, once; return its id.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_CreateBillEstimate.html

    A successful estimate counts: five a month are free, each further one costs 2 USD. Wait for it with
    :class:`bcm.sensors.pricing_calculator.BcmBillEstimateSensor`.

    :param bill_scenario_id: the scenario (templated)
    :param name: at most 64 of ``[a-zA-Z0-9-]``, unique in the account (templated)
    :param tags: tags of the estimate (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises BillScenarioUnusableError: when the scenario is STALE or FAILED
    :raises ScenarioLockedError: while another estimate is computed from the scenario
    :raises AwsRefusedError: when AWS refuses the request, e.g. a name that is taken
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "bill_scenario_id", "name", "tags")

    def __init__(self, *, bill_scenario_id: str, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bill_scenario_id = bill_scenario_id
        self.name = name
        self.tags = tags

    def act(self, context: Context) -> str:
        """Start the estimate."""
        request: dict[str, Any] = {"billScenarioId": self.bill_scenario_id}
        if self.tags:
            request["tags"] = self.tags
        estimate = create_once(
            context,
            self.hook,
            "bill_estimate",
            self.name,
            request,
            before_create=lambda: self.usable_scenario(self.bill_scenario_id),
        )
        self.log.info("Bill estimate %s: %s.", estimate.get("name"), estimate["id"])
        return str(estimate["id"])


class BcmDeleteOperator(BcmPricingCalculatorOperator):
    """Base of both delete operators; what is gone already is a success."""

    kind: Kind

    def delete(self, identifier: str) -> None:
        """Delete the scenario or estimate."""
        try:
            with aws_errors(f"Delete {self.kind.replace('_', ' ')} {identifier}"):
                getattr(self.hook.conn, f"delete_{self.kind}")(identifier=identifier)
        except AwsRefusedError as error:
            if error.code not in NOT_FOUND_CODES:
                raise
            self.log.info("%s is gone already.", identifier)


class BcmDeleteBillScenarioOperator(BcmDeleteOperator):
    """Delete a bill scenario.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_DeleteBillScenario.html

    :param bill_scenario_id: the scenario (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    """

    kind = "bill_scenario"
    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "bill_scenario_id")

    def __init__(self, *, bill_scenario_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bill_scenario_id = bill_scenario_id

    def act(self, context: Context) -> None:
        """Delete the scenario."""
        self.delete(self.bill_scenario_id)


class BcmDeleteBillEstimateOperator(BcmDeleteOperator):
    """Delete a bill estimate; that is also the only way to stop one.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_DeleteBillEstimate.html

    :param bill_estimate_id: the estimate (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    """

    kind = "bill_estimate"
    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "bill_estimate_id")

    def __init__(self, *, bill_estimate_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bill_estimate_id = bill_estimate_id

    def act(self, context: Context) -> None:
        """Delete the estimate."""
        self.delete(self.bill_estimate_id)
