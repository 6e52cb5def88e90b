"""Which organisation an account belongs to."""

from __future__ import annotations

import zlib

import pytest

from emulator.organisation_cache import OrganisationCache
from emulator.settings import Settings

PAYER, MEMBER, OTHER = "111122223333", "444455556666", "999988887777"


@pytest.fixture
def organisations():
    return OrganisationCache(Settings(accounts=(PAYER, MEMBER)), lambda account: zlib.crc32(account.encode()))


def test_the_settings_accounts_are_one_organisation(organisations):
    assert organisations.of(MEMBER) is organisations.of(PAYER)
    assert [account for account, _ in organisations.of(PAYER).accounts] == [PAYER, MEMBER]


def test_any_other_account_is_alone_in_its_own(organisations):
    alone = organisations.of(OTHER)
    assert ([account for account, _ in alone.accounts], alone.payer) == ([OTHER], OTHER)
    assert alone.seed != organisations.of(PAYER).seed != organisations.of("000000000001").seed != alone.seed


def test_one_that_was_dropped_comes_back_the_same(organisations):
    first = organisations.of(OTHER)
    for number in range(200):
        organisations.of(f"{number:012}")
    again = organisations.of(OTHER)
    assert (again is first, again) == (False, first)
