"""Why Data Exports may not write to a bucket: AWS says only that it may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bcm.exceptions import AwsRefusedError, AwsUnavailableError
from bcm.hooks.base import BCM_REGION, NOT_FOUND_CODES, aws_errors

#: What CreateExport and UpdateExport answer, also for seconds after the right policy was put on the bucket.
PERMISSION_MESSAGE = "S3 bucket permission validation failed"


def delivery_policy(bucket: str, account_id: str, partition: str = "aws", region: str = BCM_REGION) -> dict[str, Any]:
    """Return the bucket policy that lets the exports of an account deliver into a bucket.

    :param partition: ``aws``, ``aws-cn`` or another partition of AWS
    :param region: the one in which that partition has Data Exports

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
                "Resource": f"arn:{partition}:s3:::{bucket}/*",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account_id},
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:bcm-data-exports:{region}:{account_id}:export/*"},
                },
            }
        ],
    }


def why_refused(
    s3: Any, destination: Mapping[str, Any], account_id: str, partition: str = "aws", region: str = BCM_REGION
) -> tuple[str, bool]:
    """Find out why a destination was refused.

    :param s3: boto3 S3 client of the same connection
    :param destination: the ``S3Destination`` of the export
    :param account_id: the account that owns the export
    :param partition: as for :func:`delivery_policy`
    :param region: as for :func:`delivery_policy`
    :return: a sentence with the remedy, and whether waiting could mend it (a policy that has not settled yet)
    """
    bucket, owner = destination["S3Bucket"], destination.get("S3BucketOwner")
    code, said, answer = "", "", {}
    try:
        with aws_errors(f"HeadBucket {bucket}"):
            answer = s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner or account_id)
    except (AwsRefusedError, AwsUnavailableError) as error:
        answer = getattr(error.__cause__, "response", answer)
        code, said = getattr(error, "code", ""), f" S3 could not tell more: {error}."
    if code in NOT_FOUND_CODES:
        return f"bucket {bucket} does not exist. Create it, or correct the destination's bucket.", False
    if code in ("403", "AccessDenied"):
        who = f"account {owner} (bucket_owner)" if owner else f"account {account_id}, and no bucket_owner is set"
        return (
            f"bucket {bucket} does not belong to {who}, or these credentials may not look at it. "
            "Set the destination's bucket_owner (S3BucketOwner) to the 12 digits of the account that owns it.",
            False,
        )
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    actual, wanted = headers.get("x-amz-bucket-region"), destination["S3Region"]
    if code == "301" or actual not in (None, wanted):
        where = f"in region {actual}" if actual else "in another region"
        return (
            f"bucket {bucket} is {where}, not in {wanted}. Set the destination's region (S3Region) to the bucket's, "
            "or name a bucket of that region.",
            False,
        )
    policy = json.dumps(delivery_policy(bucket, account_id, partition, region))
    return (
        f"the policy of bucket {bucket} does not let Data Exports deliver for account {account_id}.{said} "
        f"Put this policy on the bucket: {policy}",
        True,
    )
