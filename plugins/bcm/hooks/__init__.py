"""boto3 clients of both services behind Airflow connections."""
