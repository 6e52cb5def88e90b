-- COST_OPTIMIZATION_RECOMMENDATIONS: `recommended`, every recommendation that the organisation's resources give rise to.
-- `parts` (other_tables.py) has what each resource used on the complete days of the lookback period. Which of them
-- stand idle or are too large is drawn from their ids, so that a recommendation stays until its resource is gone.

-- Cost Optimization Hub's summary and ResourceDetails of one value: an instance type, gigabytes, megabytes.
CREATE TEMP MACRO summary(type, value) AS CASE type
    WHEN 'EbsVolume' THEN value || ' GB gp3 storage'
    WHEN 'LambdaFunction' THEN value || ' MB memory'
    ELSE value END;
CREATE TEMP MACRO configuration(type, value) AS CASE type
    WHEN 'Ec2Instance' THEN json_object('instance', json_object('type', value))
    WHEN 'RdsDbInstance' THEN json_object('instance', json_object('dbInstanceClass', value))
    WHEN 'EbsVolume' THEN json_object('storage', json_object('type', 'gp3', 'sizeInGb', try_cast(value AS DOUBLE)))
    WHEN 'LambdaFunction' THEN json_object('compute', json_object('memorySizeInMB', try_cast(value AS INTEGER)))
    WHEN 'NatGateway' THEN json_object()
    ELSE json_object('accountScope', 'Payer', 'term', 'OneYear', 'paymentOption', 'NoUpfront') END;
CREATE TEMP MACRO details(type, value, before, after, usages) AS json_object(lower(type[1]) || type[2:],
    json_object('configuration', configuration(type, value), 'costCalculation', json_object('pricing', json_object(
        'estimatedCostBeforeDiscounts', before, 'estimatedCostAfterDiscounts', after), 'usages', usages)))::VARCHAR;

