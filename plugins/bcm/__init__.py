"""Airflow operators, sensors and triggers for two AWS Billing and Cost Management (BCM) services.

* Data Exports: https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html
* Pricing Calculator (bill estimates):
  https://docs.aws.amazon.com/cost-management/latest/userguide/pricing-calculator.html

The package has the amazon provider's own shape (hooks, operators, sensors, triggers, links) and imports nothing
but Airflow and that provider: copy the folder into another deployment's ``plugins/`` and it works there.
"""
