"""COST_AND_USAGE_REPORT: the bill as CUR 2.0 shows it.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
Expressions over `items` (items.sql) and, in LINE, over `lines` (organisation/usage.sql) as well.
"""

from __future__ import annotations

HIDDEN_KINDS = ("unused",)  # of a commitment: CUR shows it beside the fee

_MOMENT = "'%Y-%m-%dT%H:%M:%S.000Z'"
_PLAN = "if(is_plan, {}, '')"
_RESERVED = "if(is_reservation, {}, '')"
_RESERVATION_FEE = "is_reservation AND kind IN ('fee', 'upfront')"
_TAGS = """[{'k': 'environment', 'v': environment}, {'k': 'project', 'v': project}, {'k': 'team', 'v': team},
    {'k': 'aws:eks:cluster-name', 'v': if(kind = 'container', account_name || '-cluster', NULL)},
    {'k': 'aws:eks:namespace', 'v': if(kind = 'container', workload, NULL)}]"""
_GIVEN_TAGS = f"list_filter({_TAGS}, lambda e: e.v IS NOT NULL)"

DESCRIPTION = """CASE kind
    WHEN 'tax' THEN 'Tax for product code ' || product_code
    WHEN 'credit' THEN if(product_code = 'AmazonEC2', 'AWS Migration Acceleration Program credit',
        'Credit for missed availability, applied after the invoice')
    WHEN 'refund' THEN 'Refund for duplicated requests in an earlier month'
    WHEN 'discount' THEN 'Private rate discount on ' || usage_type
    WHEN 'covered' THEN concat(usage_type, ' covered by ', if(offering = 'ComputeSavingsPlans', 'Compute',
        'EC2 Instance'), ' Savings Plans')
    WHEN 'reserved' THEN concat(description, ', ', instance_type, ' reserved instance applied')
    WHEN 'negation' THEN 'SavingsPlanNegation used by AccountId : ' || payer_id || ' and UsageSku : ' || sku_id
    WHEN 'usage' THEN concat('$', price(rate * per), ' ', description)
    WHEN 'fee' THEN if(is_reservation, concat('USD ', price(round(hourly / nullif(units, 0) * (1 - upfront), 6)),
        ' hourly fee per ', instance_type, ' instance reserved'), description)
    WHEN 'upfront' THEN if(is_reservation, concat('Sign up charge for ', units, ' reserved ', instance_type),
        description)
    ELSE description END"""