CREATE TABLE recommended AS
WITH used AS (
    SELECT * EXCLUDE (list_cost, cost, quantity, days, last_day), sum(list_cost) AS list_cost, sum(cost) AS cost,
        sum(quantity) AS quantity, sum(days) AS days, max(last_day) AS last_day
    FROM parts
    GROUP BY ALL
),
priced AS (
    SELECT *, -- as if the last days went on for a month of 730 hours; a function may rest for days
        730 / 24 / if(usage_type LIKE '%Lambda%', least(14, day(yesterday)), days) AS factor,
        list_cost * factor AS before, cost * factor AS after, quantity * factor AS monthly,
        ('0x' || md5(resource_id)[:8])::BIGINT % 100 AS chance,
        CASE WHEN usage_type LIKE '%BoxUsage:%' THEN 'Ec2Instance'
            WHEN usage_type LIKE '%InstanceUsage:%' OR usage_type LIKE '%Multi-AZUsage:%' THEN 'RdsDbInstance'
            WHEN usage_type LIKE '%EBS:VolumeUsage.gp3' THEN 'EbsVolume'
            WHEN usage_type LIKE '%Lambda-GB-Second' THEN 'LambdaFunction'
            WHEN usage_type LIKE '%NatGateway-Hours' THEN 'NatGateway' END AS type
    FROM used, moment
    WHERE last_day >= yesterday - to_days(if(usage_type LIKE '%Lambda%', 6, 0)) AND cost > 0
),
resources AS (
    SELECT *, CASE type
            WHEN 'Ec2Instance' THEN concat('arn:aws:ec2:', region, ':', account_id, ':instance/', resource_id)
            WHEN 'EbsVolume' THEN concat('arn:aws:ec2:', region, ':', account_id, ':volume/', resource_id)
            ELSE resource_id END AS resource_arn,
        CASE type WHEN 'EbsVolume' THEN greatest(1, round(monthly))::BIGINT::VARCHAR
            WHEN 'LambdaFunction' THEN '1024' WHEN 'NatGateway' THEN 'NAT gateway' ELSE instance_type END AS now_is,
        ['nano', 'micro', 'small', 'medium', 'large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge'] AS sizes,
        split_part(instance_type, '.', -1) AS size,
        CASE WHEN size <> 'large' OR regexp_matches(instance_type, '^(db\.)?t') -- only burstable types come smaller
            THEN regexp_replace(instance_type, '[^.]+$', sizes[list_position(sizes, size) - 1]) END AS smaller,
        CASE WHEN regexp_matches(instance_type, '^[a-z]+\dg') THEN NULL -- has Graviton already
            WHEN instance_type LIKE 't%' THEN 't4g.' || size
            ELSE instance_type[1] || '7g.' || size END AS graviton
    FROM priced
),
options (type, action, first, last, share, effort, rollback) AS (
    VALUES ('Ec2Instance', 'Stop', 0, 7, 1::DOUBLE, 'VeryLow', true),
        ('Ec2Instance', 'Rightsize', 0, 29, 0.5, 'Medium', true),
        ('Ec2Instance', 'MigrateToGraviton', 0, 69, 0.2, 'VeryHigh', true),
        ('RdsDbInstance', 'Stop', 0, 4, 1.0, 'VeryLow', true),
        ('RdsDbInstance', 'Rightsize', 0, 34, 0.5, 'Medium', true),
        ('EbsVolume', 'Delete', 0, 9, 1.0, 'Low', false),
        ('LambdaFunction', 'Rightsize', 0, 24, 0.5, 'Low', true),
        ('NatGateway', 'Delete', 0, 9, 1.0, 'Low', false)
),
of_resources AS (
    SELECT resource_id AS one_of, account_id, region, resource_id, resource_arn, type, action, share, effort,
        type IN ('Ec2Instance', 'RdsDbInstance') AS restart, rollback, 14 AS lookback, 'ComputeOptimizer' AS source,
        before, after, tags, now_is,
        CASE action WHEN 'MigrateToGraviton' THEN graviton
            WHEN 'Rightsize' THEN if(type = 'LambdaFunction', '512', smaller) ELSE '' END AS becomes,
        json_array(json_object('usageType', usage_type, 'usageAmount', monthly, 'operation', operation,
            'productCode', product_code, 'unit', unit)) AS usages
    FROM resources JOIN options USING (type)
    WHERE chance BETWEEN first AND last AND becomes IS NOT NULL
),
-- What runs on demand could be committed to; the two ways to do so for compute exclude each other.
bought (family, type, action, share) AS (
    VALUES ('Ec2Instance', 'ComputeSavingsPlans', 'PurchaseSavingsPlans', 0.7::DOUBLE * 0.28),
        ('Ec2Instance', 'Ec2ReservedInstances', 'PurchaseReservedInstances', 0.6 * 0.28),
        ('RdsDbInstance', 'RdsReservedInstances', 'PurchaseReservedInstances', 0.7 * 0.38)
),
commitments AS (
    SELECT if(family = 'Ec2Instance', family, family || place) AS one_of, any_value(payer_id) AS account_id,
        if(action = 'PurchaseSavingsPlans', '', region) AS place, '' AS resource_id, '' AS resource_arn, bought.type,
        action, share, 'VeryLow' AS effort, false AS restart, false AS rollback, 30 AS lookback,
        'CostExplorer' AS source, sum(before) AS before, sum(after) AS after,
        MAP {}::MAP(VARCHAR, VARCHAR) AS tags, 'On-demand usage' AS now_is,
        'One year, no upfront payment' AS becomes, json_array() AS usages
    FROM resources JOIN bought ON family = resources.type
    WHERE for_payer AND NOT covered
    GROUP BY family, bought.type, action, share, place
)
SELECT one_of, resource_id,
    account_id,
    action AS action_type,
    'USD' AS currency_code,
    details(type, now_is, before, after, usages) AS current_resource_details,
    summary(type, now_is) AS current_resource_summary,
    type AS current_resource_type,
    after AS estimated_monthly_cost_after_discount,
    before AS estimated_monthly_cost_before_discount,
    after * share AS estimated_monthly_savings_after_discount,
    before * share AS estimated_monthly_savings_before_discount,
    100 * share AS estimated_savings_percentage_after_discount,
    100 * share AS estimated_savings_percentage_before_discount,
    effort AS implementation_effort,
    strftime(refreshed, '%Y-%m-%dT%H:%M:%SZ') AS last_refresh_timestamp,
    md5(concat_ws('/', account_id, region, resource_id, action, type)) AS recommendation_id,
    lookback::INTEGER AS recommendation_lookback_period_in_days,
    source AS recommendation_source,
    if(becomes = '', '', details(type, becomes, before * (1 - share), after * (1 - share), usages))
        AS recommended_resource_details,
    if(becomes = '', '', summary(type, becomes)) AS recommended_resource_summary,
    type AS recommended_resource_type,
    region,
    resource_arn,
    restart AS restart_needed,
    rollback AS rollback_possible,
    tags
FROM (FROM of_resources UNION ALL BY NAME SELECT * RENAME (place AS region) FROM commitments), moment;
