"""Tags of exports: put on, read in pages, taken off, limited."""

from __future__ import annotations

import pytest

PAYER, MEMBER = "111122223333", "444455556666"


@pytest.fixture
def arn(exports, definition):
    return exports.create_export(Export=definition(), ResourceTags=_tags(team="web", stage="test"))["ExportArn"]


@pytest.fixture
def tags(exports, arn):
    return lambda: {tag["Key"]: tag["Value"] for tag in exports.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]}


def test_a_create_takes_tags(tags):
    assert tags() == {"team": "web", "stage": "test"}


def test_a_new_value_replaces_the_old(exports, arn, tags):
    exports.tag_resource(ResourceArn=arn, ResourceTags=_tags(stage="live", owner=""))
    assert tags() == {"team": "web", "stage": "live", "owner": ""}


def test_tags_are_taken_off_by_key(exports, arn, tags):
    exports.untag_resource(ResourceArn=arn, ResourceTagKeys=["stage", "never there"])
    assert tags() == {"team": "web"}


def test_keys_are_case_sensitive(exports, arn, tags):
    exports.tag_resource(ResourceArn=arn, ResourceTags=_tags(Team="data"))
    assert (tags()["team"], tags()["Team"]) == ("web", "data")


def test_an_update_leaves_tags_alone(exports, arn, tags, definition):
    exports.update_export(ExportArn=arn, Export=definition(columns="line_item_usage_type"))
    assert tags() == {"team": "web", "stage": "test"}


def test_tags_are_listed_in_pages(exports, arn):
    first = exports.list_tags_for_resource(ResourceArn=arn, MaxResults=1)
    rest = exports.list_tags_for_resource(ResourceArn=arn, MaxResults=1, NextToken=first["NextToken"])
    assert (first["ResourceTags"] + rest["ResourceTags"], "NextToken" in rest) == (
        _tags(stage="test", team="web"),
        False,
    )


@pytest.mark.parametrize(
    "added",
    [
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
        [{"Key": "aws:cloudformation:stack-name", "Value": "a"}],
        [{"Key": "AWS:a", "Value": "a"}],
        [{"Key": f"key-{number}", "Value": ""} for number in range(49)],
    ],
    ids=["a key twice", "AWS's own", "AWS's own, shouted", "51 of them"],
)
def test_tags_that_a_resource_cannot_have(exports, arn, tags, refused, added):
    answer = refused(exports.tag_resource, ResourceArn=arn, ResourceTags=added)
    assert (answer["code"], answer["Fields"][0]["Name"]) == ("ValidationException", "ResourceTags")
    assert tags() == {"team": "web", "stage": "test"}


def test_fifty_tags_are_as_many_as_there_can_be(exports, arn, tags):
    exports.tag_resource(ResourceArn=arn, ResourceTags=_tags(**{f"key-{number}": "" for number in range(48)}))
    assert len(tags()) == 50


def test_a_create_with_tags_that_cannot_be_makes_nothing(exports, definition, refused):
    refused(exports.create_export, Export=definition("other"), ResourceTags=_tags(a="1") * 2)
    assert exports.list_exports()["Exports"] == []


CALLS = [
    ("tag_resource", {"ResourceTags": []}),
    ("untag_resource", {"ResourceTagKeys": []}),
    ("list_tags_for_resource", {}),
]


@pytest.mark.parametrize(("name", "params"), CALLS)
def test_an_unknown_export_is_not_found(exports, arn, refused, name, params):
    exports.delete_export(ExportArn=arn)
    answer = refused(getattr(exports, name), ResourceArn=arn, **params)
    assert (answer["code"], answer["ResourceId"], answer["ResourceType"]) == (
        "ResourceNotFoundException",
        arn,
        "Export",
    )


@pytest.mark.parametrize(("name", "params"), CALLS)
def test_another_accounts_export_is_denied(client, arn, refused, name, params):
    other = client("bcm-data-exports", MEMBER)
    assert refused(getattr(other, name), ResourceArn=arn, **params)["code"] == "AccessDeniedException"


def _tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items()]
