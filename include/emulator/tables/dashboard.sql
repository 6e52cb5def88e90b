-- COST_AND_USAGE_DASHBOARD: one slice of CUR 2.0 (`export`, daily), summed up by day and by everything that is no number.
SELECT sum(CASE line_item_line_item_type
        WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
        WHEN 'SavingsPlanRecurringFee' THEN savings_plan_total_commitment_to_date - savings_plan_used_commitment
        WHEN 'SavingsPlanNegation' THEN 0
        WHEN 'SavingsPlanUpfrontFee' THEN 0
        WHEN 'DiscountedUsage' THEN reservation_effective_cost
        WHEN 'RIFee' THEN reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee
        WHEN 'Fee' THEN if(reservation_reservation_a_r_n <> '', 0, line_item_unblended_cost)
        ELSE line_item_unblended_cost END) AS amortized_cost,
    line_item_availability_zone AS availability_zone,
    bill_billing_entity AS billing_entity,
    bill_billing_period_start_date AS billing_period,
    if(line_item_line_item_type IN ('DiscountedUsage', 'SavingsPlanCoveredUsage', 'Usage'), 'Running_usage',
        'Non_Usage') AS charge_category,
    line_item_line_item_type AS charge_type,
    coalesce(product['current_generation'], '') AS current_generation,
    coalesce(product['database_engine'], '') AS database_engine,
    product_instance_type AS instance_type,
    coalesce(product['instance_type_family'], '') AS instance_type_family,
    bill_invoice_id AS invoice_id,
    line_item_line_item_description AS item_description,
    line_item_legal_entity AS legal_entity,
    line_item_usage_account_id AS linked_account_id,
    line_item_operation AS operation,
    bill_payer_account_id AS payer_account_id,
    coalesce(product['operating_system'], '') AS platform,
    pricing_unit,
    coalesce(product['physical_processor'], '') AS processor,
    coalesce(product['processor_features'], '') AS processor_features,
    line_item_product_code AS product_code,
    product_product_family AS product_family,
    product_from_location,
    coalesce(product['group'], '') AS product_group,
    coalesce(product['product_name'], '') AS product_name,
    product_to_location,
    sum(if(line_item_line_item_type = 'SavingsPlanNegation', 0, pricing_public_on_demand_cost)) AS public_cost,
    CASE WHEN savings_plan_savings_plan_a_r_n <> '' THEN 'SavingsPlan'
        WHEN reservation_reservation_a_r_n <> '' THEN 'Reserved'
        WHEN line_item_usage_type LIKE '%Spot%' THEN 'Spot'
        ELSE 'OnDemand' END AS purchase_option,
    product_region_code AS region,
    count(DISTINCT nullif(line_item_resource_id, ''))::INTEGER AS resource_id_count,
    concat(savings_plan_savings_plan_a_r_n, reservation_reservation_a_r_n) AS ri_sp_arn,
    sum(CASE line_item_line_item_type
        WHEN 'SavingsPlanRecurringFee' THEN -savings_plan_amortized_upfront_commitment_for_billing_period
        WHEN 'RIFee' THEN -reservation_amortized_upfront_fee_for_billing_period
        ELSE 0 END) AS ri_sp_trueup,
    sum(CASE WHEN line_item_line_item_type = 'SavingsPlanUpfrontFee'
            OR (line_item_line_item_type = 'Fee' AND reservation_reservation_a_r_n <> '')
        THEN line_item_unblended_cost ELSE 0 END) AS ri_sp_upfront_fees,
    if(bill_billing_entity = 'AWS Marketplace', coalesce(product['product_name'], ''),
        if(product_servicecode = '', line_item_product_code, product_servicecode)) AS service,
    coalesce(product['tenancy'], '') AS tenancy,
    sum(line_item_unblended_cost) AS unblended_cost,
    date_trunc('day', line_item_usage_start_date)::TIMESTAMP_MS AS usage_date,
    sum(if(charge_category = 'Running_usage', line_item_usage_amount, 0)) AS usage_quantity,
    line_item_usage_type AS usage_type
FROM export
GROUP BY ALL
