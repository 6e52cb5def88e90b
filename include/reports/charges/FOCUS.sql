-- title: Charges of a FOCUS export
-- tables: FOCUS_1_2_AWS, FOCUS_1_0_AWS
-- requires: BilledCost, ChargePeriodStart, ServiceName, SubAccountId
-- optional: billing_period = BillingPeriodStart timestamp
-- optional: billing_account = BillingAccountId string
-- optional: account_name = SubAccountName string
-- optional: charge_category = ChargeCategory string
-- optional: effective_cost = EffectiveCost double
-- optional: currency = BillingCurrency string
-- note: account_name = Accounts are shown by their number only.
-- note: charge_category = Charges cannot be told apart by category: all count as usage.
-- note: effective_cost = The export does not deliver EffectiveCost: effective cost is shown as billed cost.
-- note: currency = The export does not deliver the currency, so amounts are shown without one.
SELECT
  coalesce(date_format(BillingPeriodStart, '%Y-%m'), date_format(ChargePeriodStart, '%Y-%m')) AS billing_period,
  CAST(ChargePeriodStart AS date) AS charge_date,
  coalesce(nullif(SubAccountId, ''), BillingAccountId, '(no account)') AS account_id,
  coalesce(nullif(SubAccountName, ''), nullif(SubAccountId, ''), BillingAccountId, '(no account)') AS account_name,
  coalesce(nullif(ServiceName, ''), '(no service)') AS service_name,
  coalesce(ChargeCategory, 'Usage') AS charge_category,
  CAST(coalesce(BilledCost, 0) AS decimal(38, 15)) AS billed_cost,
  CAST(
    CASE WHEN has_effective_cost THEN coalesce(EffectiveCost, 0) ELSE coalesce(BilledCost, 0) END
    AS decimal(38, 15)
  ) AS effective_cost,
  nullif(BillingCurrency, '') AS currency
FROM delivery
