"""The operations on preferences: which rate types an organisation's accounts may use."""

from __future__ import annotations

from typing import Any

from emulator.pricing_calculator.access import operation
from emulator.pricing_calculator.rates import Preferences, preferences_of
from emulator.protocol.service import Call


@operation("GetPreferences", members=True)
def get_preferences(call: Call) -> dict[str, Any]:
    """Give the preferences of the caller's organisation."""
    return _describe(preferences_of(call.world, call.account))


@operation("UpdatePreferences")
def update_preferences(call: Call) -> dict[str, Any]:
    """Replace the selections that the request has. Only management and standalone accounts can.

    Workload estimates whose rate type an account may no longer use become INVALID.
    """
    before = preferences_of(call.world, call.account)

    def selected(member: str, kept: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(call.params.get(member, kept)))

    after = Preferences(
        management=selected("managementAccountRateTypeSelections", before.management),
        member=selected("memberAccountRateTypeSelections", before.member),
        standalone=selected("standaloneAccountRateTypeSelections", before.standalone),
    )
    call.world.calculator.preferences[call.account] = after
    return _describe(after)


def _describe(preferences: Preferences) -> dict[str, Any]:
    return {
        "managementAccountRateTypeSelections": preferences.management,
        "memberAccountRateTypeSelections": preferences.member,
        "standaloneAccountRateTypeSelections": preferences.standalone,
    }
