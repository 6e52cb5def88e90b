"""AWS Pricing Calculator: bill scenarios and bill estimates."""
