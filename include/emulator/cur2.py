"""COST_AND_USAGE_REPORT: the bill as CUR 2.0 shows it.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
Expressions over `items` (charges.sql) and, in LINE, over `lines` (organisation/bill.sql) as well.
"""

from __future__ import annotations

HIDDEN_KINDS = ("unused",)  # of a savings plan: CUR shows it as the fee's commitment less what was used

_MONTH = "'%Y-%m-%dT%H:%M:%S.000Z'"
_PLAN = "if(is_plan, {}, '')"
_INSTANCE_SIZES = (("medium", 2), ("2xlarge", 16), ("xlarge", 8), ("large", 4))

ITEM = {
    "bill_bill_type": "CASE kind WHEN 'refund' THEN 'Refund' WHEN 'upfront' THEN 'Purchase' ELSE 'Anniversary' END",
    "bill_billing_entity": "'AWS'",
    "bill_billing_period_end_date": "month_ends",
    "bill_billing_period_start_date": "month_starts",
    "bill_invoice_id": "invoice_id",
    "bill_invoicing_entity": "'Amazon Web Services, Inc.'",
    "bill_payer_account_id": "payer_id",
    "bill_payer_account_name": "payer_name",
    "cost_category": "MAP {'business_unit': business_unit}",
    "line_item_availability_zone": "availability_zone",
    "line_item_blended_rate": "if(is_usage, rate::VARCHAR, '')",
    "line_item_currency_code": "'USD'",
    "line_item_legal_entity": "'Amazon Web Services, Inc.'",
    "line_item_line_item_description": """CASE kind
        WHEN 'tax' THEN 'Tax for product code ' || product_code
        WHEN 'credit' THEN 'AWS Migration Acceleration Program credit'
        WHEN 'refund' THEN 'Refund for duplicated requests in an earlier month'
        WHEN 'covered' THEN usage_type || ' covered by Compute Savings Plans'
        WHEN 'negation' THEN 'SavingsPlanNegation used by AccountId : ' || payer_id || ' and UsageSku : ' || sku_id
        WHEN 'usage' THEN concat('$', rate, ' ', description)
        ELSE description END""",
    "line_item_line_item_type": """CASE kind
        WHEN 'usage' THEN 'Usage' WHEN 'covered' THEN 'SavingsPlanCoveredUsage'
        WHEN 'negation' THEN 'SavingsPlanNegation' WHEN 'fee' THEN 'SavingsPlanRecurringFee'
        WHEN 'upfront' THEN 'SavingsPlanUpfrontFee' WHEN 'support' THEN 'Fee' WHEN 'tax' THEN 'Tax'
        WHEN 'credit' THEN 'Credit' WHEN 'refund' THEN 'Refund' END""",
    "line_item_normalization_factor": "CASE WHEN is_usage AND family = 'Compute Instance' THEN CASE "
    + " ".join(f"WHEN instance_type LIKE '%.{size}' THEN {factor}" for size, factor in _INSTANCE_SIZES)
    + " END END",
    "line_item_operation": "if(kind = 'tax', '', operation)",
    "line_item_product_code": "product_code",
    "line_item_resource_id": "if(kind IN ('fee', 'upfront'), plan_arn, resource_id)",
    "line_item_tax_type": "if(kind = 'tax', 'USSalesTax', '')",
    "line_item_unblended_rate": "if(is_usage, rate::VARCHAR, '')",
    "line_item_usage_account_id": "account_id",
    "line_item_usage_account_name": "account_name",
    "line_item_usage_type": "if(kind = 'tax', '', usage_type)",
    "pricing_currency": "'USD'",
    "pricing_public_on_demand_rate": "if(is_usage, rate::VARCHAR, '')",
    "pricing_rate_code": "if(is_usage, sku_id || '.JRTCKXETXF.6YS6EN2CT7', '')",
    "pricing_rate_id": "if(is_usage, (40000000 + sku * 16 + region_number)::VARCHAR, '')",
    "pricing_term": "term",
    "pricing_unit": "if(kind = 'tax', '', unit)",
    "product": """map_from_entries(list_filter([
        {'k': 'product_name', 'v': service_name}, {'k': 'region', 'v': code}, {'k': 'servicename', 'v': service_name},
        {'k': 'vcpu', 'v': vcpu}, {'k': 'memory', 'v': memory},
        {'k': 'operating_system', 'v': if(family = 'Compute Instance', 'Linux', '')}], lambda e: e.v <> ''))""",
    "product_instance_family": "if(family = 'Compute Instance', 'General purpose', '')",
    "product_instance_type": "instance_type",
    "product_location": "region_name",
    "product_location_type": "'AWS Region'",
    "product_operation": "operation",
    "product_pricing_unit": "unit",
    "product_product_family": "family",
    "product_region_code": "code",
    "product_servicecode": "service_code",
    "product_sku": "sku_id",
    "product_usagetype": "usage_type",
    "resource_tags": """map_from_entries(list_filter([
        {'k': 'user_environment', 'v': environment}, {'k': 'user_project', 'v': project}, {'k': 'user_team', 'v': team}
        ], lambda e: e.v IS NOT NULL))""",
    # every tag and cost category under its own name, told apart by prefixes
    "tags": """map_from_entries(list_filter([{'k': 'costCategory/business_unit', 'v': business_unit},
        {'k': 'resourceTags/environment', 'v': environment}, {'k': 'resourceTags/project', 'v': project},
        {'k': 'resourceTags/team', 'v': team}], lambda e: e.v IS NOT NULL))""",
    "savings_plan_end_time": _PLAN.format(f"strftime(plan_ends, {_MONTH})"),
    "savings_plan_offering_type": _PLAN.format("'ComputeSavingsPlans'"),
    "savings_plan_payment_option": _PLAN.format("'Partial Upfront'"),
    "savings_plan_purchase_term": _PLAN.format("'1yr'"),
    "savings_plan_region": _PLAN.format("'Any'"),
    "savings_plan_savings_plan_a_r_n": _PLAN.format("plan_arn"),
    "savings_plan_savings_plan_rate": "if(kind = 'covered', plan_rate, NULL)",
    "savings_plan_start_time": _PLAN.format(f"strftime(plan_starts, {_MONTH})"),
}

LINE = {
    "identity_line_item_id": "md5(concat(meter, '/', epoch_ms(starts)))",
    "identity_time_interval": "strftime(starts, '%Y-%m-%dT%H:%M:%SZ/') || strftime(ends, '%Y-%m-%dT%H:%M:%SZ')",
    "line_item_blended_cost": "cost",
    "line_item_normalized_usage_amount": "line_item_normalization_factor * quantity",
    "line_item_unblended_cost": "cost",
    "line_item_usage_amount": "quantity",
    "line_item_usage_end_date": "ends",
    "line_item_usage_start_date": "starts",
    "pricing_public_on_demand_cost": "if(is_usage, list_cost, 0)",
    "savings_plan_amortized_upfront_commitment_for_billing_period": "if(kind = 'fee', commitment / 2, NULL)",
    "savings_plan_recurring_commitment_for_billing_period": "if(kind = 'fee', commitment / 2, NULL)",
    "savings_plan_savings_plan_effective_cost": "if(kind = 'covered', effective, NULL)",
    "savings_plan_total_commitment_to_date": "if(kind = 'fee', commitment, NULL)",
    "savings_plan_used_commitment": "if(kind = 'fee', used, NULL)",
}
