-- title: What drives the change
-- description: Usage types by how much they change the bill. No historical cost means the usage is new.
-- inputs: line_items
-- chart: diverging x=usage_type y=difference
SELECT
  service_code,
  usage_type,
  operation,
  sum(historical_quantity) AS historical_quantity,
  sum(estimated_quantity) AS estimated_quantity,
  max(coalesce(estimated_unit, historical_unit)) AS unit,
  sum(historical_cost) AS historical_cost,
  sum(estimated_cost) AS estimated_cost,
  sum(coalesce(estimated_cost, 0)) - sum(coalesce(historical_cost, 0)) AS difference
FROM line_items
GROUP BY service_code, usage_type, operation
HAVING abs(sum(coalesce(estimated_cost, 0)) - sum(coalesce(historical_cost, 0))) >= 0.005
ORDER BY abs(sum(coalesce(estimated_cost, 0)) - sum(coalesce(historical_cost, 0))) DESC, 1, 2, 3
