-- title: Daily trend
-- description: Cost of each day. Fees, taxes and upfront purchases fall on the day AWS charges them, often the first.
-- inputs: charges
-- chart: line x=charge_date y=billed_cost,effective_cost
SELECT
  charge_date,
  sum(billed_cost) AS billed_cost,
  sum(effective_cost) AS effective_cost,
  sum(CASE WHEN charge_category = 'Usage' THEN billed_cost ELSE 0 END) AS usage_cost
FROM charges
GROUP BY charge_date
ORDER BY 1
