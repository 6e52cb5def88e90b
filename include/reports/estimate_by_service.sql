-- title: Estimated change by service
-- description: What each service cost in the month the estimate is based on, and what AWS estimates for it.
-- inputs: services
-- chart: diverging x=service_code y=difference
SELECT
  service_code,
  historical_cost,
  estimated_cost,
  estimated_cost - historical_cost AS difference,
  100 * CAST(estimated_cost - historical_cost AS double) / nullif(CAST(historical_cost AS double), 0)
    AS difference_percent
FROM services
ORDER BY abs(estimated_cost - historical_cost) DESC, historical_cost DESC, 1
