-- COST_OPTIMIZATION_RECOMMENDATIONS: `recommended`, the table's words for what is in `found` (resources.sql, commitments.sql).

-- Cost Optimization Hub's summary and ResourceDetails of one value: an instance type, gigabytes, megabytes.
CREATE OR REPLACE MACRO summary(type, value) AS CASE type
    WHEN 'EbsVolume' THEN value || ' GB gp3 storage'
    WHEN 'LambdaFunction' THEN value || ' MB memory'
    ELSE value END;
CREATE OR REPLACE MACRO configuration(type, value) AS CASE type
    WHEN 'Ec2Instance' THEN json_object('instance', json_object('type', value))
    WHEN 'RdsDbInstance' THEN json_object('instance', json_object('dbInstanceClass', value))
    WHEN 'EbsVolume' THEN json_object('storage', json_object('type', 'gp3', 'sizeInGb', try_cast(value AS DOUBLE)))
    WHEN 'LambdaFunction' THEN json_object('compute', json_object('memorySizeInMB', try_cast(value AS INTEGER)))
    WHEN 'NatGateway' THEN json_object()
    ELSE json_object('accountScope', 'Payer', 'term', 'OneYear', 'paymentOption', 'NoUpfront') END;
CREATE OR REPLACE MACRO details(type, value, before, after, usages) AS json_object(lower(type[1]) || type[2:],
    json_object('configuration', configuration(type, value), 'costCalculation', json_object('pricing', json_object(
        'estimatedCostBeforeDiscounts', before, 'estimatedCostAfterDiscounts', after), 'usages', usages)))::VARCHAR;

CREATE OR REPLACE VIEW recommended AS
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
FROM found, moment;
