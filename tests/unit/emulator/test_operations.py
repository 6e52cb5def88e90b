"""Every operation that the pinned botocore knows of the two services is carried out, for whom AWS documents it."""

from __future__ import annotations

import botocore.session
import pytest

from emulator.pricing_calculator.access import PRICING_CALCULATOR
from emulator.protocol.errors import ServiceError
from emulator.protocol.service import Call
from emulator.services import SERVICES
from emulator.settings import Settings
from emulator.world import World

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


# What members may call: workload estimates and tags, and to read which rates they have.
FOR_MEMBERS = {
    *("CreateWorkloadEstimate", "GetWorkloadEstimate", "UpdateWorkloadEstimate", "DeleteWorkloadEstimate"),
    *("ListWorkloadEstimates", "ListWorkloadEstimateUsage", "BatchCreateWorkloadEstimateUsage"),
    *("BatchUpdateWorkloadEstimateUsage", "BatchDeleteWorkloadEstimateUsage"),
    *("TagResource", "UntagResource", "ListTagsForResource", "GetPreferences"),
}


@pytest.fixture(scope="module")
def world():
    made = World(Settings())
    yield made
    made.close()


@pytest.mark.parametrize("name", sorted(PRICING_CALCULATOR.model.operation_names))
def test_a_member_account_may_call_what_is_for_members_and_nothing_else(world, name):
    call = Call(world, name, world.settings.members[0], {}, world.clock.now())
    reason = None
    try:
        PRICING_CALCULATOR.handler(name)(call)
    except ServiceError as error:
        reason = error.members.get("reason")
    except KeyError:  # it was let in, and missed its parameters
        pass
    assert (reason != "invalidRequestFromMember") == (name in FOR_MEMBERS), f"members of {name}"


def test_the_models_have_the_operations_that_the_docs_count():
    assert len(OPERATIONS) == 48
