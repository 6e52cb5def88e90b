-- CARBON_EMISSIONS: one row per account, service and region of a month, in tonnes of CO2 equivalent.
-- `parts` (other_tables.py) has what the usage costs on demand: our stand-in for the energy that it takes.
CREATE TABLE main.shown AS
WITH places AS (
    SELECT payer_id, account_id, product_code, month_starts, month_ends,
        if(is_global, '', region) AS region_code, if(is_global, 'Global', region_name) AS location,
        -- tonnes per USD: electricity of a cleaner grid causes less
        sum(list_cost * CASE WHEN region = 'us-west-2' THEN 8e-5 WHEN region LIKE 'eu-%' THEN 6e-5 ELSE 11e-5 END)
            AS electricity,
        sum(list_cost * 4e-5) AS hardware
    FROM (SELECT *, product_code IN ('AmazonCloudFront', 'AmazonRoute53') AS is_global FROM parts)
    WHERE list_cost > 0
    GROUP BY ALL
)
SELECT payer_id AS payer_account_id,
    account_id AS usage_account_id,
    electricity * 0.03 AS total_scope_1_emissions_value, -- fuel of the generators
    electricity AS total_scope_2_lbm_emissions_value,
    0.0::DOUBLE AS total_scope_2_mbm_emissions_value, -- market based: all power is bought as renewable
    hardware + electricity * 0.2 AS total_scope_3_lbm_emissions_value,
    hardware AS total_scope_3_mbm_emissions_value,
    total_scope_1_emissions_value + total_scope_2_lbm_emissions_value + total_scope_3_lbm_emissions_value
        AS total_lbm_emissions_value,
    total_scope_1_emissions_value + total_scope_2_mbm_emissions_value + total_scope_3_mbm_emissions_value
        AS total_mbm_emissions_value,
    'MTCO2e' AS total_lbm_emissions_unit,
    'MTCO2e' AS total_mbm_emissions_unit,
    'MTCO2e' AS total_scope_1_emissions_unit,
    'MTCO2e' AS total_scope_2_lbm_emissions_unit,
    'MTCO2e' AS total_scope_2_mbm_emissions_unit,
    'MTCO2e' AS total_scope_3_lbm_emissions_unit,
    'MTCO2e' AS total_scope_3_mbm_emissions_unit,
    'v3.0.0' AS model_version,
    product_code,
    month_starts AS usage_period_start,
    month_ends AS usage_period_end,
    refreshed::TIMESTAMP_MS AS last_refresh_timestamp,
    region_code,
    location
FROM places, moment
ORDER BY usage_account_id, product_code, region_code;
