"""Which months of a bill are kept once they are read."""

from __future__ import annotations

from datetime import date

from emulator.organisation import Organisation
from emulator.pricing_calculator import history

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))


def test_a_month_is_read_once_while_there_is_room(monkeypatch):
    read = []

    def reading(organisation, month):
        read.append(month)
        return history.History(organisation, month, [None] * 10, [], {})

    monkeypatch.setattr(history, "_read", reading)
    monkeypatch.setattr(history, "_recent", {})
    monkeypatch.setattr(history, "_KEPT_PARTS", 20)
    organisation = Organisation(7, "111122223333", (), 500)
    for month in (SEPTEMBER, OCTOBER, SEPTEMBER, NOVEMBER, SEPTEMBER, OCTOBER):
        assert history.history_of(organisation, month).month == month
    assert read == [SEPTEMBER, OCTOBER, NOVEMBER, OCTOBER]
