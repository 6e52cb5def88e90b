-- `items`: everything that stays the same over the lines of one meter, one row per meter. The views name its columns.
CREATE TEMP TABLE items AS
WITH named AS (
    SELECT meter, meters.kind, rate, plan_rate, meters.sku, region AS region_number, zone, token,
        nullif(team, '') AS team, nullif(environment, '') AS environment, nullif(project, '') AS project,
        service_code, product_code, service_name, category, subcategory, operation, unit, family, instance_type, vcpu,
        memory, savings_plan, skus.description, code, name AS region_name, account_id, account_name,
        prefix || usage_type AS usage_type, usage_type LIKE 'SpotUsage:%' AS spot,
        upper(md5(service_code || code || usage_type || operation)[:16]) AS sku_id,
        meters.kind IN ('usage', 'covered') AS is_usage,
        meters.kind IN ('covered', 'negation', 'fee', 'upfront', 'unused') AS is_plan,
        payer_id, payer_name, invoice_id, month_starts, month_ends, plan_arn, plan_id, plan_starts, plan_ends
    FROM meters JOIN skus USING (sku) JOIN regions USING (region) JOIN accounts USING (account), settings, facts
)
SELECT named.*,
    CASE WHEN NOT is_usage THEN ''
        WHEN family = 'Compute Instance' THEN 'i-' || token
        WHEN usage_type LIKE '%EBS:VolumeUsage%' THEN 'vol-' || token
        WHEN service_code = 'AmazonS3' THEN concat('acme-', coalesce(project, 'shared'), '-', token[:8])
        WHEN service_code = 'AmazonEC2' AND family = 'NAT Gateway' THEN arn || 'natgateway/nat-' || token
        WHEN service_code = 'AmazonEC2' AND family = 'Storage Snapshot' THEN arn || 'snapshot/snap-' || token
        WHEN service_code = 'AmazonEC2' THEN 'i-' || token
        WHEN service_code = 'AmazonRDS' THEN arn || 'db:db-' || token[:10]
        WHEN service_code = 'AWSLambda' THEN arn || 'function:' || coalesce(project, 'shared') || '-' || token[:6]
        ELSE arn || token END AS resource_id,
    CASE WHEN is_usage AND (family = 'Compute Instance' OR usage_type LIKE '%EBS:VolumeUsage%') THEN code || zone END
        AS availability_zone,
    CASE WHEN spot THEN 'Spot' WHEN is_usage THEN 'OnDemand' END AS term,
    CASE WHEN account_id = payer_id THEN 'Platform'
        WHEN team IN ('checkout', 'payments') THEN 'Commerce'
        WHEN team IS NULL THEN 'Unassigned'
        ELSE 'Product' END AS business_unit
FROM (
    SELECT *, concat('arn:aws:', CASE service_code WHEN 'AmazonEC2' THEN 'ec2' WHEN 'AmazonRDS' THEN 'rds'
        WHEN 'AWSLambda' THEN 'lambda' ELSE lower(replace(replace(service_code, 'Amazon', ''), 'AWS', '')) END,
        ':', code, ':', account_id, ':') AS arn
    FROM named
) named;
