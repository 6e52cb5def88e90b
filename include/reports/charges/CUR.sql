-- title: Charges of a CUR 2.0 export
-- tables: COST_AND_USAGE_REPORT
-- description: Effective cost is AWS's amortised cost: used commitments at their effective rate, unused ones as
--   the remainder of their fee, purchases at zero.
-- requires: line_item_unblended_cost, line_item_usage_start_date, line_item_product_code, line_item_usage_account_id
-- optional: billing_period = bill_billing_period_start_date timestamp
-- optional: account_name = line_item_usage_account_name string
-- optional: product = product map<string,string>
-- optional: currency = line_item_currency_code string
-- optional: charge_type = line_item_line_item_type string
-- optional: savings_plans = line_item_line_item_type string, savings_plan_savings_plan_effective_cost double,
--   savings_plan_total_commitment_to_date double, savings_plan_used_commitment double
-- optional: reservations = line_item_line_item_type string, reservation_effective_cost double,
--   reservation_unused_amortized_upfront_fee_for_billing_period double,
--   reservation_unused_recurring_fee double, reservation_reservation_a_r_n string
-- note: currency = The export does not deliver the currency, so amounts are shown without one.
-- note: account_name = Accounts are shown by their number only.
-- note: charge_type = Charges cannot be told apart by category: all count as usage.
-- note: savings_plans = Savings Plans are not amortised: their effective cost is their billed cost.
-- note: reservations = Reservations are not amortised: their effective cost is their billed cost.
SELECT
  coalesce(
    date_format(bill_billing_period_start_date, '%Y-%m'), date_format(line_item_usage_start_date, '%Y-%m')
  ) AS billing_period,
  CAST(line_item_usage_start_date AS date) AS charge_date,
  coalesce(nullif(line_item_usage_account_id, ''), '(no account)') AS account_id,
  coalesce(nullif(line_item_usage_account_name, ''), line_item_usage_account_id, '(no account)') AS account_name,
  coalesce(
    nullif(element_at(product, 'product_name'), ''), nullif(line_item_product_code, ''), '(no service)'
  ) AS service_name,
  CASE
    WHEN NOT has_charge_type THEN 'Usage'
    WHEN line_item_line_item_type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation')
      THEN 'Usage'
    WHEN line_item_line_item_type IN ('Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee')
      THEN 'Purchase'
    WHEN line_item_line_item_type = 'Tax' THEN 'Tax'
    WHEN line_item_line_item_type = 'Refund' THEN 'Adjustment'
    ELSE 'Credit'
  END AS charge_category,
  CAST(coalesce(line_item_unblended_cost, 0) AS decimal(38, 15)) AS billed_cost,
  CAST(
    coalesce(
      CASE
        WHEN has_savings_plans AND line_item_line_item_type = 'SavingsPlanCoveredUsage'
          THEN savings_plan_savings_plan_effective_cost
        WHEN has_savings_plans AND line_item_line_item_type = 'SavingsPlanRecurringFee'
          THEN savings_plan_total_commitment_to_date - savings_plan_used_commitment
        WHEN has_savings_plans AND line_item_line_item_type IN ('SavingsPlanNegation', 'SavingsPlanUpfrontFee')
          THEN 0
        WHEN has_reservations AND line_item_line_item_type = 'DiscountedUsage'
          THEN reservation_effective_cost
        WHEN has_reservations AND line_item_line_item_type = 'RIFee'
          THEN reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee
        WHEN has_reservations AND line_item_line_item_type = 'Fee' AND reservation_reservation_a_r_n <> ''
          THEN 0
        ELSE line_item_unblended_cost
      END,
      0
    ) AS decimal(38, 15)
  ) AS effective_cost,
  nullif(line_item_currency_code, '') AS currency
FROM delivery
