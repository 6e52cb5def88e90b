"""Deliveries of data exports, read as AWS's manifest tells: the public names.

A delivery is one execution of one export for one billing period. ``find_delivery`` verifies it in the bucket,
``fetch_delivery`` downloads exactly what was verified.
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
from finops.delivery_fetch import FetchedDelivery, fetch_delivery
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
    "fetch_delivery",
    "find_delivery",
]
