"""FOCUS_1_2_AWS and FOCUS_1_0_AWS: the bill as the FinOps Open Cost and Usage Specification shows it.

https://focus.finops.org/focus-specification/v1-2/
Expressions over `items` (items.sql) and, in LINE, over `lines` (organisation/usage.sql) as well.
"""

from __future__ import annotations

from emulator.tables import cur2

# CUR's counter-entries and splits: FOCUS bills covered usage at zero and discounted usage at what is left of it.
HIDDEN_KINDS = ("negation", "discount", "container")

# FOCUS has a grammar for units, so AWS writes the price list's units differently here.
UNITS = {
    "Hrs": "Hours",
    "hours": "Hours",
    "GB-Mo": "GB-Months",
    "LCU-Hrs": "LCU-Hours",
    "Lambda-GB-Second": "GB-Seconds",
    "DPU-Hour": "DPU-Hours",
    "ShardHour": "Shard-Hours",
    "Terabytes": "TB",
    "1K tokens": "1000 Tokens",
    "ReadRequestUnits": "Requests",
    "ReadCapacityUnit-Hrs": "ReadCapacityUnit-Hours",
    "WriteRequestUnits": "Requests",
    "WriteCapacityUnit-Hrs": "WriteCapacityUnit-Hours",
    "StateTransitions": "Transitions",
    "ConfigurationItemRecorded": "Items",
    "Dollar": "USD",
    "User-Month": "User-Months",
}
_UNIT = "CASE unit " + " ".join(f"WHEN '{ours}' THEN '{focus}'" for ours, focus in UNITS.items()) + " ELSE unit END"
_PRICED = "kind NOT IN ('tax', 'credit')"  # what has a SKU and a quantity: usage and purchases
_COMMITTED = "(is_plan OR is_reservation)"

