-- The usage of one slice, from `living` (a resource each), and what goes with it line by line.
-- A day's quantity passes in whole parts of a unit, so that hours, days and months add up to the same clean numbers.
-- Result: `meters` (what is billed) and `slice` (how much of it in which span of time). Of a line:
--   cost is CUR's unblended cost, net what is left of it after private discounts, list_cost the public one on demand;
--   billed and effective are FOCUS' costs. A kind of line that only CUR or FOCUS has is left out by the other's view.
--   committed is what a commitment costs in the line's time, amortised; used and unused are the parts of that.
--   host_cost and host_list are what a container's machine cost, amortised and on demand.

CREATE OR REPLACE TEMP TABLE meters AS
SELECT meter, CASE WHEN commitment < 0 THEN 'usage' WHEN reserves THEN 'reserved' ELSE 'covered' END AS kind,
    sku, region, account, zone, team, environment, project, commitment,
    rate, list_rate, if(commitment < 0, rate, round(rate * (1 - discount), 6)) AS committed_rate, private_discount,
    CASE WHEN getvariable('resources') THEN md5(concat_ws('/', getvariable('seed'), slot, generation))[:17] ELSE ''
        END AS token,
    NULL::BIGINT AS host, NULL::DOUBLE AS share, NULL::DOUBLE AS occupied
FROM living JOIN rates USING (sku, region) JOIN skus USING (sku) LEFT JOIN commitments USING (commitment)
WHERE first;

CREATE OR REPLACE TEMP TABLE used AS
WITH parts AS (
    SELECT meter, grain, profile, day, per_day * value * if(overcounted, getvariable('overcount'), 1) AS amount,
        greatest(start_hour - first_hour, 0) AS from_hour,
        least(end_hour, getvariable('until_hour'), getvariable('now_hour') - lag, first_hour + 24) - first_hour AS to_hour
    FROM living JOIN factors USING (factor) JOIN skus USING (sku)
    WHERE first_hour >= getvariable('first_hour') AND first_hour < getvariable('end_hour')
        AND (day_number + phase) % every = 0 AND NOT (weekdays AND weekend)
),
spread AS (
    SELECT meter, day + to_hours(hours.hour) AS starts,
        (round(amount * late.passed * grain) - round(amount * early.passed * grain)) / grain AS quantity
    FROM parts
    JOIN hours ON greatest(from_hour, hours.hour) < least(to_hour, next_hour)
    JOIN shapes early ON early.profile = parts.profile AND early.hour = greatest(from_hour, hours.hour)
    JOIN shapes late ON late.profile = parts.profile AND late.hour = least(to_hour, next_hour)
    WHERE quantity > 0
)
-- What a month or several resources share one line for is summed, so that every view adds up to the same bill.
FROM spread WHERE getvariable('resources') AND getvariable('span') <> 'month'
UNION ALL
SELECT meter, date_trunc(getvariable('span'), starts), round(sum(quantity), 10)
FROM spread
WHERE NOT getvariable('resources') OR getvariable('span') = 'month'
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE slice AS
SELECT meter, starts, quantity,
    CASE kind WHEN 'reserved' THEN 0 ELSE gross END AS cost,
    CASE kind WHEN 'reserved' THEN 0 ELSE gross * (1 - off) END AS net,
    list_cost,
    CASE kind WHEN 'usage' THEN gross * (1 - off) ELSE 0 END AS billed,
    CASE kind WHEN 'usage' THEN gross * (1 - off) ELSE quantity * committed_rate END AS effective,
    0.0::DOUBLE AS committed, 0.0::DOUBLE AS used, 0.0::DOUBLE AS unused,
    NULL::DOUBLE AS host_cost, NULL::DOUBLE AS host_list
FROM (
    SELECT used.*, kind, committed_rate, quantity * rate AS gross, quantity * list_rate AS list_cost,
        if(kind = 'usage', private_discount, 0) AS off
    FROM used JOIN meters USING (meter)
);

INSERT INTO committed_usage
SELECT commitment, starts, sum(effective) FROM slice JOIN meters USING (meter) WHERE commitment >= 0 GROUP BY ALL;

INSERT INTO spending
SELECT account, product_code, seller, sum(effective)
FROM slice JOIN meters USING (meter) JOIN skus USING (sku)
GROUP BY ALL;

-- CUR's counter-entries: of what a savings plan covers, and of what was negotiated.
INSERT INTO meters BY NAME
SELECT (SELECT count(*) FROM meters) + row_number() OVER (ORDER BY kind, sku, region, account, commitment) - 1 AS meter, *
FROM (
    SELECT DISTINCT if(kind = 'covered', 'negation', 'discount') AS kind, sku, region, account, commitment
    FROM meters
    WHERE kind = 'covered' OR kind = 'usage' AND private_discount > 0
);
INSERT INTO slice BY NAME
SELECT counter.meter, starts, sum(if(counter.kind = 'negation', quantity, 0)) AS quantity,
    sum(if(counter.kind = 'negation', 0, net) - cost) AS cost, sum(if(counter.kind = 'negation', -cost, 0)) AS net,
    0 AS list_cost, 0 AS billed, 0 AS effective, 0 AS committed, 0 AS used, 0 AS unused
FROM slice
JOIN meters USING (meter)
JOIN meters counter ON counter.kind = CASE meters.kind WHEN 'covered' THEN 'negation' WHEN 'usage' THEN 'discount' END
    AND counter.sku = meters.sku AND counter.region = meters.region AND counter.account = meters.account
    AND counter.commitment = meters.commitment
GROUP BY counter.meter, starts;
