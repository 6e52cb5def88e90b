"""Deliveries of data exports, read as AWS's manifest tells: the public names.

A delivery is one execution of one export for one billing period. ``find_delivery`` verifies it in the bucket,
``fetch`` downloads exactly what was verified, ``read`` does both and begins again if AWS delivers meanwhile.
"""

from __future__ import annotations

from finops.delivery import DeliveredFile, Delivery
from finops.delivery_errors import (
    BucketAccessError,
    ColumnsDifferError,
    CorruptFileError,
    DeliveryChangedError,
    DeliveryError,
    EmptyDeliveryError,
    ForeignFileError,
    ManifestInvalidError,
    ManifestMissingError,
    MissingFileError,
    OtherExportError,
)
from finops.delivery_fetch import FetchedDelivery, fetch, fetch_delivery, read
from finops.delivery_search import find_delivery

__all__ = [
    "BucketAccessError",
    "ColumnsDifferError",
    "CorruptFileError",
    "DeliveredFile",
    "Delivery",
    "DeliveryChangedError",
    "DeliveryError",
    "EmptyDeliveryError",
    "FetchedDelivery",
    "ForeignFileError",
    "ManifestInvalidError",
    "ManifestMissingError",
    "MissingFileError",
    "OtherExportError",
    "fetch",
    "fetch_delivery",
    "find_delivery",
    "read",
]
