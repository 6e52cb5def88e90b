"""Why Data Exports may not write to a bucket: AWS says only that it may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bcm.hooks.base import error_code

#: What CreateExport and UpdateExport answer, also for seconds after the right policy was put on the bucket.
PERMISSION_MESSAGE = "S3 bucket permission validation failed"


def delivery_policy(bucket: str, account_id: str) -> dict[str, Any]:
    """Return the bucket policy that lets the exports of an account deliver into a bucket.

    See https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html; it is the same for a bucket of
    the export's own account and for one of another.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DataExportsDelivery",
                "Effect": "Allow",
                "Principal": {"Service": "bcm-data-exports.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account_id},
                    "ArnLike": {"aws:SourceArn": f"arn:aws:bcm-data-exports:us-east-1:{account_id}:export/*"},
                },
            }
        ],
    }


def why_refused(s3: Any, destination: Mapping[str, Any], account_id: str) -> tuple[str, bool]:
    """Find out why a destination was refused.

    :param s3: boto3 S3 client of the same connection
    :param destination: the ``S3Destination`` of the export
    :param account_id: the account that owns the export
    :return: a sentence with the remedy, and whether waiting could mend it (a policy that has not settled yet)
    """
    import botocore.exceptions

    bucket, owner = destination["S3Bucket"], destination.get("S3BucketOwner")
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner or account_id)
    except botocore.exceptions.ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            return f"bucket {bucket} does not exist. Create it, or correct the destination's bucket.", False
        if error_code(error) in ("403", "AccessDenied"):
            who = f"account {owner} (bucket_owner)" if owner else f"account {account_id}, and no bucket_owner is set"
            return (
                f"bucket {bucket} does not belong to {who}, or these credentials may not look at it. "
                "Set the destination's bucket_owner (S3BucketOwner) to the 12 digits of the account that owns it.",
                False,
            )
    policy = json.dumps(delivery_policy(bucket, account_id))
    return (
        f"the policy of bucket {bucket} does not let Data Exports deliver for account {account_id} "
        f"(or its region is not {destination['S3Region']}). Put this policy on the bucket: {policy}",
        True,
    )
