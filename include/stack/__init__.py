"""The whole deployment as processes on this machine, for `make run`, `make dev` and the tests.

It imports neither Airflow nor the emulator: it starts them, and talks to them over HTTP.
"""
