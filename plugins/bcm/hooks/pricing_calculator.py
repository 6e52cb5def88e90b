"""AWS Pricing Calculator: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Pricing_Calculator.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from bcm.exceptions import AwsRefusedError
from bcm.hooks.base import NOT_FOUND_CODES, BcmBaseHook, aws_errors

Kind = Literal["bill_estimate", "bill_scenario"]


class BcmPricingCalculatorHook(BcmBaseHook):
    """Interact with the AWS Pricing Calculator (boto3 client ``bcm-pricing-calculator``).

    Only management and standalone accounts may use its bill scenarios and bill estimates.

    :param kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``config``, as for every hook of the amazon provider
    """

    service = "bcm-pricing-calculator"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "client_type": self.service})

    def find_by_name(self, kind: Kind, prefix: str) -> dict[str, dict[str, Any]]:
        """Return the estimates or scenarios whose names start with ``prefix``, by name."""
        filters = [{"name": "NAME", "values": [prefix], "matchOption": "STARTS_WITH"}]
        with aws_errors(f"List{_camel(kind)}s to find {prefix}"):
            pages = self.conn.get_paginator(f"list_{kind}s").paginate(filters=filters)
            return {item["name"]: item for page in pages for item in page["items"]}

    def get_or_none(self, kind: Kind, identifier: str) -> dict[str, Any] | None:
        """Return a bill estimate or scenario, or None when AWS knows none of that id (or it has expired)."""
        try:
            return self._get(kind, identifier)
        except AwsRefusedError as error:
            if error.code in NOT_FOUND_CODES:
                return None
            raise

    def get_bill_estimate(self, identifier: str) -> dict[str, Any]:
        """Return a bill estimate.

        :raises AwsRefusedError: with code ResourceNotFoundException when it does not exist or has expired
        """
        return self._get("bill_estimate", identifier)

    def get_bill_scenario(self, identifier: str) -> dict[str, Any]:
        """Return a bill scenario.

        :raises AwsRefusedError: with code ResourceNotFoundException when it does not exist
        """
        return self._get("bill_scenario", identifier)

    def _get(self, kind: Kind, identifier: str) -> dict[str, Any]:
        with aws_errors(f"Get{_camel(kind)} {identifier}"):
            return dict(getattr(self.conn, f"get_{kind}")(identifier=identifier))

    def list_bill_estimate_line_items(self, identifier: str) -> Iterator[dict[str, Any]]:
        """Yield every line item of a completed bill estimate."""
        with aws_errors(f"ListBillEstimateLineItems {identifier}"):
            for page in self.conn.get_paginator("list_bill_estimate_line_items").paginate(billEstimateId=identifier):
                yield from page["items"]

    def list_modifications(self, kind: Literal["usage", "commitment"], scenario_id: str) -> list[dict[str, Any]]:
        """Return the usage or commitment modifications of a bill scenario."""
        with aws_errors(f"ListBillScenario{kind.capitalize()}Modifications {scenario_id}"):
            paginator = self.conn.get_paginator(f"list_bill_scenario_{kind}_modifications")
            return [item for page in paginator.paginate(billScenarioId=scenario_id) for item in page["items"]]


def _camel(kind: Kind) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))
