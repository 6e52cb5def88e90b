"""Cost management in plain Python: definitions, deliveries and reports. No Airflow."""
