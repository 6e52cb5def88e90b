"""What can be wrong with a delivery. Each message is one sentence with the place and the remedy."""

from __future__ import annotations


class DeliveryError(Exception):
    """A delivery cannot be used."""


class ManifestMissingError(DeliveryError):
    """There is no manifest for the period."""


class ManifestInvalidError(DeliveryError):
    """The manifest is not JSON, lacks something, or contradicts itself."""


class OtherExportError(DeliveryError):
    """The manifest was written by another export: one of the same name that was deleted since."""


class ForeignFileError(DeliveryError):
    """The manifest names a file outside the export's own place for the period."""


class MissingFileError(DeliveryError):
    """The manifest names a file that is not there."""


class CorruptFileError(DeliveryError):
    """A data file is truncated or not in the format that it should have."""


class ColumnsDifferError(DeliveryError):
    """A data file has other columns than the manifest says."""


class EmptyDeliveryError(DeliveryError):
    """The delivery has no files or no rows."""


class BucketAccessError(DeliveryError):
    """S3 refused: no permission, no such bucket, or a bucket of an unexpected owner."""


class DeliveryChangedError(DeliveryError):
    """AWS is writing, or wrote, a newer delivery while this one was read. Reading again later helps."""
