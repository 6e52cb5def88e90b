"""Usage of a what-if: which usage lines change, to how much, and what they were."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from finops.definition_errors import mistake, shown
from finops.definition_fields import AccountId, StrictModel
from finops.times import as_utc


def _code(longest: int) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"[-a-zA-Z0-9._:, /()]{{1,{longest}}}", value):
            remedy = f"Use 1 to {longest} letters, digits, blanks and - . _ : , / ( ), as the bill writes it"
            raise mistake(f"{shown(value)} is not a code that AWS takes", remedy)
        return value

    return AfterValidator(check)


def _group(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9\-]{1,30}", value):
        raise mistake(f"{shown(value)} is not a group that AWS takes", "Use 1 to 30 letters, digits and '-'")
    return value


def _full_hour(value: datetime) -> datetime:
    moment = as_utc(value)
    if (moment.minute, moment.second, moment.microsecond) != (0, 0, 0):
        raise mistake(f"{value.isoformat()} is not a full hour", "Write a time such as 2026-11-01T00:00:00Z")
    return moment


ShortCode = Annotated[str, _code(32)]
UsageType = Annotated[str, _code(128)]
Group = Annotated[str, AfterValidator(_group)]
Hour = Annotated[datetime, AfterValidator(_full_hour)]
Amount = Annotated[float, Field(strict=True)]


class HourAmount(StrictModel):
    """Usage from one hour on.

    :param start_hour: a full hour; UTC unless it says otherwise.
    :param amount: quantity in the usage type's unit, 0 or more.
    """

    start_hour: Hour
    amount: Amount = Field(ge=0)


class FilterValues(StrictModel):
    """A condition on one dimension, tag or cost category: its key and the values that pass.

    :param match_options: AWS's, such as ``EQUALS``; None: AWS's default.
    """

    key: str
    values: tuple[str, ...]
    match_options: tuple[str, ...] | None = None

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``ExpressionFilter``."""
        options = {} if self.match_options is None else {"matchOptions": list(self.match_options)}
        return {"key": self.key, "values": list(self.values), **options}


class FilterExpression(StrictModel):
    """Which of the historical usage is meant: AWS's Expression in snake_case.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_Expression.html
    """

    all_of: tuple[FilterExpression, ...] | None = Field(default=None, alias="and")
    any_of: tuple[FilterExpression, ...] | None = Field(default=None, alias="or")
    none_of: FilterExpression | None = Field(default=None, alias="not")
    cost_categories: FilterValues | None = None
    dimensions: FilterValues | None = None
    tags: FilterValues | None = None

    def to_aws(self) -> dict[str, Any]:
        """Return AWS's ``Expression``."""
        lists = {"and": self.all_of, "or": self.any_of}
        single = {
            "not": self.none_of,
            "costCategories": self.cost_categories,
            "dimensions": self.dimensions,
            "tags": self.tags,
        }
        return {
            **{key: [each.to_aws() for each in value] for key, value in lists.items() if value is not None},
            **{key: value.to_aws() for key, value in single.items() if value is not None},
        }


class BillInterval(StrictModel):
    """The time that historical usage is taken from; ``end`` is exclusive. Full hours."""

    start: Hour
    end: Hour


class HistoricalUsage(StrictModel):
    """The usage line of past bills that a change starts from.

    :param bill_interval: None: the scenario's own, which is the last complete month.
    """

    service_code: ShortCode
    usage_type: UsageType
    operation: ShortCode
    usage_account_id: AccountId
    location: str | None = None
    bill_interval: BillInterval | None = None
    filter_expression: FilterExpression

    def to_aws(self, month: date) -> dict[str, Any]:
        """Return AWS's ``HistoricalUsageEntity`` for a scenario whose bill interval is this month."""
        start = datetime(month.year, month.month, 1, tzinfo=UTC)
        end = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
        interval = self.bill_interval
        return {
            "serviceCode": self.service_code,
            "usageType": self.usage_type,
            "operation": self.operation,
            "usageAccountId": self.usage_account_id,
            **({"location": self.location} if self.location else {}),
            "billInterval": {"start": interval.start if interval else start, "end": interval.end if interval else end},
            "filterExpression": self.filter_expression.to_aws(),
        }


class UsageModification(StrictModel):
    """One usage line as it shall be.

    :param service_code: such as ``AmazonEC2``; 1-32 characters.
    :param usage_type: such as ``BoxUsage:m5.large``; 1-128 characters.
    :param operation: such as ``RunInstances``; 1-32 characters.
    :param usage_account_id: account that uses it, 12 digits.
    :param availability_zone: optional.
    :param group: label of up to 30 letters, digits and '-'.
    :param amount: quantity of the whole month in the usage type's unit, 0 or more. Either this or ``amounts``.
    :param amounts: quantities from given hours on.
    :param historical_usage: optional.
    """

    service_code: ShortCode
    usage_type: UsageType
    operation: ShortCode
    usage_account_id: AccountId
    availability_zone: ShortCode | None = None
    group: Group | None = None
    amount: Amount | None = Field(default=None, ge=0)
    amounts: tuple[HourAmount, ...] | None = None
    historical_usage: HistoricalUsage | None = None

    @model_validator(mode="after")
    def _one_amount(self) -> UsageModification:
        if self.amount is not None and self.amounts is not None:
            raise mistake("has both amount and amounts", "Keep one of them")
        if self.amount is None and not self.amounts:
            raise mistake("has neither amount nor amounts", "Add amount: the quantity of the whole month")
        return self

    def to_aws(self, key: str, month: date, usage_factor: float) -> dict[str, Any]:
        """Return the entry of BatchCreateBillScenarioUsageModification; amounts are times ``usage_factor``.

        :param month: any day, in UTC, of the scenario's bill interval.
        """
        first_hour = datetime(month.year, month.month, 1, tzinfo=UTC)
        amounts = self.amounts or (HourAmount(start_hour=first_hour, amount=self.amount or 0.0),)
        optional = {"availabilityZone": self.availability_zone, "group": self.group}
        history = {"historicalUsage": self.historical_usage.to_aws(month)} if self.historical_usage else {}
        return {
            "key": key,
            "serviceCode": self.service_code,
            "usageType": self.usage_type,
            "operation": self.operation,
            "usageAccountId": self.usage_account_id,
            **{name: value for name, value in optional.items() if value is not None},
            "amounts": [
                # 12 digits: 5840 * 1.1 shall be 6424, not 6424.000000000001
                {"startHour": each.start_hour, "amount": float(f"{each.amount * usage_factor:.12g}")}
                for each in amounts
            ],
            **history,
        }
