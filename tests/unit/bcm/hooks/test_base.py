"""Strict connections, errors as sentences, and what counts as passing."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest
from tests.unit.bcm.support import MEMBER, PAYER, connection

from bcm.exceptions import (
    AwsConnectionMissingError,
    AwsRefusedError,
    AwsUnavailableError,
    BcmError,
    WrongAccountError,
)
from bcm.hooks.base import BcmBaseHook, aws_errors, error_code, is_transient, sentence
from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from emulator.server import Emulator

HOOKS = pytest.mark.parametrize("hook_class", [BcmDataExportsHook, BcmPricingCalculatorHook])


def client_error(code: str, status: int = 400, **members: Any) -> botocore.exceptions.ClientError:
    response = {"Error": {"Code": code, "Message": "so it is"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError({**response, **members}, "GetExport")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (client_error("ThrottlingException"), True),
        (client_error("InternalServerException", 500), True),
        (client_error("DataUnavailableException"), True),
        (client_error("ExpiredTokenException"), True),
        (client_error("SomethingNew", 503), True),
        (client_error("AccessDeniedException", 403), False),
        (client_error("ValidationException"), False),
        (client_error("ResourceNotFoundException", 404), False),
        (client_error("ServiceQuotaExceededException", 402), False),
        (client_error("ConflictException", 409), False),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://aws"), True),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://aws"), True),
        (botocore.exceptions.NoCredentialsError(), False),
        (botocore.exceptions.ParamValidationError(report="x"), False),
        (botocore.exceptions.ProfileNotFound(profile="x"), False),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (KeyError("x"), False),
    ],
    ids=lambda value: (error_code(value) or type(value).__name__) if isinstance(value, Exception) else "",
)
def test_what_passes_by_itself(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes


def test_a_passing_fault_and_a_refusal_are_two_classes() -> None:
    said = "GetExport x: AWS answered ThrottlingException: so it is"
    with pytest.raises(AwsUnavailableError, match=said), aws_errors("GetExport x"):
        raise client_error("ThrottlingException")
    with pytest.raises(AwsRefusedError, match="AccessDenied") as caught, aws_errors("GetExport x"):
        raise client_error("AccessDeniedException")
    assert caught.value.code == "AccessDeniedException"


@pytest.mark.parametrize("error", [KeyError("x"), BcmError("x")])
def test_what_is_not_of_aws_goes_through_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, aws_errors("GetExport x"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "members",
    [
        {"Fields": [{"Name": "S3Bucket", "Message": "too short"}]},
        {"fieldList": [{"name": "S3Bucket", "message": "too short"}]},
    ],
    ids=["Data Exports", "Pricing Calculator"],
)
def test_a_sentence_names_the_fields_that_either_service_lists(members: dict[str, Any]) -> None:
    text = sentence(client_error("ValidationException", **members), "CreateExport x")
    assert text == "CreateExport x: AWS answered ValidationException: so it is (S3Bucket: too short)"


def test_a_sentence_of_an_error_without_an_answer_names_its_class() -> None:
    assert sentence(ConnectionResetError("by peer"), "GetExport x") == "GetExport x: ConnectionResetError: by peer"


@HOOKS
def test_a_missing_connection_is_refused(hook_class: type[BcmBaseHook]) -> None:
    with pytest.raises(AwsConnectionMissingError, match=r"no Airflow connection 'typo'.*aws_conn_id to None"):
        hook_class(aws_conn_id="typo").conn  # noqa: B018 - the property connects


@HOOKS
def test_no_connection_on_purpose_means_the_default_credentials(
    hook_class: type[BcmBaseHook], monkeypatch: pytest.MonkeyPatch, emu: Emulator
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIADEMO{MEMBER}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", emu.url)
    hook_class(aws_conn_id=None).check_account(MEMBER)


@HOOKS
def test_the_account_is_compared(hook_class: type[BcmBaseHook], emu: Emulator) -> None:
    hook = hook_class(aws_conn_id="aws_default")
    hook.check_account(PAYER)
    with pytest.raises(WrongAccountError, match=f"belong to account {PAYER}, but account {MEMBER} was asked for"):
        hook.check_account(MEMBER)


def test_no_expected_account_asks_nobody(emu: Emulator) -> None:
    BcmDataExportsHook().check_account(None)
    assert emu.requests() == []


def test_an_account_that_cannot_be_read_is_not_a_wrong_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(hook: BcmBaseHook) -> str:
        raise client_error("ThrottlingException")

    monkeypatch.setattr(BcmDataExportsHook, "account_id", property(fail))
    with pytest.raises(AwsUnavailableError, match="GetCallerIdentity with connection 'aws_default'"):
        BcmDataExportsHook(aws_conn_id="aws_default").check_account(PAYER)


@HOOKS
@pytest.mark.parametrize("region", [None, "", "us-east-1", "us-gov-west-1"])
def test_the_region_of_both_services_unless_another_is_named(
    hook_class: type[BcmBaseHook], monkeypatch: pytest.MonkeyPatch, region: str | None
) -> None:
    extra = connection("http://127.0.0.1:9", region_name="eu-central-1")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", extra)
    hook = hook_class(aws_conn_id="aws_default", region_name=region)
    assert hook.region_name == (region or "us-east-1"), "the connection's region is for other services"
