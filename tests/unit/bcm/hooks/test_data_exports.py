"""Comparing, merging and checking the definitions of exports; the reads of the hook."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.bcm.support import an_export

from bcm.exceptions import AwsRefusedError, ExportImmutableError, QueryRefusedError
from bcm.hooks.data_exports import BcmDataExportsHook, check_change, differences, merged
from emulator.server import Emulator


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [
        ({"a": 1}, {"a": 1, "echoed": 2}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1, "echoed": "x"}}, []),
        ({"a": {}}, {}, []),
        ({"a": None}, {"a": ""}, []),
        ({"a": ""}, {}, []),
        ({"a": 1}, {"a": 2}, ["a: 2 -> 1"]),
        ({"a": {"b": 1}}, {}, ["a.b: None -> 1"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 4}}, ["a.b: 3 -> 1", "a.c: 4 -> 2"]),
        ({"QueryStatement": "SELECT a\n  FROM t"}, {"QueryStatement": "SELECT a FROM t"}, []),
        ({"QueryStatement": "SELECT a FROM t"}, {"QueryStatement": "SELECT b FROM t"}, None),
        ({"a": "x  y"}, {"a": "x y"}, None),
        ({"a": 1}, None, ["a: None -> 1"]),
    ],
)
def test_only_what_is_wanted_is_compared(wanted: Any, actual: Any, expected: list[str] | None) -> None:
    found = differences(wanted, actual)
    assert found == expected if expected is not None else len(found) == 1


def test_merging_keeps_what_the_new_definition_does_not_name() -> None:
    current = {"Name": "a", "Description": "d", "Query": {"Statement": "old", "Echoed": "e", "Empty": ""}, "None": {}}
    assert merged(current, {"Query": {"Statement": "new"}}) == {
        "Name": "a",
        "Description": "d",
        "Query": {"Statement": "new", "Echoed": "e"},
    }


@pytest.mark.parametrize("name", ["Name", "RefreshCadence"])
def test_what_can_never_change_is_refused(name: str) -> None:
    wanted = {**an_export(), name: "x" if name == "Name" else {"Frequency": "DAILY"}}
    with pytest.raises(ExportImmutableError, match=f"export cur2-daily: .*{name}.*another name"):
        check_change(wanted, an_export())


def test_what_a_definition_does_not_name_does_not_change() -> None:
    wanted = {name: value for name, value in an_export().items() if name != "RefreshCadence"}
    check_change(wanted, an_export())


def test_what_may_change_is_let_through() -> None:
    wanted = copy.deepcopy(an_export(S3Prefix="elsewhere"))
    wanted["DataQuery"]["QueryStatement"] = "SELECT bill_invoice_id FROM COST_AND_USAGE_REPORT"
    check_change(wanted, an_export())


def test_a_query_outside_the_documented_shape_is_left_to_aws(emu: Emulator) -> None:
    export = {"Name": "a", "DataQuery": {"QueryStatement": "WITH x AS (SELECT 1) SELECT * FROM x"}}
    BcmDataExportsHook().check_query(export)
    assert emu.requests(operation="GetTable") == []


def test_all_columns_must_be_named(emu: Emulator) -> None:
    query = {"QueryStatement": "SELECT * FROM COST_AND_USAGE_REPORT"}
    with pytest.raises(QueryRefusedError, match=r"takes no SELECT \*.*Name the columns: .*line_item_usage_amount"):
        BcmDataExportsHook().check_query({"Name": "a", "DataQuery": query})


def test_a_table_property_decides_which_columns_there_are(emu: Emulator) -> None:
    statement = "SELECT line_item_resource_id FROM COST_AND_USAGE_REPORT"
    query: dict[str, Any] = {"QueryStatement": statement}
    with pytest.raises(QueryRefusedError, match=r"no column 'line_item_resource_id' .*at their defaults"):
        BcmDataExportsHook().check_query({"Name": "a", "DataQuery": query})
    query["TableConfigurations"] = {"COST_AND_USAGE_REPORT": {"INCLUDE_RESOURCES": "TRUE"}}
    BcmDataExportsHook().check_query({"Name": "a", "DataQuery": query})


def test_an_export_is_found_by_its_whole_name(emu: Emulator, exports: Any) -> None:
    longer = exports.create_export(Export=an_export("cur2-daily-2"))["ExportArn"]
    hook = BcmDataExportsHook()
    assert hook.find_export("cur2-daily") is None
    assert hook.find_export("cur2-daily-2") == longer


def test_every_page_of_exports_is_read(monkeypatch: pytest.MonkeyPatch, emu: Emulator) -> None:
    from botocore.stub import Stubber

    hook = BcmDataExportsHook()
    status = {"ExportStatus": {"StatusCode": "HEALTHY"}}
    first, second = ({"ExportName": name, "ExportArn": f"arn:{name:>20}", **status} for name in "ab")
    with Stubber(hook.conn) as stub:
        stub.add_response("list_exports", {"Exports": [first], "NextToken": "t"}, {})
        stub.add_response("list_exports", {"Exports": [second]}, {"NextToken": "t"})
        assert hook.find_export("b") == second["ExportArn"]
        stub.assert_no_pending_responses()


READS: list[Callable[[BcmDataExportsHook, str], Any]] = [
    lambda hook, arn: hook.get_export(arn),
    lambda hook, arn: hook.get_execution(arn, "11111111-2222-3333-4444-555555555555"),
]


@pytest.mark.parametrize("read", READS, ids=["get_export", "get_execution"])
def test_reading_what_does_not_exist_is_a_refusal_with_its_code(
    emu: Emulator, read: Callable[[BcmDataExportsHook, str], Any]
) -> None:
    arn = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/gone-00000000-0000-0000-0000-000000000000"
    with pytest.raises(AwsRefusedError, match="gone") as caught:
        read(BcmDataExportsHook(), arn)
    assert caught.value.code == "ResourceNotFoundException"
