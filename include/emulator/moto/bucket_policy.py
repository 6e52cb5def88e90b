"""May Data Exports put objects into a bucket? A small evaluator of bucket policies, for that one question.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

SERVICE_PRINCIPAL = "bcm-data-exports.amazonaws.com"
_ACTION = "s3:PutObject"


def delivery_policy(bucket: str, exporting_account: str) -> dict[str, Any]:
    """The policy that AWS documents for a bucket that takes exports of ``exporting_account``.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EnableAWSDataExportsToWriteToS3",
                "Effect": "Allow",
                "Principal": {"Service": SERVICE_PRINCIPAL},
                "Action": _ACTION,
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": f"arn:aws:bcm-data-exports:us-east-1:{exporting_account}:export/*"},
                    "StringEquals": {"aws:SourceAccount": exporting_account},
                },
            }
        ],
    }


def may_deliver(policy: Mapping[str, Any] | None, resource_arn: str, source_arn: str, source_account: str) -> bool:
    """Say whether ``policy`` lets Data Exports put the object ``resource_arn``.

    An explicit Deny wins, without an Allow it is refused. A condition operator that is not known here never matches
    an Allow and always matches a Deny: in doubt the delivery is refused.

    :param source_arn: the export's ARN, compared with the condition key ``aws:SourceArn``.
    :param source_account: the exporting account, compared with ``aws:SourceAccount``.
    """
    # All that the request of a service carries; of principals' organisations, networks and the like it has nothing.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    context = {
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": source_account,
        "aws:securetransport": "true",
        "aws:principalisawsservice": "true",
        "aws:principalservicename": SERVICE_PRINCIPAL,
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    try:
        return _evaluate(policy or {}, resource_arn, context)
    except (AttributeError, TypeError):  # not of a policy's shape: S3 would not have taken it, moto does
        return False


def _evaluate(policy: Mapping[str, Any], resource_arn: str, context: Mapping[str, str]) -> bool:
    allowed = False
    for statement in _listed(policy.get("Statement")):
        denies = statement.get("Effect") == "Deny"
        if not _applies(statement, resource_arn, context, in_doubt=denies):
            continue
        if denies:
            return False
        allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _applies(statement: Mapping[str, Any], resource_arn: str, context: Mapping[str, str], *, in_doubt: bool) -> bool:
    return (
        _names_service(statement)
        and _covers(statement, "Action", _ACTION, ignore_case=True)
        and _covers(statement, "Resource", resource_arn, ignore_case=False)
        and _conditions_hold(statement.get("Condition") or {}, context, in_doubt=in_doubt)
    )


def _names_service(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return not _is_service(statement["NotPrincipal"])
    return _is_service(statement.get("Principal"))


def _is_service(principal: Any) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    if "*" in _listed(principal.get("AWS")):
        return True
    return any(name in ("*", SERVICE_PRINCIPAL) for name in _listed(principal.get("Service")))


def _covers(statement: Mapping[str, Any], element: str, value: str, *, ignore_case: bool) -> bool:
    negated = f"Not{element}"
    patterns = _listed(statement.get(negated if negated in statement else element))
    matched = any(_like(pattern, value, ignore_case=ignore_case) for pattern in patterns)
    return not matched if negated in statement else matched


def _conditions_hold(
    conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str], *, in_doubt: bool
) -> bool:
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            held = _condition_holds(operator, [_text(one) for one in _listed(wanted)], context.get(key.lower()))
            if not (in_doubt if held is None else held):
                return False
    return True


def _condition_holds(operator: str, wanted: list[str], actual: str | None) -> bool | None:
    """Evaluate one condition; ``None`` if the operator is not known.

    A key that the request does not carry matches nothing, so that only a negated operator, or one with IfExists,
    holds. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    quantifier, _, plain = operator.rpartition(":")
    name = plain.removesuffix("IfExists")
    if name == "Null":
        return str(actual is None).lower() in map(str.lower, wanted)
    matches = _OPERATORS.get(name.replace("Not", "", 1))
    if matches is None:
        return None
    if actual is None and (plain.endswith("IfExists") or quantifier == "ForAllValues"):
        return True
    matched = actual is not None and any(matches(pattern, actual) for pattern in wanted)
    return not matched if "Not" in name else matched


def _arn_like(pattern: str, value: str) -> bool:
    """ARNs are compared part by part: a wildcard does not reach over a colon of the first five."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) and all(map(_like, patterns, values))


def _like(pattern: str, value: str, ignore_case: bool = False) -> bool:
    first, *parts = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    if parts:
        # What stands between wildcards is taken where it comes first, for good: trying on takes time without end.
        first += "".join(f"(?>.*?{part})" for part in parts[:-1]) + f".*{parts[-1]}"
    return re.fullmatch(first, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": _like,
    "ArnLike": _arn_like,
    "ArnEquals": _arn_like,
    "Bool": lambda pattern, value: pattern.lower() == value,
    "IpAddress": lambda pattern, value: False,  # no request of a service tells where it comes from
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
