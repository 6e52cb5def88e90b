-- COST_OPTIMIZATION_RECOMMENDATIONS: one machine in four could move to Graviton, one in eight stands idle.
CREATE TEMP TABLE export AS
WITH machines AS (
    SELECT *, cost / nullif(quantity, 0) * 730 AS monthly, token[1] IN ('0', '1') AS idle,
        if(service_code = 'AmazonRDS', 'RdsDbInstance', 'Ec2Instance') AS resource_type
    FROM lines JOIN items USING (meter)
    WHERE kind = 'usage' AND service_code IN ('AmazonEC2', 'AmazonRDS') AND instance_type <> '' AND NOT spot
        AND token[1] IN ('0', '1', '2', '3', '4', '5')
),
saved AS (SELECT *, monthly * if(idle, 1, 0.2) AS savings FROM machines)
SELECT row_number() OVER (ORDER BY savings DESC, resource_id) - 1 AS line_number,
    account_id,
    if(idle, 'Stop', 'MigrateToGraviton') AS action_type,
    'USD' AS currency_code,
    to_json({'configuration': {'instance': {'type': instance_type}}})::VARCHAR AS current_resource_details,
    instance_type AS current_resource_summary,
    resource_type AS current_resource_type,
    monthly - savings AS estimated_monthly_cost_after_discount,
    monthly - savings AS estimated_monthly_cost_before_discount,
    savings AS estimated_monthly_savings_after_discount,
    savings AS estimated_monthly_savings_before_discount,
    100 * savings / monthly AS estimated_savings_percentage_after_discount,
    100 * savings / monthly AS estimated_savings_percentage_before_discount,
    if(idle, 'VeryLow', 'High') AS implementation_effort,
    strftime(refreshed, '%Y-%m-%dT%H:%M:%SZ') AS last_refresh_timestamp,
    md5(resource_id || action_type) AS recommendation_id,
    14::INTEGER AS recommendation_lookback_period_in_days,
    'ComputeOptimizer' AS recommendation_source,
    if(idle, '', to_json({'configuration': {'instance': {'type': graviton}}})::VARCHAR) AS recommended_resource_details,
    if(idle, '', graviton) AS recommended_resource_summary,
    resource_type AS recommended_resource_type,
    code AS region,
    if(resource_id LIKE 'arn:%', resource_id, concat('arn:aws:ec2:', code, ':', account_id, ':instance/', resource_id))
        AS resource_arn,
    true AS restart_needed,
    true AS rollback_possible,
    map_from_entries(list_filter([{'k': 'environment', 'v': environment}, {'k': 'team', 'v': team}],
        lambda e: e.v IS NOT NULL)) AS tags
FROM (SELECT *, regexp_replace(instance_type, '([a-z])(\d)[a-z]*\.', '\17g.') AS graviton FROM saved), moment;
