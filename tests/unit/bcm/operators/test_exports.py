"""BcmCreateExportOperator and its siblings, on the emulator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.bcm.operators.support import calls, ensure
from tests.unit.bcm.support import PAYER, StateStore, a_context, an_export, connection

from bcm.exceptions import (
    AwsRefusedError,
    AwsUnavailableError,
    BucketRefusedError,
    ExportExistsError,
    ExportImmutableError,
    QueryRefusedError,
)
from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.operators.data_exports import BcmDeleteExportOperator, BcmUpdateExportOperator
from emulator.server import Emulator


def changed(export: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a copy of an export with one member replaced, e.g. ``DataQuery.QueryStatement``."""
    result = copy.deepcopy(export)
    *parents, last = path.split(".")
    member = result
    for name in parents:
        member = member[name]
    member[last] = value
    return result


QUERY = "DataQuery.QueryStatement"
S3 = "DestinationConfigurations.S3Destination"
LONGER = "SELECT line_item_usage_account_id, line_item_unblended_cost, bill_invoice_id FROM COST_AND_USAGE_REPORT"


def test_a_missing_export_is_created_with_its_tags(emu: Emulator, exports: Any) -> None:
    arn = ensure(an_export(), resource_tags=[{"Key": "team", "Value": "finops"}])
    assert exports.get_export(ExportArn=arn)["Export"]["Name"] == "cur2-daily"
    (request,) = emu.requests(operation="CreateExport")
    assert request["params"]["ResourceTags"] == [{"Key": "team", "Value": "finops"}]


@pytest.mark.parametrize("if_exists", ["adopt", "update"])
def test_an_export_that_is_as_wanted_is_taken_as_it_is(emu: Emulator, exports: Any, if_exists: str) -> None:
    arn = exports.create_export(Export=an_export())["ExportArn"]
    assert ensure(an_export(), if_exists=if_exists) == arn
    assert calls(emu) == ["CreateExport"], "what AWS echoes of its own (table properties) is no difference"


def test_adopting_leaves_an_export_that_differs_alone(emu: Emulator, exports: Any) -> None:
    arn = exports.create_export(Export=an_export())["ExportArn"]
    assert ensure(changed(an_export(), QUERY, LONGER), if_exists="adopt") == arn
    assert calls(emu) == ["CreateExport"]


def test_what_is_adopted_is_handed_over_without_what_aws_adds(emu: Emulator, exports: Any) -> None:
    arn = exports.create_export(Export={**an_export(), "Description": "theirs"})["ExportArn"]
    assert exports.get_export(ExportArn=arn)["Export"] != an_export(), "the emulator must add something"
    context = a_context()
    ensure(changed(an_export(), QUERY, LONGER), context, if_exists="adopt")
    assert context["ti"].pushed["export"] == an_export()


def test_tags_of_an_existing_export_are_said_to_stay(
    emu: Emulator, exports: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "those of an existing one stay as they are"
    exports.create_export(Export=an_export())
    for tags, count in ((None, 0), ([{"Key": "team", "Value": "finops"}], 1)):
        ensure(an_export(), resource_tags=tags, if_exists="update")
        assert capfd.readouterr().out.count(said) == count


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (QUERY, LONGER),
        ("DataQuery.TableConfigurations.COST_AND_USAGE_REPORT.TIME_GRANULARITY", "MONTHLY"),
        (f"{S3}.S3Prefix", "elsewhere"),
    ],
)
def test_updating_changes_what_differs_and_only_that(emu: Emulator, exports: Any, path: str, value: str) -> None:
    arn = exports.create_export(Export={**an_export(), "Description": "kept"})["ExportArn"]
    wanted = changed(an_export(), path, value)
    assert ensure(wanted, if_exists="update") == arn
    current = exports.get_export(ExportArn=arn)["Export"]
    for member in path.split("."):
        current, wanted = current[member], wanted[member]
    assert current == value
    assert exports.get_export(ExportArn=arn)["Export"]["Description"] == "kept", "UpdateExport drops what is left out"
    ensure(changed(an_export(), path, value), if_exists="update")
    assert calls(emu) == ["CreateExport", "UpdateExport"], "the second run finds nothing to do"


def test_white_space_in_a_query_is_no_difference(emu: Emulator, exports: Any) -> None:
    exports.create_export(Export=an_export())
    statement = an_export()["DataQuery"]["QueryStatement"].replace(" ", "\n   ")
    ensure(changed(an_export(), QUERY, statement), if_exists="update")
    assert calls(emu) == ["CreateExport"]


def test_failing_on_an_existing_export_names_it(emu: Emulator, exports: Any) -> None:
    exports.create_export(Export=an_export())
    with pytest.raises(ExportExistsError, match=r"cur2-daily exists already .*if_exists"):
        ensure(an_export(), if_exists="fail")


