-- What one slice of CUR 2.0 (`export`: all days of some resources) gives rise to: `found`, the recommendations about its
-- resources, and `demand`, what of them could be committed to. Which resources stand idle or are too large is drawn from
-- their ids, so that a recommendation stays until its resource is gone.

CREATE OR REPLACE TABLE main.resources AS
WITH typed AS (
    SELECT *,
        CASE WHEN line_item_usage_type LIKE '%BoxUsage:%' THEN 'Ec2Instance'
            WHEN line_item_usage_type LIKE '%InstanceUsage:%' OR line_item_usage_type LIKE '%Multi-AZUsage:%'
                THEN 'RdsDbInstance'
            WHEN line_item_usage_type LIKE '%EBS:VolumeUsage.gp3' THEN 'EbsVolume'
            WHEN line_item_usage_type LIKE '%Lambda-GB-Second' THEN 'LambdaFunction'
            WHEN line_item_usage_type LIKE '%NatGateway-Hours' THEN 'NatGateway' END AS type
    FROM export
),
used AS (
    SELECT type, line_item_resource_id AS resource_id, line_item_usage_account_id AS account_id,
        bill_payer_account_id AS payer_id, product_region_code AS region, line_item_usage_type AS usage_type,
        line_item_operation AS operation, line_item_product_code AS product_code, pricing_unit AS unit,
        product_instance_type AS instance_type, line_item_line_item_type <> 'Usage' AS covered,
        map_from_entries(list_transform(map_entries(any_value(resource_tags)),
            lambda tag: {'k': replace(tag.key, 'user_', ''), 'v': tag.value})) AS tags,
        sum(pricing_public_on_demand_cost) AS list_cost,
        sum(CASE line_item_line_item_type WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
            WHEN 'DiscountedUsage' THEN reservation_effective_cost ELSE line_item_unblended_cost END) AS cost,
        sum(line_item_usage_amount) AS quantity, count(*) AS days, max(line_item_usage_start_date) AS last_day
    FROM typed, moment
    WHERE line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')
        AND type IS NOT NULL AND line_item_resource_id <> ''
        AND line_item_usage_start_date > yesterday - INTERVAL 14 DAYS
    GROUP BY ALL
),
priced AS (
    SELECT *, -- as if the last days went on for a month of 730 hours; a function may rest for days
        730 / 24 / if(type = 'LambdaFunction', least(14, day(yesterday)), days) AS factor,
        list_cost * factor AS before, cost * factor AS after, quantity * factor AS monthly,
        ('0x' || md5(resource_id)[:8])::BIGINT % 100 AS chance
    FROM used, moment
    WHERE last_day >= yesterday - to_days(if(type = 'LambdaFunction', 6, 0)) AND cost > 0
)
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
FROM priced;

CREATE OR REPLACE TABLE main.found AS
WITH options (type, action, first, last, share, effort, rollback) AS (
    VALUES ('Ec2Instance', 'Stop', 0, 7, 1::DOUBLE, 'VeryLow', true),
        ('Ec2Instance', 'Rightsize', 0, 29, 0.5, 'Medium', true),
        ('Ec2Instance', 'MigrateToGraviton', 0, 69, 0.2, 'VeryHigh', true),
        ('RdsDbInstance', 'Stop', 0, 4, 1.0, 'VeryLow', true),
        ('RdsDbInstance', 'Rightsize', 0, 34, 0.5, 'Medium', true),
        ('EbsVolume', 'Delete', 0, 9, 1.0, 'Low', false),
        ('LambdaFunction', 'Rightsize', 0, 24, 0.5, 'Low', true),
        ('NatGateway', 'Delete', 0, 9, 1.0, 'Low', false)
)
SELECT resource_id AS one_of, account_id, region, resource_id, resource_arn, type, action, share, effort,
    type IN ('Ec2Instance', 'RdsDbInstance') AS restart, rollback, 14 AS lookback, 'ComputeOptimizer' AS source,
    before, after, tags, now_is,
    CASE action WHEN 'MigrateToGraviton' THEN graviton
        WHEN 'Rightsize' THEN if(type = 'LambdaFunction', '512', smaller) ELSE '' END AS becomes,
    json_array(json_object('usageType', usage_type, 'usageAmount', monthly, 'operation', operation,
        'productCode', product_code, 'unit', unit)) AS usages
FROM resources JOIN options USING (type)
WHERE chance BETWEEN first AND last AND becomes IS NOT NULL;

CREATE TABLE IF NOT EXISTS main.demand (type VARCHAR, region VARCHAR, payer_id VARCHAR, before DOUBLE, after DOUBLE);
INSERT INTO main.demand
SELECT type, region, payer_id, sum(before), sum(after)
FROM resources
WHERE for_payer AND NOT covered
GROUP BY ALL;
