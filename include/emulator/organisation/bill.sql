-- One month of the bill up to a moment, from the temporary tables that bill.py made:
--   living (a resource each), skus, factors (factor, day, value), hours (hour, next_hour: the spans of a day that get
--   a line each), shapes (profile, hour, passed: the part of a day's quantity before that hour), and settings (one row).
-- Result: meters (what is billed) and lines (how much of it in which span of time). Of a line, cost is CUR's unblended
-- cost; billed and effective are FOCUS'. A kind of line that only one of the two shows is left out by the other's view.

CREATE TEMP TABLE meters AS
WITH special AS (
    SELECT DISTINCT 'negation' AS kind, sku, region, account FROM living WHERE covered
    UNION ALL
    SELECT DISTINCT 'tax', service.sku, 0, account
    FROM living JOIN skus USING (sku)
    JOIN (SELECT product_code, min(sku) AS sku FROM skus GROUP BY product_code) service USING (product_code)
    UNION ALL
    SELECT kind, sku, 0, 0
    FROM skus JOIN (VALUES
        ('fee', 'ComputeSavingsPlans'), ('upfront', 'ComputeSavingsPlans'), ('unused', 'ComputeSavingsPlans'),
        ('support', 'AWSSupportBusiness')) plan (kind, product_code) USING (product_code)
    UNION ALL
    VALUES ('credit', 0, 0, 0), ('refund', 1, 0, 0)
)
SELECT meter, if(covered, 'covered', 'usage') AS kind, sku, region, account, zone, token, team, environment, project,
    rate, plan_rate
FROM living
UNION ALL
SELECT (SELECT count(*) FROM living) + row_number() OVER (ORDER BY kind, sku, region, account) - 1,
    kind, sku, region, account, '', '', '', '', '', 0.0, 0.0
FROM special;

CREATE TEMP TABLE used AS
WITH parts AS (
    SELECT meter, profile, day, per_day * value AS amount,
        greatest(start_hour - first_hour, 0) AS from_hour,
        least(end_hour - first_hour, until_hour - first_hour, 24) AS to_hour
    FROM living JOIN factors USING (factor), settings
    WHERE (day_number + phase) % every = 0 AND NOT (weekdays AND weekend)
),
spread AS (
    SELECT meter, day + to_hours(hours.hour) AS starts, amount * (late.passed - early.passed) AS quantity
    FROM parts
    JOIN hours ON greatest(from_hour, hours.hour) < least(to_hour, next_hour)
    JOIN shapes early ON early.profile = parts.profile AND early.hour = greatest(from_hour, hours.hour)
    JOIN shapes late ON late.profile = parts.profile AND late.hour = least(to_hour, next_hour)
    WHERE late.passed > early.passed
)
-- A month's lines are the sums of its days', so that every granularity adds up to the same bill.
SELECT spread.* FROM spread, settings WHERE span <> 'month'
UNION ALL
SELECT meter, month_starts, sum(quantity) FROM spread, settings WHERE span = 'month' GROUP BY meter, month_starts;

CREATE TEMP TABLE spans AS
SELECT starts, count(*) AS elapsed
FROM (
    SELECT date_trunc(span, make_timestamp(passed.hour * 3600000000)) AS starts
    FROM (SELECT unnest(range(first_month_hour, until_hour)) AS hour FROM settings) passed, settings
)
GROUP BY starts;

CREATE TEMP TABLE unordered AS
WITH usage AS (
    SELECT used.*, kind, sku, region, account, quantity * rate AS list_cost, quantity * plan_rate AS plan_cost
    FROM used JOIN meters USING (meter)
),
covered AS (SELECT starts, sum(plan_cost) AS plan_cost FROM usage WHERE kind = 'covered' GROUP BY starts),
committed AS (
    SELECT starts, elapsed, elapsed * settings.commitment AS commitment, coalesce(plan_cost, 0) AS used
    FROM spans LEFT JOIN covered USING (starts), settings
),
total AS (
    SELECT coalesce(sum(list_cost), 0) AS spend, coalesce(sum(list_cost) FILTER (product_code = 'AmazonEC2'), 0) AS ec2
    FROM usage JOIN skus USING (sku)
)
SELECT meter, starts, quantity, list_cost AS cost, list_cost, if(kind = 'covered', 0, list_cost) AS billed,
    if(kind = 'covered', plan_cost, list_cost) AS effective, 0.0 AS commitment, 0.0 AS used
FROM usage
UNION ALL
SELECT meters.meter, starts, sum(quantity), -sum(list_cost), 0, 0, 0, 0, 0
FROM usage JOIN meters USING (sku, region, account)
WHERE usage.kind = 'covered' AND meters.kind = 'negation'
GROUP BY meters.meter, starts
UNION ALL
SELECT meter, starts, elapsed, commitment / 2, commitment / 2, commitment / 2, 0, commitment, used
FROM committed, meters WHERE kind = 'fee'
UNION ALL
SELECT meter, starts, elapsed, 0, 0, 0, commitment - used, commitment, used
FROM committed, meters WHERE kind = 'unused'
UNION ALL
SELECT meter, month_starts, 1, amount, amount, amount, 0, 0, 0
FROM (SELECT commitment / 2 * 8760 AS amount, * FROM settings), meters
WHERE kind = 'upfront' AND month(month_starts) = 4
UNION ALL
SELECT meters.meter, month_starts, 1, sum(list_cost) * 0.04 AS amount, amount, amount, amount, 0, 0
FROM usage JOIN skus USING (sku)
JOIN skus service USING (product_code)
JOIN meters ON meters.kind = 'tax' AND meters.sku = service.sku AND meters.account = usage.account, settings
GROUP BY meters.meter, month_starts
UNION ALL
SELECT meter, month_starts, 1, amount, amount, amount, amount, 0, 0
FROM (
    SELECT month_starts, meter, CASE kind
        WHEN 'support' THEN greatest(100, spend * 0.07)
        WHEN 'credit' THEN ec2 * -0.03
        WHEN 'refund' THEN CASE WHEN refund_due THEN spend * -0.004 END END AS amount
    FROM meters, total, settings WHERE spend > 0
)
WHERE amount IS NOT NULL;

CREATE TEMP TABLE lines AS
SELECT meter, starts::TIMESTAMP_MS AS starts,
    CASE
        WHEN kind IN ('tax', 'support', 'credit') OR span = 'month' THEN month_ends
        WHEN span = 'hour' THEN starts + to_hours(1)
        ELSE starts + to_days(1)
    END::TIMESTAMP_MS AS ends,
    quantity, cost, list_cost, billed, effective, unordered.commitment, unordered.used
FROM unordered JOIN meters USING (meter), settings
ORDER BY starts, meter;
