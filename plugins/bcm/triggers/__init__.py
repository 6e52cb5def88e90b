"""What the triggerer runs while a sensor is deferred: one poll for all waits of a connection."""
