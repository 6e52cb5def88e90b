-- Once a month's bill: its spans of time that have begun, and what later slices need to know of earlier ones.

CREATE OR REPLACE TEMP TABLE spans AS
SELECT starts, count(*) AS elapsed
FROM (
    SELECT date_trunc(getvariable('span'), make_timestamp(hour * 3600000000)) AS starts
    FROM (SELECT unnest(range(getvariable('first_month_hour')::BIGINT, getvariable('until_hour')::BIGINT)) AS hour)
)
GROUP BY starts;

-- What each slice used of the commitments (USD at the committed rates), and what it adds to the bases of tax and fees.
CREATE OR REPLACE TEMP TABLE committed_usage (commitment SMALLINT, starts TIMESTAMP, used DOUBLE);
CREATE OR REPLACE TEMP TABLE spending (account SMALLINT, product_code VARCHAR, seller VARCHAR, effective DOUBLE);
