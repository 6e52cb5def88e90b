"""Links from a task to the AWS console. AWS documents no address of a single export or estimate, so they open
the page that lists them.
"""

from __future__ import annotations

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink


class DataExportsLink(BaseAwsLink):
    """Opens Data Exports in the Billing and Cost Management console."""

    name = "AWS Data Exports"
    key = "bcm_data_exports"
    format_str = BASE_AWS_CONSOLE_LINK + "/costmanagement/home?region={region_name}#/bcm-data-exports"


class PricingCalculatorLink(BaseAwsLink):
    """Opens the Pricing Calculator in the Billing and Cost Management console."""

    name = "AWS Pricing Calculator"
    key = "bcm_pricing_calculator"
    format_str = BASE_AWS_CONSOLE_LINK + "/costmanagement/home?region={region_name}#/pricing-calculator"
