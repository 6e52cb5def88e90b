"""What can go wrong, one class a cause, so that a retry policy or a callback can tell the causes apart."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException


class BcmError(AirflowException):
    """Base of every error of this package; its text is one sentence for the person who reads the task's log."""


class BcmPermanentError(BcmError):
    """An error that no retry can mend: somebody has to change something first."""


class AwsConnectionMissingError(BcmPermanentError):
    """The Airflow connection does not exist, and default credentials would mean an account nobody named."""


class WrongAccountError(BcmPermanentError):
    """The connection's credentials belong to another AWS account than the one that was asked for."""


class AwsRefusedError(BcmPermanentError):
    """AWS refused a request: invalid, denied, over a quota, or in conflict with what exists.

    :param code: the error code of the API, e.g. ``ValidationException``
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AwsUnavailableError(BcmError):
    """AWS throttled, timed out or failed on its side; the same request may go through later."""


class ExportExistsError(BcmPermanentError):
    """An export of that name exists and the task was told not to touch it."""


class ExportImmutableError(BcmPermanentError):
    """The wanted change is one that AWS does not allow on an existing export."""


class BucketRefusedError(BcmPermanentError):
    """Data Exports may not write to the destination bucket; the text says why and what to change."""


class QueryRefusedError(BcmPermanentError):
    """The export's query names a table or a column that AWS does not offer."""


class ExecutionFailedError(BcmPermanentError):
    """An execution ended in QUERY_FAILURE or DELIVERY_FAILURE."""


class BillEstimateFailedError(BcmPermanentError):
    """A bill estimate ended in FAILED; the text carries AWS's failureMessage."""


class BillScenarioUnusableError(BcmPermanentError):
    """A bill scenario is STALE or FAILED and can no longer produce an estimate."""


class ScenarioLockedError(BcmError):
    """A bill scenario is LOCKED while an estimate is computed from it; it is free again when that has ended."""


class ModificationsRefusedError(BcmPermanentError):
    """AWS refused some entries of a batch of modifications; the text lists each with its key and reason."""


class ResourceVanishedError(BcmPermanentError):
    """What a task waits for or works on no longer exists in AWS."""


class UnknownStatusError(BcmPermanentError):
    """AWS reported a status that this version does not know; guessing could report a success that is none."""
