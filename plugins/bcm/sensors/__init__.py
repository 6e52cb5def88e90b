"""Tasks that wait for an execution of an export, or for a bill estimate."""
