"""The fields that export and scenario definitions have in common, each with its own check."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from finops.definition_errors import mistake, mistakes, shown

_PRESETS = {"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"}
_MAX_TAGS = 50  # the console's limit; the API's shape would take 200


def _account_id(value: object) -> object:
    if isinstance(value, int | float):
        problem = "is written without quotes, so YAML reads a number (another one if it begins with 0)"
        raise mistake(problem, 'Put the account id in quotes: "111122223333"')
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{12}", value):
        raise mistake(f"{shown(value)} is not an account id", "Write the 12 digits in quotes, without dashes")
    return value


def _cron(value: str) -> str:
    from croniter import CroniterBadDateError, CroniterError, croniter

    if value in _PRESETS:
        return value
    if value.startswith("@"):
        raise mistake(f"{value!r} is not a schedule", f"Known: {', '.join(sorted(_PRESETS))}, or null for no schedule")
    if len(value.split()) != 5:
        problem = f"{value!r} has {len(value.split())} parts where cron has 5"
        raise mistake(problem, 'Write minute, hour, day of month, month, day of week: "0 8 * * *"')
    if re.search(r"(?i)(?<![a-z])[hr](?![a-z])", value):
        # croniter's own additions: R is random, another time at each parse of the DAG file; H is a hash of a name.
        raise mistake(f"{value!r} leaves the time to chance (H or R)", 'Write the time itself: "0 8 * * *"')
    try:
        croniter(value).get_next()
    except CroniterBadDateError:
        raise mistake(f"{value!r} names a date that never comes", "Correct the day or the month") from None
    except (CroniterError, ValueError) as error:
        raise mistake(f"{value!r} is not a cron expression: {error}", 'Write one such as "0 8 * * *"') from None
    return value


def _connection(value: str) -> str:
    if not re.fullmatch(r"[\w.\-]+", value):
        raise mistake(f"{value!r} is not a connection id", "Use letters, digits, '-', '_' and '.'")
    return value


AccountId = Annotated[str, BeforeValidator(_account_id)]
Cron = Annotated[str, AfterValidator(_cron)]
ConnectionId = Annotated[str, AfterValidator(_connection)]


class StrictModel(BaseModel):
    """A mapping of a definition file: unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Definition(StrictModel):
    """What every definition has.

    :param name: unique among the files of the folder.
    :param description: for people; empty: none.
    :param account_id: 12 digits, quoted. The account whose credentials must be used; checked before anything
        is created, because a missing connection silently becomes the credentials of the machine.
    :param aws_conn_id: Airflow connection.
    :param tags: put on what is created in AWS. At most 50, keys 1-128 characters, values up to 256, no key in
        AWS's own ``aws:`` namespace.
    :param schedule: cron of 5 parts in UTC or one of Airflow's presets (``@daily``); null: only by hand.
    """

    name: str
    description: str = Field(default="", max_length=1024)
    account_id: AccountId
    aws_conn_id: ConnectionId = "aws_default"
    tags: dict[str, str] = {}
    schedule: Cron | None = None

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, tags: dict[str, str]) -> dict[str, str]:
        found: list[tuple[tuple[str, ...], PydanticCustomError]] = []
        if len(tags) > _MAX_TAGS:
            found.append(((), mistake(f"has {len(tags)} tags", f"AWS takes at most {_MAX_TAGS}: delete some")))
        for key, value in tags.items():
            if not 1 <= len(key) <= 128:
                found.append(((key,), mistake(f"the key has {len(key)} characters", "AWS takes 1 to 128")))
            if key.casefold().startswith("aws:"):
                found.append(((key,), mistake("begins with aws:, which AWS keeps for itself", "Rename the tag")))
            if len(value) > 256:
                found.append(((key,), mistake(f"the value has {len(value)} characters", "AWS takes up to 256")))
        mistakes(found)
        return tags