ITEM = {
    "bill_bill_type": "CASE bill WHEN 'refund' THEN 'Refund' WHEN 'purchase' THEN 'Purchase' ELSE 'Anniversary' END",
    "bill_billing_entity": "if(bill = 'marketplace', 'AWS Marketplace', 'AWS')",
    "bill_billing_period_end_date": "month_ends",
    "bill_billing_period_start_date": "month_starts",
    "bill_invoice_id": "invoice_id",
    "bill_invoicing_entity": "'Amazon Web Services, Inc.'",
    "bill_payer_account_id": "payer_id",
    "bill_payer_account_name": "payer_name",
    # AWS has this data since November 2025.
    "capacity_reservation_capacity_reservation_arn": "if(month_starts >= '2025-11-01', capacity_arn, '')",
    "capacity_reservation_capacity_reservation_status": "if(month_starts >= '2025-11-01', capacity_status, '')",
    "capacity_reservation_capacity_reservation_type": (
        "if(month_starts >= '2025-11-01' AND capacity_status IS NOT NULL, 'ODCR', '')"
    ),
    "cost_category": "MAP {'business_unit': business_unit}",
    "line_item_availability_zone": "availability_zone",
    "line_item_blended_rate": "CASE WHEN kind = 'reserved' THEN '0' WHEN is_usage THEN price(rate) END",
    "line_item_currency_code": "'USD'",
    "line_item_legal_entity": "if(seller <> '', seller, 'Amazon Web Services, Inc.')",
    "line_item_line_item_description": DESCRIPTION,
    "line_item_line_item_type": """CASE kind
        WHEN 'usage' THEN 'Usage' WHEN 'container' THEN 'Usage' WHEN 'covered' THEN 'SavingsPlanCoveredUsage'
        WHEN 'reserved' THEN 'DiscountedUsage' WHEN 'negation' THEN 'SavingsPlanNegation'
        WHEN 'fee' THEN if(is_reservation, 'RIFee', 'SavingsPlanRecurringFee')
        WHEN 'upfront' THEN if(is_reservation, 'Fee', 'SavingsPlanUpfrontFee')
        WHEN 'discount' THEN 'PrivateRateDiscount' WHEN 'support' THEN 'Fee' WHEN 'tax' THEN 'Tax'
        WHEN 'credit' THEN 'Credit' WHEN 'refund' THEN 'Refund' END""",
    "line_item_net_unblended_rate": """CASE WHEN kind = 'reserved' THEN '0'
        WHEN is_usage THEN price(rate * (1 - if(kind = 'usage', private_discount, 0))) END""",
    "line_item_normalization_factor": f"if(is_usage OR {_RESERVATION_FEE}, factor, NULL)",
    "line_item_operation": "if(kind = 'tax', '', operation)",
    "line_item_product_code": "product_code",
    "line_item_resource_id": "if(kind IN ('fee', 'upfront'), commitment_arn, resource_id)",
    "line_item_tax_type": "if(kind = 'tax', 'USSalesTax', '')",
    "line_item_unblended_rate": "CASE WHEN kind = 'reserved' THEN '0' WHEN is_usage THEN price(rate) END",
    "line_item_usage_account_id": "account_id",
    "line_item_usage_account_name": "account_name",
    "line_item_usage_type": "if(kind = 'tax', '', usage_type)",
    "line_item_user_identifier": (
        "if(product_code = 'AmazonQ' AND is_usage, md5(account_id || workload)::UUID::VARCHAR, '')"
    ),
    "pricing_currency": "'USD'",
    "pricing_lease_contract_length": "if(is_reservation, years || 'yr', '')",
    "pricing_offering_class": _RESERVED.format("offering"),
    "pricing_public_on_demand_rate": "if(is_usage, price(list_rate), '')",
    "pricing_purchase_option": _RESERVED.format("payment_option"),
    "pricing_rate_code": "if(is_usage, sku_id || '.JRTCKXETXF.6YS6EN2CT7', '')",
    "pricing_rate_id": "if(is_usage, (40000000 + sku * 16 + region_number)::VARCHAR, '')",
    "pricing_term": "term",
    "pricing_unit": "if(kind = 'tax', '', unit)",
    "product": """map_from_entries(list_filter([
        {'k': 'product_name', 'v': service_name}, {'k': 'region', 'v': code}, {'k': 'servicename', 'v': service_name},
        {'k': 'vcpu', 'v': vcpu}, {'k': 'memory', 'v': memory},
        {'k': 'instance_type_family', 'v': split_part(instance_type, '.', -2)},
        {'k': 'current_generation', 'v': if(instance_type <> '', 'Yes', '')},
        {'k': 'physical_processor', 'v': CASE WHEN instance_type = '' THEN ''
            WHEN regexp_matches(instance_type, '\\d+g') THEN 'AWS Graviton Processor'
            WHEN regexp_matches(instance_type, '\\d+a') THEN 'AMD EPYC 7R13 Processor' ELSE 'Intel Xeon Platinum' END},
        {'k': 'tenancy', 'v': if(ec2_instance, 'Shared', '')},
        {'k': 'volume_api_name', 'v': regexp_extract(bare_usage_type, '^EBS:VolumeUsage.(\\w+)$', 1)},
        {'k': 'volume_type', 'v': volume_type}, {'k': 'storage_class', 'v': storage_class},
        {'k': 'cache_engine', 'v': if(family = 'Cache Instance', 'Redis', '')},
        {'k': 'database_engine', 'v': if(family = 'Database Instance', 'PostgreSQL', '')},
        {'k': 'deployment_option', 'v': CASE WHEN family <> 'Database Instance' THEN ''
            WHEN bare_usage_type LIKE 'Multi-AZ%' THEN 'Multi-AZ' ELSE 'Single-AZ' END},
        {'k': 'license_model', 'v': if(family = 'Database Instance', 'No license required', '')},
        {'k': 'group', 'v': if(family IN ('API Request', 'NAT Gateway'), family, '')},
        {'k': 'operating_system', 'v': if(ec2_instance, 'Linux', '')}],
        lambda e: e.v <> '' AND (kind <> 'tax' OR e.k IN ('product_name', 'region', 'servicename'))))""",
    "product_fee_code": "if(kind = 'upfront', 'UpfrontFee', '')",
    "product_fee_description": "if(kind = 'upfront', 'Upfront Fee', '')",
    "product_from_location": "if(transfer, region_name, '')",
    "product_from_location_type": "if(transfer, 'AWS Region', '')",
    "product_from_region_code": "if(transfer, code, '')",
    "product_instance_family": """CASE WHEN ec2_instance THEN CASE instance_type[1] WHEN 'c' THEN 'Compute optimized'
        WHEN 'r' THEN 'Memory optimized' ELSE 'General purpose' END END""",
    "product_instance_type": "instance_type",
    "product_instancesku": "if(instance_type <> '', sku_id, '')",
    "product_location": "region_name",
    "product_location_type": "'AWS Region'",
    "product_operation": "operation",
    "product_pricing_unit": "unit",
    "product_product_family": "family",
    "product_region_code": "code",
    "product_servicecode": "service_code",
    "product_sku": "sku_id",
    "product_to_location": "CASE WHEN within THEN region_name WHEN transfer THEN 'External' END",
    "product_to_location_type": "CASE WHEN within THEN 'AWS Region' WHEN transfer THEN 'Other' END",
    "product_to_region_code": "if(within, code, '')",
    "product_usagetype": "usage_type",
    "reservation_availability_zone": f"if({_RESERVATION_FEE}, code, '')",
    "reservation_end_time": _RESERVED.format(f"strftime(term_ends, {_MOMENT})"),
    "reservation_modification_status": _RESERVED.format("'Original'"),
    "reservation_normalized_units_per_reservation": (
        f"if({_RESERVATION_FEE} AND factor IS NOT NULL, (factor * month_hours)::DOUBLE::VARCHAR, '')"
    ),
    "reservation_number_of_reservations": f"if({_RESERVATION_FEE}, units::VARCHAR, '')",
    "reservation_reservation_a_r_n": _RESERVED.format("commitment_arn"),
    "reservation_start_time": _RESERVED.format(f"strftime(term_starts, {_MOMENT})"),
    "reservation_subscription_id": _RESERVED.format("(hash(commitment_id) % 9000000000 + 1000000000)::VARCHAR"),
    "reservation_total_reserved_normalized_units": (
        f"if({_RESERVATION_FEE} AND factor IS NOT NULL, (units * factor * month_hours)::DOUBLE::VARCHAR, '')"
    ),
    "reservation_total_reserved_units": f"if({_RESERVATION_FEE}, (units * month_hours)::DOUBLE::VARCHAR, '')",
    "reservation_units_per_reservation": f"if({_RESERVATION_FEE}, month_hours::DOUBLE::VARCHAR, '')",
    "resource_tags": f"""map_from_entries(list_transform({_GIVEN_TAGS},
        lambda e: {{'k': if(e.k LIKE 'aws:%', translate(e.k, ':-', '__'), 'user_' || e.k), 'v': e.v}}))""",
    "savings_plan_end_time": _PLAN.format(f"strftime(term_ends, {_MOMENT})"),
    "savings_plan_instance_type_family": _PLAN.format("if(offering = 'EC2InstanceSavingsPlans', 'm5', '')"),
    "savings_plan_offering_type": _PLAN.format("offering"),
    "savings_plan_payment_option": _PLAN.format("payment_option"),
    "savings_plan_purchase_term": _PLAN.format("years || 'yr'"),
    "savings_plan_region": _PLAN.format("if(offering = 'EC2InstanceSavingsPlans', code, 'Any')"),
    "savings_plan_savings_plan_a_r_n": _PLAN.format("commitment_arn"),
    "savings_plan_savings_plan_rate": "if(kind = 'covered', committed_rate, NULL)",
    "savings_plan_start_time": _PLAN.format(f"strftime(term_starts, {_MOMENT})"),
    "split_line_item_parent_resource_id": "if(kind = 'container', 'i-' || host_token, '')",
    "split_line_item_split_usage_ratio": "share",
    # every tag and cost category under its own name, told apart by prefixes
    "tags": f"""map_from_entries(list_concat([{{'k': 'costCategory/business_unit', 'v': business_unit}}],
        list_transform({_GIVEN_TAGS}, lambda e: {{'k': 'resourceTags/' || e.k, 'v': e.v}})))""",
}

