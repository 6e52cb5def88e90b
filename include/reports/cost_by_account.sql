-- title: Cost by account
-- description: Billed and effective (amortised) cost of each account, largest first.
-- inputs: charges
-- chart: bar x=account_name y=billed_cost,effective_cost
SELECT
  account_id,
  max(account_name) AS account_name,
  sum(billed_cost) AS billed_cost,
  sum(effective_cost) AS effective_cost,
  count(DISTINCT service_name) AS services
FROM charges
GROUP BY account_id
ORDER BY 3 DESC, 1
