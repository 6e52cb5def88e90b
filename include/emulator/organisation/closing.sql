-- What needs the month's totals, added to the last slice: fees and unused parts of commitments, tax, support, a credit,
-- and what is given back late.

CREATE OR REPLACE TEMP TABLE committed AS
SELECT commitment, starts, elapsed, elapsed * hourly AS committed, coalesce(used, 0) AS used, committed - coalesce(used, 0) AS unused
FROM spans
CROSS JOIN commitments
LEFT JOIN (SELECT commitment, starts, sum(used) AS used FROM committed_usage GROUP BY ALL) USING (commitment, starts)
WHERE hourly > 0;

INSERT INTO meters BY NAME
SELECT (SELECT count(*) FROM meters) + row_number() OVER (ORDER BY kind, sku, account, commitment) - 1 AS meter,
    *, 0 AS region
FROM (
    SELECT kind, commitment_sku AS sku, 0 AS account, commitment
    FROM commitments, (VALUES ('fee'), ('upfront'), ('unused')) parts (kind)
    UNION ALL
    SELECT 'tax', sku, account, -1
    FROM (SELECT DISTINCT account, product_code FROM spending)
    JOIN (SELECT product_code, min(sku) AS sku FROM skus GROUP BY product_code) USING (product_code)
    UNION ALL
    SELECT kind, min(sku), 0, -1
    FROM skus JOIN (VALUES ('support', 'AWSSupportBusiness'), ('credit', 'AmazonEC2'), ('credit', 'AmazonS3'),
        ('refund', 'AmazonS3')) given (kind, product_code) USING (product_code)
    GROUP BY kind, product_code
);

INSERT INTO slice BY NAME
-- AWS's own charges, commitments amortised: what sellers of the Marketplace get is no base of the support fee.
WITH total AS (
    SELECT sum(effective) + coalesce((SELECT sum(unused) FROM committed), 0) AS spend,
        sum(effective) FILTER (product_code = 'AmazonEC2') AS ec2
    FROM spending
    WHERE seller = ''
),
charges AS (
    -- a plan's fee is due hour by hour, a reservation's for the whole month at its beginning
    SELECT 'fee' AS kind, commitment, NULL AS account, NULL AS product_code, starts, elapsed AS quantity,
        committed * (1 - upfront) AS amount, 0 AS effective, committed, used, unused
    FROM committed JOIN commitments USING (commitment)
    WHERE NOT reserves
    UNION ALL
    SELECT 'fee', commitment, NULL, NULL, getvariable('month_starts'), units * hours, hourly * hours * (1 - upfront), 0,
        hourly * hours, sum(used), sum(unused)
    FROM committed JOIN commitments USING (commitment),
        (SELECT getvariable('end_month_hour') - getvariable('first_month_hour') AS hours)
    WHERE reserves
    GROUP BY ALL
    UNION ALL
    SELECT 'unused', commitment, NULL, NULL, starts, if(reserves, round(unused / (hourly / units), 10), elapsed), 0, unused,
        committed, used, unused
    FROM committed JOIN commitments USING (commitment)
    UNION ALL
    SELECT DISTINCT 'upfront', commitment, NULL, NULL, getvariable('month_starts'), greatest(units, 1),
        hourly * upfront * term_hours, 0, 0, 0, 0
    FROM committed JOIN commitments USING (commitment)
    WHERE upfront > 0 AND date_trunc('month', term_starts) = getvariable('month_starts')
    UNION ALL
    SELECT 'tax', NULL, account, product_code, getvariable('month_starts'), 1, sum(effective) * 0.04 AS tax, tax, 0, 0, 0
    FROM spending
    GROUP BY account, product_code
    UNION ALL
    SELECT kind, NULL, NULL, product_code, getvariable('month_starts'), 1, amount, amount, 0, 0, 0
    FROM (
        SELECT unnest(['support', 'credit', getvariable('given_back')]) AS kind,
            unnest(['AWSSupportBusiness', 'AmazonEC2', 'AmazonS3']) AS product_code, unnest([
            greatest(100, 0.1 * least(spend, 10000) + 0.07 * greatest(least(spend, 80000) - 10000, 0)
                + 0.05 * greatest(least(spend, 250000) - 80000, 0) + 0.03 * greatest(spend - 250000, 0)),
            ec2 * -0.03, spend * -0.004]) AS amount
        FROM total
        WHERE spend > 0
    )
    WHERE kind <> ''
)
SELECT meter, starts, quantity, amount AS cost, amount AS net, amount AS list_cost, amount AS billed, effective,
    committed, used, unused
FROM charges
JOIN meters ON meters.kind = charges.kind AND (charges.commitment IS NULL OR meters.commitment = charges.commitment)
    AND (charges.account IS NULL OR meters.account = charges.account)
JOIN skus ON skus.sku = meters.sku AND (charges.product_code IS NULL OR skus.product_code = charges.product_code);
