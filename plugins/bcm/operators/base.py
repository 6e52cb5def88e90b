"""What the operators of both services share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import AwsHookType, aws_template_fields
from airflow.sdk import Context


class BcmBaseOperator(AwsBaseOperator[AwsHookType]):
    """Checks the account before it acts, and links to the console.

    :param expected_account_id: 12 digits; the task fails before it does anything when the credentials belong to
        another account. None skips the check.
    :param kwargs: as for every operator of the amazon provider: ``aws_conn_id``, ``region_name``, ``verify``,
        ``botocore_config``
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id")
    link: type[BaseAwsLink]

    def __init__(self, *, expected_account_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expected_account_id = expected_account_id

    def execute(self, context: Context) -> Any:
        """Check the account, then act.

        :raises WrongAccountError: when the credentials belong to another account
        """
        self.hook.check_account(self.expected_account_id)  # type: ignore[attr-defined]
        self.link.persist(context, self, self.hook.conn_region_name, self.hook.conn_partition)
        return self.act(context)

    def act(self, context: Context) -> Any:
        """Do what the operator is for."""
        raise NotImplementedError
