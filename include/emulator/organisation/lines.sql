-- `lines`: the finished slice in the order of time, each line with its end.
CREATE OR REPLACE TEMP TABLE lines AS
SELECT slice.* REPLACE (starts::TIMESTAMP_MS AS starts),
    CASE
        WHEN kind IN ('tax', 'support', 'credit', 'refund') OR kind = 'fee' AND reserves OR getvariable('span') = 'month'
            THEN getvariable('month_ends')
        WHEN getvariable('span') = 'hour' THEN starts + to_hours(1)
        ELSE starts + to_days(1)
    END::TIMESTAMP_MS AS ends
FROM slice JOIN meters USING (meter) LEFT JOIN commitments USING (commitment)
ORDER BY starts, meter;