def test_failing_does_not_fail_the_retry_of_a_try_that_crashed_after_creating(emu: Emulator) -> None:
    context = a_context(StateStore())
    arn = ensure(an_export(), context, if_exists="fail")
    assert ensure(an_export(), context, if_exists="fail") == arn


def test_an_unknown_if_exists_is_refused_before_anything_is_done(emu: Emulator) -> None:
    with pytest.raises(ValueError, match=r"if_exists: 'replace' is none of adopt, update, fail"):
        ensure(an_export(), if_exists="replace")
    assert calls(emu) == []


FOCUS = "SELECT BilledCost FROM FOCUS_1_2_AWS"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (QUERY, FOCUS, "table COST_AND_USAGE_REPORT -> FOCUS_1_2_AWS"),
        (f"{S3}.S3OutputConfigurations.Overwrite", "CREATE_NEW_REPORT", "OVERWRITE_REPORT -> CREATE_NEW_REPORT"),
    ],
)
def test_a_change_that_aws_does_not_allow_is_refused_with_the_remedy(
    emu: Emulator, exports: Any, path: str, value: str, named: str
) -> None:
    arn = exports.create_export(Export=an_export())["ExportArn"]
    wanted = changed(an_export(), path, value)
    if path == QUERY:
        wanted["DataQuery"]["TableConfigurations"] = {}
    update = BcmUpdateExportOperator(task_id="t", export=wanted, export_arn=arn)
    for attempt in (lambda: ensure(wanted, if_exists="update"), lambda: update.execute(a_context())):
        with pytest.raises(ExportImmutableError, match=f"cur2-daily.*{named}.*another name"):
            attempt()
    assert calls(emu) == ["CreateExport"]


def test_overwriting_may_be_switched_on(emu: Emulator, exports: Any) -> None:
    mode = f"{S3}.S3OutputConfigurations.Overwrite"
    arn = exports.create_export(Export=changed(an_export(), mode, "CREATE_NEW_REPORT"))["ExportArn"]
    ensure(an_export(), if_exists="update")
    destination = exports.get_export(ExportArn=arn)["Export"]["DestinationConfigurations"]["S3Destination"]
    assert destination["S3OutputConfigurations"]["Overwrite"] == "OVERWRITE_REPORT"


@pytest.mark.parametrize("if_exists", ["adopt", "update", "fail"])
def test_a_lost_answer_makes_one_export(emu: Emulator, exports: Any, if_exists: str) -> None:
    emu.faults.add({"operation": "CreateExport", "drop_answer": True, "times": 1})
    arn = ensure(an_export(), if_exists=if_exists)
    assert [one["ExportArn"] for one in exports.list_exports()["Exports"]] == [arn]


def test_a_lost_answer_that_cannot_be_looked_up_is_found_by_the_retry(emu: Emulator, exports: Any) -> None:
    context = a_context(StateStore())
    emu.faults.add({"operation": "CreateExport", "drop_answer": True, "times": 1})
    emu.faults.add({"operation": "ListExports", "skip": 1, "times": 1, "error": {"code": "ThrottlingException"}})
    with pytest.raises(AwsUnavailableError, match="ListExports"):
        ensure(an_export(), context, if_exists="fail")
    arn = ensure(an_export(), context, if_exists="fail")
    assert [one["ExportArn"] for one in exports.list_exports()["Exports"]] == [arn]


QUOTA = {"code": "ServiceQuotaExceededException", "message": "at most 5 exports"}


@pytest.mark.parametrize(
    ("destination", "error"),
    [({"S3Bucket": "no-such-bucket"}, BucketRefusedError), ({}, AwsRefusedError)],
    ids=["bucket", "quota"],
)
def test_after_a_refusal_the_export_that_somebody_else_makes_is_not_adopted(
    emu: Emulator, exports: Any, destination: dict[str, str], error: type[Exception]
) -> None:
    context = a_context(StateStore())
    if not destination:
        emu.faults.add({"operation": "CreateExport", "times": 1, "error": QUOTA})
    with pytest.raises(error):
        ensure(an_export(**destination), context, if_exists="fail")
    exports.create_export(Export=an_export())
    with pytest.raises(ExportExistsError):
        ensure(an_export(**destination), context, if_exists="fail")


