"""AWS JSON as botocore's models describe it: requests and their checks, answers, errors, pages."""