ITEM = {
    "AvailabilityZone": "availability_zone",
    "BillingAccountId": "payer_id",
    "BillingAccountName": "payer_name",
    "BillingAccountType": "'Management Account'",
    "BillingCurrency": "'USD'",
    "BillingPeriodEnd": "month_ends",
    "BillingPeriodStart": "month_starts",
    "ChargeCategory": """CASE kind WHEN 'tax' THEN 'Tax' WHEN 'credit' THEN 'Credit'
        WHEN 'fee' THEN 'Purchase' WHEN 'upfront' THEN 'Purchase' ELSE 'Usage' END""",
    "ChargeClass": "if(kind = 'refund', 'Correction', NULL)",
    "ChargeDescription": f"if(kind = 'unused', 'Unused commitment of ' || commitment_arn, {cur2.DESCRIPTION})",
    "ChargeFrequency": """CASE WHEN kind IN ('fee', 'support') THEN 'Recurring'
        WHEN kind IN ('upfront', 'tax', 'credit', 'refund') THEN 'One-Time' ELSE 'Usage-Based' END""",
    "CapacityReservationId": "capacity_arn",
    "CapacityReservationStatus": "capacity_status",
    "CommitmentDiscountCategory": "CASE WHEN is_plan THEN 'Spend' WHEN is_reservation THEN 'Usage' END",
    "CommitmentDiscountId": "commitment_arn",
    "CommitmentDiscountName": f"if({_COMMITTED}, commitment_id, NULL)",
    "CommitmentDiscountStatus": (
        "CASE kind WHEN 'covered' THEN 'Used' WHEN 'reserved' THEN 'Used' WHEN 'unused' THEN 'Unused' END"
    ),
    "CommitmentDiscountType": "CASE WHEN is_plan THEN 'Savings Plan' WHEN is_reservation THEN 'Reserved Instance' END",
    "CommitmentDiscountUnit": "CASE WHEN is_plan THEN 'USD' WHEN is_reservation THEN 'Hours' END",
    "ConsumedUnit": f"if(is_usage, {_UNIT}, NULL)",
    "InvoiceId": "nullif(invoice_id, '')",
    "InvoiceIssuerName": "'Amazon Web Services, Inc.'",
    "PricingCategory": f"""CASE WHEN NOT ({_PRICED}) THEN NULL
        WHEN kind IN ('covered', 'reserved', 'unused') THEN 'Committed' WHEN spot THEN 'Dynamic' ELSE 'Standard' END""",
    "PricingCurrency": "'USD'",
    "PricingUnit": f"if({_PRICED}, {_UNIT}, NULL)",
    "ProviderName": "'AWS'",
    "PublisherName": "if(seller <> '', seller, 'Amazon Web Services, Inc.')",
    "RegionId": "if(is_usage OR kind = 'refund', code, NULL)",
    "RegionName": "if(is_usage OR kind = 'refund', region_name, NULL)",
    "ResourceId": "CASE WHEN kind IN ('fee', 'upfront') THEN commitment_arn ELSE nullif(resource_id, '') END",
    "ResourceName": "CASE WHEN product_code = 'AmazonS3' THEN nullif(resource_id, '') END",
    "ResourceType": """CASE WHEN kind IN ('fee', 'upfront') THEN if(is_reservation, 'reserved-instances', 'savingsplan')
        WHEN NOT is_usage THEN NULL WHEN capacity_status = 'Unused' THEN 'capacity-reservation'
        WHEN resource_id LIKE 'i-%' THEN 'instance' WHEN resource_id LIKE 'vol-%' THEN 'volume'
        WHEN product_code = 'AmazonS3' THEN 'bucket' ELSE lower(family) END""",
    "ServiceCategory": "category",
    "ServiceName": "service_name",
    "ServiceSubcategory": "subcategory",
    "SkuId": f"if({_PRICED}, sku_id, NULL)",
    "SkuMeter": f"if({_PRICED}, usage_type, NULL)",
    "SkuPriceId": f"if({_PRICED}, sku_id || '.JRTCKXETXF.6YS6EN2CT7', NULL)",
    "SkuPriceDetails": f"""CASE WHEN {_PRICED} AND instance_type <> '' THEN MAP {{
        'InstanceType': instance_type, 'InstanceSeries': split_part(instance_type, '.', -2), 'CoreCount': vcpu,
        'MemorySize': replace(memory, ' GiB', '')}} END""",
    "SubAccountId": "account_id",
    "SubAccountName": "account_name",
    "SubAccountType": "if(account_id = payer_id, 'Management Account', 'Member Account')",
    "Tags": """CASE WHEN is_usage AND coalesce(team, environment, project) IS NOT NULL THEN
        map_from_entries(list_filter([{'k': 'environment', 'v': environment}, {'k': 'project', 'v': project},
        {'k': 'team', 'v': team}], lambda e: e.v IS NOT NULL)) END""",
    "x_CostCategories": "MAP {'business_unit': business_unit}",
    "x_Operation": "if(kind = 'tax', NULL, operation)",
    "x_ServiceCode": "product_code",
    "x_UsageType": "if(kind = 'tax', NULL, usage_type)",
}

_DISCOUNTED = "(kind = 'usage' AND private_discount > 0)"
_PRICE = """CASE WHEN kind IN ('fee', 'upfront', 'support') THEN billed / quantity WHEN is_usage THEN {}
    WHEN kind = 'unused' THEN 0 END"""
_LISTED = _PRICE.format("list_rate")
_CONTRACTED = _PRICE.format("rate * (1 - if(kind = 'usage', private_discount, 0))")

LINE = {
    "BilledCost": "billed",
    "ChargePeriodEnd": "ends",
    "ChargePeriodStart": "starts",
    # a plan's is counted in USD, a reservation's in hours
    "CommitmentDiscountQuantity": """CASE WHEN kind IN ('covered', 'unused') AND is_plan THEN effective
        WHEN kind = 'upfront' AND is_reservation THEN quantity * term_hours
        WHEN kind IN ('fee', 'upfront') AND is_plan THEN billed
        WHEN is_reservation THEN quantity END""",
    "ConsumedQuantity": "if(is_usage, quantity, NULL)",
    "ContractedCost": "if(kind = 'usage', net, list_cost)",
    "ContractedUnitPrice": _CONTRACTED,
    "EffectiveCost": "effective",
    "ListCost": "list_cost",
    "ListUnitPrice": _LISTED,
    "PricingCurrencyContractedUnitPrice": _CONTRACTED,
    "PricingCurrencyEffectiveCost": "effective",
    "PricingCurrencyListUnitPrice": _LISTED,
    "PricingQuantity": f"if({_PRICED}, quantity, NULL)",
    "x_Discounts": f"if({_DISCOUNTED}, MAP {{'PrivateRateDiscount': net - cost}}, NULL)",
}
