"""Commitments of a what-if: Savings Plans and Reserved Instances that are bought or taken away."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from finops.definition_errors import mistake, shown
from finops.definition_fields import AccountId, StrictModel
from finops.scenario_usage import Group


def _uuid(value: str) -> str:
    if not re.fullmatch(r"[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}", value):
        raise mistake(f"{shown(value)} is not an id", "Write AWS's id of 36 characters in lower case")
    return value


def _commitment(value: float) -> float:
    if not 0.001 <= value <= 1_000_000:
        raise mistake(f"{value} is out of range", "Write 0.001 to 1,000,000 US dollars per hour")
    if -int(Decimal(str(value)).normalize().as_tuple().exponent) > 5:
        raise mistake(f"{value} has more than 5 decimals", "Round it to 5 decimals")
    return value


Identifier = Annotated[str, AfterValidator(_uuid)]


class AddSavingsPlan(StrictModel):
    """Buy a Savings Plan.

    :param savings_plan_offering_id: from DescribeSavingsPlansOfferings.
    :param commitment: US dollars per hour, 0.001 to 1,000,000, up to 5 decimals.
    """

    savings_plan_offering_id: Identifier
    commitment: Annotated[float, Field(strict=True), AfterValidator(_commitment)]

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``commitmentAction``."""
        action = {"savingsPlanOfferingId": self.savings_plan_offering_id, "commitment": self.commitment}
        return {"addSavingsPlanAction": action}


class AddReservedInstance(StrictModel):
    """Buy Reserved Instances.

    :param reserved_instances_offering_id: from DescribeReservedInstancesOfferings.
    :param instance_count: 1 or more.
    """

    reserved_instances_offering_id: Identifier
    instance_count: int = Field(strict=True, ge=1)

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``commitmentAction``."""
        action = {
            "reservedInstancesOfferingId": self.reserved_instances_offering_id,
            "instanceCount": self.instance_count,
        }
        return {"addReservedInstanceAction": action}


class NegateSavingsPlan(StrictModel):
    """Leave out a Savings Plan that the account really has."""

    savings_plan_id: Identifier

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``commitmentAction``."""
        return {"negateSavingsPlanAction": {"savingsPlanId": self.savings_plan_id}}


class NegateReservedInstance(StrictModel):
    """Leave out Reserved Instances that the account really has."""

    reserved_instances_id: Identifier

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``commitmentAction``."""
        return {"negateReservedInstanceAction": {"reservedInstancesId": self.reserved_instances_id}}


class CommitmentModification(StrictModel):
    """One change of the commitments: exactly one of the four actions.

    :param usage_account_id: account that owns the commitment, 12 digits.
    :param group: label of up to 30 letters, digits and '-'.
    """

    usage_account_id: AccountId
    group: Group | None = None
    add_savings_plan: AddSavingsPlan | None = None
    add_reserved_instance: AddReservedInstance | None = None
    negate_savings_plan: NegateSavingsPlan | None = None
    negate_reserved_instance: NegateReservedInstance | None = None

    @model_validator(mode="after")
    def _one_action(self) -> CommitmentModification:
        actions = [name for name, value in self._actions().items() if value is not None]
        if len(actions) != 1:
            problem = f"has {len(actions)} actions ({', '.join(actions)})" if actions else "has no action"
            raise mistake(problem, f"Write exactly one of {', '.join(self._actions())}")
        return self

    def _actions(
        self,
    ) -> dict[str, AddSavingsPlan | AddReservedInstance | NegateSavingsPlan | NegateReservedInstance | None]:
        return {
            "add_savings_plan": self.add_savings_plan,
            "add_reserved_instance": self.add_reserved_instance,
            "negate_savings_plan": self.negate_savings_plan,
            "negate_reserved_instance": self.negate_reserved_instance,
        }

    def to_aws(self, key: str) -> dict[str, Any]:
        """Return the entry of BatchCreateBillScenarioCommitmentModification."""
        action = next(value for value in self._actions().values() if value is not None)
        return {
            "key": key,
            "usageAccountId": self.usage_account_id,
            **({"group": self.group} if self.group else {}),
            "commitmentAction": action.to_aws(),
        }
