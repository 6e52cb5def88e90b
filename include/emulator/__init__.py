"""AWS on this machine: moto for S3, STS and the rest, with Data Exports and Pricing Calculator beside it.

Start it with ``python -m emulator`` or, in a test, with :func:`emulator.server.running`.
It shares no code with the product that it serves: shared code would hide the same mistake twice.
"""
