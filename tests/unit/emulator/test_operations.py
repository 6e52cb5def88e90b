"""Every operation that the pinned botocore knows of the two services is carried out."""

from __future__ import annotations

import botocore.session
import pytest

from emulator.services import SERVICES

SESSION = botocore.session.get_session()
OPERATIONS = [
    pytest.param(name, operation, id=f"{name}-{operation}")
    for name in ("bcm-data-exports", "bcm-pricing-calculator")
    for operation in SESSION.get_service_model(name).operation_names
]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_an_operation_has_a_handler(service, operation):
    built = {known.name: known.built for known in SERVICES}
    assert operation in built[service], f"register a handler: @operation({operation!r})"


def test_the_models_have_the_operations_that_the_docs_count():
    assert len(OPERATIONS) == 48
