"""What both services' hooks share: a strict connection, the account's identity, and errors as sentences."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook, BaseSessionFactory
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
from airflow.sdk.exceptions import AirflowNotFoundException

from bcm.exceptions import (
    AwsConnectionMissingError,
    AwsRefusedError,
    AwsUnavailableError,
    BcmError,
    WrongAccountError,
)
from bcm.hooks.transport import shared_trust

#: Both services answer in one region of each partition; in ``aws`` it is this one.
BCM_REGION = "us-east-1"

#: AWS asks for fewer calls.
THROTTLING_CODES = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
#: A session has ended; the next client has a new one.
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
#: Credentials that AWS does not take (any more). During a wait they may have been rotated.
REJECTED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
#: The signature's time is too far from AWS's: a clock that jumped, until somebody sets it right.
CLOCK_CODES = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
#: How AWS says the same under the code of any other bad signature.
CLOCK_MESSAGES = ("Signature expired", "Signature not yet current")
#: Error codes after which the same request may go through later.
TRANSIENT_CODES = (
    THROTTLING_CODES
    | EXPIRED_CODES
    | CLOCK_CODES
    | {
        "InternalServerException",
        "InternalFailure",
        "InternalServerError",
        "InternalError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "DataUnavailableException",
        "RequestTimeout",
        "500",
        "502",
        "503",
        "504",
    }
)
#: Codes that say that a thing does not exist; the first is Data Exports', the second S3's HEAD.
NOT_FOUND_CODES = frozenset({"ResourceNotFoundException", "404", "NoSuchBucket"})
#: A URL that carries a password, as a proxy's may.
URL_WITH_PASSWORD = re.compile(r"//[^/@\s]*:[^/@\s]+@")


def response(error: BaseException) -> dict[str, Any]:
    """Return what AWS answered, as a botocore ``ClientError`` carries it; {} for any other exception."""
    answered = getattr(error, "response", None)
    return answered if isinstance(answered, dict) else {}


def error_code(error: BaseException) -> str:
    """Return the API's error code of a botocore ``ClientError``, or "" for any other exception."""
    return str(response(error).get("Error", {}).get("Code", ""))


def is_from_aws(error: BaseException) -> bool:
    """Tell whether botocore raised ``error``: AWS refused, did not answer, or there are no credentials to ask with."""
    import botocore.exceptions

    return isinstance(error, (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError))


def is_transient(error: BaseException) -> bool:
    """Tell whether the request that ended in ``error`` is worth repeating.

    True for throttling, faults on AWS's side, expired sessions, a clock that is wrong for the moment, and everything
    that never got an answer (connection refused or reset, time-outs).
    """
    import botocore.exceptions

    if isinstance(error, botocore.exceptions.ClientError):
        code, status = error_code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code in TRANSIENT_CODES or status >= 500 or any(text in str(error) for text in CLOCK_MESSAGES)
    permanent = (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
        botocore.exceptions.ParamValidationError,
        botocore.exceptions.ProfileNotFound,
    )
    if isinstance(error, permanent):
        return False
    return isinstance(error, (botocore.exceptions.BotoCoreError, OSError, TimeoutError))


def answer(error: BaseException) -> str:
    """Return what AWS answered, with its code, message and field list; of any other error what it says."""
    answered = response(error)
    if not answered:
        return str(error) if isinstance(error, BcmError) else f"{type(error).__name__}: {error}"
    detail = answered.get("Error", {}).get("Message") or answered.get("message") or ""
    fields = answered.get("Fields") or answered.get("fieldList") or []
    named = "; ".join(f"{f.get('Name') or f.get('name')}: {f.get('Message') or f.get('message')}" for f in fields)
    return f"AWS answered {error_code(error)}: {detail}" + (f" ({named})" if named else "")


