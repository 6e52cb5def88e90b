-- `items`: everything that stays the same over the lines of one meter, one row per meter. The views name its columns.
-- `price`: a number of USD as AWS writes it, never with an exponent, and with two decimals at least.
CREATE OR REPLACE TEMP MACRO price(amount) AS regexp_replace(amount::DECIMAL(30, 14)::VARCHAR, '(\.\d\d\d*?)0+$', '\1');

CREATE OR REPLACE TEMP TABLE items AS
WITH named AS (
    SELECT meters.meter, meters.kind, meters.rate, meters.list_rate, meters.committed_rate, meters.private_discount, meters.sku,
        region AS region_number, chr(97 + meters.zone) AS zone, meters.token, host.token AS host_token,
        meters.share, meters.occupied,
        team.text AS team, environment.text AS environment, project.text AS project,
        service_code, product_code, service_name, category, subcategory, operation, unit, family, instance_type, vcpu,
        memory, volume_type, storage_class, savings_plan, per, skus.description, seller, code, name AS region_name, account_id, account_name,
        prefix || usage_type AS usage_type, usage_type AS bare_usage_type, usage_type LIKE 'SpotUsage:%' AS spot,
        product_code = 'AmazonEC2' AND family = 'Compute Instance' AS ec2_instance,
        upper(md5(service_code || code || usage_type || operation)[:16]) AS sku_id,
        meters.kind IN ('usage', 'covered', 'reserved') AS is_usage,
        coalesce(NOT reserves, false) AND meters.kind IN ('covered', 'negation', 'fee', 'upfront', 'unused') AS is_plan,
        coalesce(reserves, false) AS is_reservation,
        offering, upfront, years, hourly, units, term_hours, term_starts, term_ends, commitment_id,
        payer_id, payer_name, refreshed,
        CASE WHEN seller <> '' THEN 'marketplace' WHEN kind = 'refund' THEN 'refund' WHEN kind = 'upfront' THEN 'purchase'
            ELSE 'month' END AS bill, invoices[bill] AS invoice_id,
        getvariable('month_starts') AS month_starts, getvariable('month_ends') AS month_ends,
        getvariable('end_month_hour') - getvariable('first_month_hour') AS month_hours,
        CASE upfront WHEN 0 THEN 'No Upfront' WHEN 1 THEN 'All Upfront' ELSE 'Partial Upfront' END AS payment_option,
        concat('arn:aws:', CASE product_code WHEN 'AmazonEC2' THEN 'ec2' WHEN 'AmazonRDS' THEN 'rds'
            WHEN 'AWSLambda' THEN 'lambda' ELSE lower(replace(replace(product_code, 'Amazon', ''), 'AWS', '')) END,
            ':', code, ':', account_id, ':') AS arn,
        -- normalised units of an instance: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html
        CASE WHEN ec2_instance OR family = 'Database Instance' THEN CASE split_part(instance_type, '.', -1)
            WHEN 'medium' THEN 2 WHEN 'large' THEN 4 WHEN 'xlarge' THEN 8 WHEN '2xlarge' THEN 16 END END AS factor
    FROM meters JOIN skus USING (sku) JOIN regions USING (region) JOIN accounts USING (account)
    LEFT JOIN commitments USING (commitment)
    LEFT JOIN (SELECT meter, token FROM meters) host ON host.meter = meters.host
    LEFT JOIN tags team ON team.tag = 'team' AND team.number = meters.team
    LEFT JOIN tags environment ON environment.tag = 'environment' AND environment.number = meters.environment
    LEFT JOIN tags project ON project.tag = 'project' AND project.number = meters.project,
    facts
)
SELECT named.* EXCLUDE (token),
    CASE WHEN is_reservation THEN concat(CASE product_code WHEN 'AmazonRDS' THEN 'arn:aws:rds:' || code
            WHEN 'AmazonElastiCache' THEN 'arn:aws:elasticache:' || code ELSE 'arn:aws:ec2:' || code END,
            ':', payer_id, CASE product_code WHEN 'AmazonRDS' THEN ':ri:' WHEN 'AmazonElastiCache'
            THEN ':reserved-instance:' ELSE ':reserved-instances/' END, commitment_id)
        WHEN is_plan THEN concat('arn:aws:savingsplans::', payer_id, ':savingsplan/', commitment_id)
        END AS commitment_arn,
    CASE WHEN NOT getvariable('resources') THEN ''
        WHEN kind = 'container' AND product_code = 'AmazonEKS'
            THEN concat(arn, 'pod/', account_name, '-cluster/', workload, '/', workload, '-', token[:10], '/', token)
        WHEN kind = 'container' THEN concat(arn, 'task/', account_name, '-cluster/', token)
        WHEN NOT is_usage THEN ''
        WHEN capacity_status = 'Unused' THEN capacity_arn
        WHEN ec2_instance THEN 'i-' || token
        WHEN usage_type LIKE '%EBS:VolumeUsage%' THEN 'vol-' || token
        WHEN product_code = 'AmazonS3' THEN concat('acme-', coalesce(project, 'shared'), '-', token[:8])
        WHEN product_code = 'AmazonEC2' AND family = 'NAT Gateway' THEN arn || 'natgateway/nat-' || token
        WHEN product_code = 'AmazonEC2' AND family = 'Storage Snapshot' THEN arn || 'snapshot/snap-' || token
        WHEN product_code = 'AmazonEC2' THEN 'i-' || token
        WHEN product_code = 'AmazonRDS' THEN arn || 'db:db-' || token[:10]
        WHEN product_code = 'AWSLambda' THEN arn || 'function:' || coalesce(project, 'shared') || '-' || token[:6]
        ELSE arn || token END AS resource_id,
    CASE WHEN is_usage AND (ec2_instance OR usage_type LIKE '%EBS:VolumeUsage%') THEN code || zone END
        AS availability_zone,
    CASE WHEN spot THEN 'Spot' WHEN kind = 'reserved' OR is_reservation THEN 'Reserved' WHEN is_usage THEN 'OnDemand'
        END AS term,
    CASE WHEN account_id = payer_id THEN 'Platform'
        WHEN team IN ('checkout', 'payments') THEN 'Commerce'
        WHEN team IS NULL THEN 'Unassigned'
        ELSE 'Product' END AS business_unit,
    -- what identifies a meter in one refresh, for AWS's ids do not outlive it; counter-entries are made slice by slice
    concat_ws('/', refreshed, kind, sku, region_number, account_id, zone, team, environment, project, commitment_id, token, share,
        if(kind IN ('negation', 'discount'), getvariable('slice'), NULL)) AS identity
FROM (
    SELECT *, coalesce(project, 'shared') AS workload, usage_type LIKE '%DataTransfer-%' AS transfer,
        usage_type LIKE '%DataTransfer-Regional%' AS within,
        CASE WHEN bare_usage_type = 'UnusedBox:m5.large' THEN 'Unused'
            WHEN is_usage AND bare_usage_type = 'BoxUsage:m5.large' AND environment = 'prod' THEN 'Used'
            END AS capacity_status,
        if(capacity_status IS NULL, NULL, concat(arn, 'capacity-reservation/cr-0', md5(arn)[:16])) AS capacity_arn
    FROM named
) named;
