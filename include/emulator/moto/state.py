"""What moto knows, as a snapshot keeps it: objects, policies, users, roles, sessions and the rest."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.s3.models import s3_backends


def clear() -> None:
    """Empty all of moto's backends."""
    BackendDict.reset()
    reset_model_data()


@dataclass(frozen=True)
class MotoState:
    """moto's state at one moment.

    :param services: each service's collection of backends, which are modules' globals, and its pickled content.
    :param left_out: services that hold something that cannot be kept: some of moto's models hold locks or keys of
        the crypto library (SQS, KMS, Lambda). S3, IAM and STS do not.
    """

    services: list[tuple[Any, bytes]]
    left_out: list[str]

    @classmethod
    def take(cls) -> MotoState:
        """Copy the present state."""
        services, left_out = [], []
        instances: list[Any] = BackendDict._instances  # type: ignore[misc]  # generic, and moto fills it per class
        for service in instances:
            try:
                services.append((service, pickle.dumps(list(service.iter_backends()))))
            except (TypeError, AttributeError, pickle.PicklingError):
                left_out.append(service.service_name)
        return cls(services, sorted(left_out))

    def put(self) -> None:
        """Put this state in the place of the present one. Services that it does not have are empty afterwards."""
        # Before anything is read: emptying S3 closes the files of every object that there is.
        clear()
        for service, content in self.services:
            for account, region, backend in pickle.loads(content):  # noqa: S301 - this process wrote it
                service[account][region] = backend
        s3: Any = s3_backends
        s3.bucket_accounts = {
            bucket: (backend.partition, account)
            for account, _, backend in s3.iter_backends()
            for bucket in backend.buckets
        }
