-- title: Cost by service
-- description: Billed and effective (amortised) cost of each service, largest first.
-- inputs: charges
-- chart: bar x=service_name y=billed_cost,effective_cost
SELECT
  service_name,
  sum(billed_cost) AS billed_cost,
  sum(effective_cost) AS effective_cost,
  count(DISTINCT account_id) AS accounts
FROM charges
GROUP BY service_name
ORDER BY 2 DESC, 1