def sentence(error: BaseException, action: str) -> str:
    """Return one line that says what came of ``action``, e.g. ``CreateExport x: AWS answered ...``."""
    return f"{action}: {answer(error)}"


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Turn what botocore raises inside the block into an error of this package.

    :param action: what was being done, to start the sentence with, e.g. ``CreateExport cur2-daily``
    :raises AwsUnavailableError: when the request may go through later
    :raises AwsRefusedError: when AWS refused it for good
    """
    import botocore.exceptions

    try:
        yield
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        if is_transient(error):
            raise AwsUnavailableError(sentence(error, action)) from error
        raise AwsRefusedError(sentence(error, action), code=error_code(error)) from error


@cache
def models() -> Any:
    """Return what reads botocore's models, once for all of a triggerer's sessions: the provider's own."""
    session = BaseSessionFactory(conn=None).get_async_session()  # type: ignore[no-untyped-call]
    return session.get_component("data_loader")


def refuse_passwords(botocore_config: dict[str, Any] | None) -> None:
    """Refuse a configuration with a password in it: it goes into the serialized DAG and into the trigger.

    :raises ValueError: when there is one
    """
    if any(isinstance(leaf, str) and URL_WITH_PASSWORD.search(leaf) for leaf in leaves(botocore_config)):
        raise ValueError(
            "botocore_config: has a URL with a password, which would be readable in the serialized DAG. Put it into "
            "config_kwargs of the connection's extra, which Airflow encrypts."
        )


def leaves(value: Any) -> Iterator[Any]:
    """Yield everything in a nested value that is neither a mapping nor a list."""
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each)
    else:
        yield value


class BcmBaseHook(AwsBaseHook):
    """A thin hook around one of the two services.

    Unlike the amazon provider's hooks it does not fall back to default credentials when the connection is
    missing: for billing that would silently be another account. ``aws_conn_id=None`` asks for them openly.

    :param client_type: ``bcm-data-exports`` or ``bcm-pricing-calculator``
    :param kwargs: as for every hook of the amazon provider: ``aws_conn_id``, ``region_name`` (default us-east-1),
        ``verify``, ``config``
    """

    #: The ``client_type`` of a service's hook.
    service: str

    def __init__(self, client_type: str, **kwargs: Any) -> None:
        super().__init__(client_type=client_type, **{**kwargs, "region_name": kwargs.get("region_name") or BCM_REGION})

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """Return the connection's settings.

        :raises AwsConnectionMissingError: when there is no connection of that name
        """
        connection = None
        if self.aws_conn_id:
            try:
                connection = self.get_connection(self.aws_conn_id)
            except AirflowNotFoundException:
                raise AwsConnectionMissingError(
                    f"aws_conn_id: there is no Airflow connection {self.aws_conn_id!r}. Create it, or set "
                    "aws_conn_id to None to use the default AWS credentials of the worker on purpose."
                ) from None
        return AwsConnectionWrapper(
            conn=connection, region_name=self._region_name, botocore_config=self._config, verify=self._verify
        )

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        """Return the boto3 session, or the aiobotocore one.

        The provider would have a role's renewal, a call of STS, hold up the triggerer's event loop. Of the rest, all
        clients share what does not differ: the models, and the certificates that they trust.
        """
        session = super().get_session(region_name, deferrable)
        if not deferrable:
            return session
        session.register_component("data_loader", models())
        session.set_default_client_config(shared_trust())
        credentials: Any = session._credentials
        renew = getattr(credentials, "_refresh_using", None)
        if renew is not None:
            credentials._refresh_using = partial(asyncio.to_thread, renew)
        return session

    def check_account(self, expected_account_id: str | None) -> None:
        """Compare the account that the credentials belong to with the one that the user named.

        :param expected_account_id: 12 digits; None skips the check
        :raises WrongAccountError: when they differ
        """
        if expected_account_id is None:
            return
        with aws_errors(f"GetCallerIdentity with connection {self.aws_conn_id!r}"):
            actual = self.account_id
        if actual != expected_account_id:
            raise WrongAccountError(
                f"aws_conn_id: the credentials of connection {self.aws_conn_id!r} belong to account {actual}, but "
                f"account {expected_account_id} was asked for. Use that account's connection, or correct the account."
            )
