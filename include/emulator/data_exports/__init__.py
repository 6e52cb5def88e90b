"""AWS Data Exports: exports, their executions and what they deliver."""
