-- How the `demand` of all slices (resources.sql) could be committed to, as `found`. The two ways to do so for compute exclude each other.
CREATE OR REPLACE TABLE main.found AS
WITH bought (family, type, action, share) AS (
    VALUES ('Ec2Instance', 'ComputeSavingsPlans', 'PurchaseSavingsPlans', 0.7::DOUBLE * 0.28),
        ('Ec2Instance', 'Ec2ReservedInstances', 'PurchaseReservedInstances', 0.6 * 0.28),
        ('RdsDbInstance', 'RdsReservedInstances', 'PurchaseReservedInstances', 0.7 * 0.38)
)
SELECT if(family = 'Ec2Instance', family, family || region) AS one_of, any_value(payer_id) AS account_id,
    if(action = 'PurchaseSavingsPlans', '', region) AS region, '' AS resource_id, '' AS resource_arn, bought.type,
    action, share, 'VeryLow' AS effort, false AS restart, false AS rollback, 30 AS lookback,
    'CostExplorer' AS source, sum(before) AS before, sum(after) AS after,
    MAP {}::MAP(VARCHAR, VARCHAR) AS tags, 'On-demand usage' AS now_is,
    'One year, no upfront payment' AS becomes, json_array() AS usages
FROM demand JOIN bought ON family = demand.type
GROUP BY ALL;
