-- CARBON_EMISSIONS: one row per account, service and region of a month that is over, in tonnes of CO2 equivalent.
CREATE TEMP TABLE export AS
WITH places AS (
    SELECT payer_id, account_id, product_code, code, region_name, month_starts, month_ends,
        sum(list_cost) / 9000 AS lbm
    FROM lines JOIN items USING (meter), moment
    WHERE is_usage AND refreshed >= month_ends
    GROUP BY ALL
),
scopes AS (SELECT *, lbm * 0.02 AS scope_1, lbm * 0.58 AS scope_2, lbm * 0.4 AS scope_3 FROM places)
SELECT row_number() OVER (ORDER BY account_id, product_code, code) - 1 AS line_number,
    payer_id AS payer_account_id,
    account_id AS usage_account_id,
    scope_1 + scope_3 AS total_mbm_emissions_value,
    'MTCO2e' AS total_mbm_emissions_unit,
    lbm AS total_lbm_emissions_value,
    'MTCO2e' AS total_lbm_emissions_unit,
    'MTCO2e' AS total_scope_1_emissions_unit,
    scope_1 AS total_scope_1_emissions_value,
    'MTCO2e' AS total_scope_2_lbm_emissions_unit,
    scope_2 AS total_scope_2_lbm_emissions_value,
    'MTCO2e' AS total_scope_2_mbm_emissions_unit,
    0.0::DOUBLE AS total_scope_2_mbm_emissions_value, -- market based: all power is bought as renewable
    'MTCO2e' AS total_scope_3_lbm_emissions_unit,
    scope_3 AS total_scope_3_lbm_emissions_value,
    'MTCO2e' AS total_scope_3_mbm_emissions_unit,
    scope_3 AS total_scope_3_mbm_emissions_value,
    'v3.0.0' AS model_version,
    product_code,
    month_starts::TIMESTAMP_MS AS usage_period_start,
    month_ends::TIMESTAMP_MS AS usage_period_end,
    refreshed::TIMESTAMP_MS AS last_refresh_timestamp,
    code AS region_code,
    region_name AS location
FROM scopes, moment;