_PLAN_FEE = "if(kind = 'fee' AND is_plan, {}, NULL)"
_RESERVATION = "if(kind = 'fee' AND is_reservation, {}, NULL)"
_APPLIED = "if(kind = 'reserved', {}, NULL)"
_DISCOUNTED = "kind = 'usage' AND private_discount > 0"
# a container's part of what nobody uses of its machine, like its part of what is used
_IDLE = "(1 - occupied) * share / occupied"

# Private discounts are on on-demand usage alone, so that what is net of commitments equals the gross figure.
LINE = {
    "discount": f"""if({_DISCOUNTED}, MAP {{'private_rate_discount': net - cost}}, MAP {{}}::MAP(VARCHAR, DOUBLE))""",
    "discount_bundled_discount": "0",
    "discount_total_discount": f"if({_DISCOUNTED}, net - cost, 0)",
    "identity_line_item_id": "md5(concat(identity, '/', epoch_ms(starts)))",
    "identity_time_interval": "strftime(starts, '%Y-%m-%dT%H:%M:%SZ/') || strftime(ends, '%Y-%m-%dT%H:%M:%SZ')",
    "line_item_blended_cost": "cost",
    # AWS has this data since 8 April 2026.
    "line_item_iam_principal": """if(product_code = 'AmazonBedrock' AND is_usage AND starts >= '2026-04-08',
        concat('arn:aws:iam::', account_id, ':role/', workload, '-inference'), '')""",
    "line_item_net_unblended_cost": "net",
    "line_item_normalized_usage_amount": "line_item_normalization_factor * quantity",
    "line_item_unblended_cost": "cost",
    "line_item_usage_amount": "quantity",
    "line_item_usage_end_date": "ends",
    "line_item_usage_start_date": "starts",
    "pricing_public_on_demand_cost": "if(is_usage, list_cost, 0)",
    "savings_plan_total_commitment_to_date": _PLAN_FEE.format("committed"),
    "savings_plan_used_commitment": _PLAN_FEE.format("used"),
    "reservation_unused_quantity": _RESERVATION.format("round(unused / (hourly / units), 10)"),
    "reservation_unused_normalized_unit_quantity": _RESERVATION.format("round(factor * unused / (hourly / units), 10)"),
    "split_line_item_actual_usage": "if(kind = 'container', round(quantity * (0.5 + share), 10), NULL)",
    "split_line_item_reserved_usage": "if(kind = 'container', quantity, NULL)",
    "split_line_item_split_usage": "if(kind = 'container', quantity, NULL)",
    "split_line_item_public_on_demand_split_cost": "host_list * share",
    "split_line_item_public_on_demand_unused_cost": f"host_list * {_IDLE}",
}
for _name, _expression in {
    "savings_plan_{}amortized_upfront_commitment_for_billing_period": _PLAN_FEE.format("committed * upfront"),
    "savings_plan_{}recurring_commitment_for_billing_period": _PLAN_FEE.format("committed * (1 - upfront)"),
    "savings_plan_{}savings_plan_effective_cost": "if(kind = 'covered', effective, NULL)",
    "reservation_{}amortized_upfront_cost_for_usage": _APPLIED.format("effective * upfront"),
    "reservation_{}amortized_upfront_fee_for_billing_period": _RESERVATION.format("committed * upfront"),
    "reservation_{}effective_cost": _APPLIED.format("effective"),
    "reservation_{}recurring_fee_for_usage": _APPLIED.format("effective * (1 - upfront)"),
    "reservation_{}unused_amortized_upfront_fee_for_billing_period": _RESERVATION.format("unused * upfront"),
    "reservation_{}unused_recurring_fee": _RESERVATION.format("unused * (1 - upfront)"),
    "reservation_{}upfront_value": f"if({_RESERVATION_FEE}, hourly * upfront * term_hours, NULL)",
    "split_line_item_{}split_cost": "host_cost * share",
    "split_line_item_{}unused_cost": f"host_cost * {_IDLE}",
}.items():
    LINE |= {_name.format(""): _expression, _name.format("net_"): _expression}