@pytest.mark.parametrize("if_exists", ["adopt", "fail"])
def test_an_export_that_somebody_makes_just_before_is_adopted_only_if_it_may_be(
    emu: Emulator, exports: Any, monkeypatch: pytest.MonkeyPatch, if_exists: str
) -> None:
    made: list[str] = []

    def just_before(hook: BcmDataExportsHook, export: dict[str, Any]) -> None:
        made.append(exports.create_export(Export=export)["ExportArn"])

    monkeypatch.setattr(BcmDataExportsHook, "check_query", just_before)
    context = a_context(StateStore())
    if if_exists == "adopt":
        assert [ensure(an_export(), context, if_exists=if_exists)] == made
    else:
        with pytest.raises(AwsRefusedError, match="already exists"):
            ensure(an_export(), context, if_exists=if_exists)
        with pytest.raises(ExportExistsError):
            ensure(an_export(), context, if_exists=if_exists)


def test_a_request_that_botocore_repeated_meets_its_own_export(
    emu: Emulator, exports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = {"retries": {"total_max_attempts": 2}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(emu.url, config_kwargs=twice))
    emu.faults.add({"operation": "CreateExport", "drop_answer": True, "times": 1})
    arn = ensure(an_export(), if_exists="fail")
    assert calls(emu) == ["CreateExport"] * 2
    assert [one["ExportArn"] for one in exports.list_exports()["Exports"]] == [arn]


def test_a_refusal_of_aws_is_one_sentence_with_its_code(emu: Emulator) -> None:
    emu.faults.add({"operation": "CreateExport", "error": QUOTA})
    with pytest.raises(AwsRefusedError, match=r"CreateExport cur2-daily: .*ServiceQuotaExceeded.*5 exports") as caught:
        ensure(an_export())
    assert caught.value.code == "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT line_item_unblended_costs FROM COST_AND_USAGE_REPORT", "Did you mean 'line_item_unblended_cost'"),
        ("SELECT Line_Item_Usage_Account_Id FROM COST_AND_USAGE_REPORT", "Did you mean 'line_item_usage_account_id'"),
        ("SELECT line_item_resource_id FROM COST_AND_USAGE_REPORT", "some columns need a table property"),
        ("SELECT resource_tag['team'] FROM COST_AND_USAGE_REPORT", "Did you mean 'resource_tags'"),
    ],
)
def test_an_unknown_column_is_refused_with_a_suggestion(emu: Emulator, statement: str, said: str) -> None:
    with pytest.raises(QueryRefusedError, match=said):
        ensure(changed(an_export(), QUERY, statement))
    assert calls(emu) == []


def test_an_unknown_table_is_refused_with_the_tables_that_there_are(emu: Emulator) -> None:
    export = changed(an_export(), QUERY, "SELECT line_item_unblended_cost FROM COST_AND_USAGE_REPORTS")
    with pytest.raises((QueryRefusedError, AwsRefusedError), match="COST_AND_USAGE_REPORTS"):
        ensure({**export, "DataQuery": {**export["DataQuery"], "TableConfigurations": {}}})
    assert calls(emu) == []


@pytest.mark.parametrize("column", ["resource_tags.user_team AS team", "resource_tags.user_team", "resource_tags"])
def test_a_key_of_a_map_and_an_alias_are_columns_too(emu: Emulator, column: str) -> None:
    ensure(changed(an_export(), QUERY, f"SELECT bill_invoice_id, {column} FROM COST_AND_USAGE_REPORT"))
    assert calls(emu) == ["CreateExport"]


def test_replacing_drops_what_the_new_definition_leaves_out(emu: Emulator, exports: Any) -> None:
    arn = exports.create_export(Export={**an_export(), "Description": "old"})["ExportArn"]
    export = changed(an_export(), QUERY, LONGER)
    assert BcmUpdateExportOperator(task_id="t", export=export, export_arn=arn).execute(a_context()) == arn
    current = exports.get_export(ExportArn=arn)["Export"]
    assert (current["DataQuery"]["QueryStatement"], current.get("Description")) == (LONGER, None)


def test_replacing_an_export_that_does_not_exist_is_refused(emu: Emulator) -> None:
    arn = f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/gone-00000000-0000-0000-0000-000000000000"
    with pytest.raises(AwsRefusedError) as caught:
        BcmUpdateExportOperator(task_id="t", export=an_export(), export_arn=arn).execute(a_context())
    assert caught.value.code == "ResourceNotFoundException"


def test_deleting_twice_is_deleting_once(emu: Emulator, exports: Any) -> None:
    arn = exports.create_export(Export=an_export())["ExportArn"]
    for _ in range(2):
        BcmDeleteExportOperator(task_id="t", export_arn=arn).execute(a_context())
    assert exports.list_exports()["Exports"] == []


def test_a_delete_that_is_denied_fails(emu: Emulator, exports: Any) -> None:
    arn = exports.create_export(Export=an_export())["ExportArn"]
    emu.faults.add({"operation": "DeleteExport", "error": {"code": "AccessDeniedException"}})
    with pytest.raises(AwsRefusedError, match="AccessDenied"):
        BcmDeleteExportOperator(task_id="t", export_arn=arn).execute(a_context())
