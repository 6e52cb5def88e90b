-- The lines of a CUR 2.0 slice (the view `export`) that are on the month's anniversary bill, before tax, under the
-- names of Part and Owned in bill_parts.py. `number` tells apart what differs in anything that matters there; it is
-- the same at every granularity.
CREATE TEMP VIEW history_lines AS
SELECT
    hash(service, usage_type, operation, account, type, zone, plan, reservation, unit, location, region, instance_type,
        account_name, service_name, tags::VARCHAR, categories::VARCHAR) AS number, *
FROM (
    SELECT product_servicecode AS service,
        line_item_usage_type AS usage_type,
        line_item_operation AS operation,
        line_item_usage_account_id AS account,
        line_item_line_item_type AS type,
        line_item_availability_zone AS zone,
        savings_plan_savings_plan_a_r_n AS plan,
        reservation_reservation_a_r_n AS reservation,
        pricing_unit AS unit,
        product_location AS location,
        product_region_code AS region,
        product_instance_type AS instance_type,
        line_item_usage_account_name AS account_name,
        product['product_name'] AS service_name,
        resource_tags AS tags,
        cost_category AS categories,
        line_item_usage_amount AS quantity,
        line_item_unblended_cost AS cost,
        pricing_public_on_demand_cost AS list_cost,
        coalesce(savings_plan_savings_plan_effective_cost, reservation_effective_cost, line_item_net_unblended_cost)
            AS effective_cost,
        epoch(line_item_usage_start_date)::BIGINT // 3600 AS hour,
        savings_plan_offering_type AS kind,
        concat(savings_plan_payment_option, pricing_purchase_option) AS payment,
        concat(savings_plan_purchase_term, pricing_lease_contract_length) AS term,
        if(savings_plan_region <> '', savings_plan_region, product_region_code) AS place,
        savings_plan_instance_type_family AS family,
        coalesce(savings_plan_amortized_upfront_commitment_for_billing_period, 0)
            + coalesce(reservation_amortized_upfront_fee_for_billing_period, 0) AS amortized_upfront
    FROM export
    WHERE bill_bill_type <> 'Purchase' AND line_item_line_item_type <> 'Tax'
) renamed;
