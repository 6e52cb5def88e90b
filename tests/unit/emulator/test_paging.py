"""Pages of both services' lists: nothing comes twice, nothing is lost, and a token is its own list's only."""

from __future__ import annotations

import base64

import pytest

HOUR = 3600
MEMBER = "444455556666"


@pytest.fixture
def three_exports(exports, definition):
    """The ARNs of three exports."""
    return [exports.create_export(Export=definition(f"export-{number}"))["ExportArn"] for number in range(3)]


def names(*pages):
    return [export["ExportName"] for page in pages for export in page["Exports"]]


@pytest.mark.parametrize("removed", [0, 1])
def test_an_export_deleted_between_two_pages_takes_no_other_with_it(exports, three_exports, removed):
    first = exports.list_exports(MaxResults=2)
    exports.delete_export(ExportArn=three_exports[removed])
    rest = exports.list_exports(NextToken=first["NextToken"])
    assert names(first, rest) == ["export-0", "export-1", "export-2"], "the second page lost or doubled an export"


def test_a_run_between_two_pages_doubles_no_execution(emulator, exports, three_exports):
    arn = three_exports[0]
    emulator.clock.advance(24 * HOUR)
    before = [run["ExecutionId"] for run in exports.list_executions(ExportArn=arn)["Executions"]]
    first = exports.list_executions(ExportArn=arn, MaxResults=1)
    emulator.clock.advance(12 * HOUR)
    rest = exports.list_executions(ExportArn=arn, NextToken=first["NextToken"])
    seen = [run["ExecutionId"] for run in first["Executions"] + rest["Executions"]]
    assert len(before) > 1
    assert seen == before, "the list is newest first: a new run must not move the others onto the next page"


def test_tags_put_on_and_taken_off_between_two_pages_move_no_others(exports, three_exports):
    arn = three_exports[0]
    exports.tag_resource(ResourceArn=arn, ResourceTags=[{"Key": key, "Value": ""} for key in "ceab"])
    first = exports.list_tags_for_resource(ResourceArn=arn, MaxResults=2)
    exports.untag_resource(ResourceArn=arn, ResourceTagKeys=["a", "b"])
    exports.tag_resource(ResourceArn=arn, ResourceTags=[{"Key": "A", "Value": ""}, {"Key": "d", "Value": ""}])
    rest = exports.list_tags_for_resource(ResourceArn=arn, NextToken=first["NextToken"])
    assert [tag["Key"] for tag in first["ResourceTags"] + rest["ResourceTags"]] == list("abcde")


def test_a_token_belongs_to_its_list_and_its_account(client, exports, three_exports, refused):
    token = exports.list_exports(MaxResults=1)["NextToken"]
    for call, params in (
        (exports.list_tables, {}),
        (exports.list_executions, {"ExportArn": three_exports[0]}),
        (client("bcm-data-exports", MEMBER).list_exports, {}),
    ):
        answer = refused(call, NextToken=token, **params)
        assert (answer["code"], answer["Fields"][0]["Name"]) == ("ValidationException", "NextToken")


def test_the_size_of_the_page_may_change_with_a_token(exports, three_exports):
    first = exports.list_exports(MaxResults=1)
    assert names(exports.list_exports(MaxResults=300, NextToken=first["NextToken"])) == ["export-1", "export-2"]


def _made_up(token):
    """Tokens that a good one was changed into."""
    digest = base64.urlsafe_b64decode(token).decode().partition(":")[0]
    for place in ("", "-999999", "-1", "1_0", " 3 ", "3", "\u0663", '"a"', "[" * 5000, "null"):
        yield place, base64.urlsafe_b64encode(f"{digest}:{place}".encode()).decode()
    yield "not in full", token[:-4]
    yield "with more behind it", f"{token}!"
    yield "no base64", "here"
    yield "no ASCII", "\u00e9"


def test_a_token_that_was_made_up_is_refused_by_data_exports(exports, three_exports, refused):
    for what, token in _made_up(exports.list_exports(MaxResults=1)["NextToken"]):
        answer = refused(exports.list_exports, NextToken=token)
        assert (answer["code"], answer["Fields"][0]["Name"]) == ("ValidationException", "NextToken"), what


def test_a_token_that_was_made_up_is_refused_by_the_calculator(calculator, refused):
    for number in range(2):
        calculator.create_bill_scenario(name=f"scenario-{number}")
    for what, token in _made_up(calculator.list_bill_scenarios(maxResults=1)["nextToken"]):
        if len(token) <= 2048:  # the model's
            answer = refused(calculator.list_bill_scenarios, nextToken=token)
            assert (answer["code"], answer["fieldList"][0]["name"]) == ("ValidationException", "nextToken"), what
