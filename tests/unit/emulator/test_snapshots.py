"""Snapshots: everything goes back, and what comes then is what would have come."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from datetime import timedelta

import boto3
import docker
import docker.errors
import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends
from moto.sqs.models import SQSBackend, sqs_backends

BUCKET = "finops-exports-111122223333"
DAY = 86_400


@pytest.fixture
def seen(emulator, exports, calculator, s3, client):
    """``seen()``: all that clients and the control API can see, but the running of the clock itself."""

    def look():
        arns = [export["ExportArn"] for export in exports.list_exports()["Exports"]]
        runs = {arn: exports.list_executions(ExportArn=arn)["Executions"] for arn in arns}
        objects = {
            (bucket["Name"], entry["Key"]): hashlib.sha256(
                s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
            ).hexdigest()
            for bucket in s3.list_buckets()["Buckets"]
            for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        }
        estimates = [
            without_metadata(calculator.get_bill_estimate(identifier=estimate["id"]))
            for estimate in calculator.list_bill_estimates()["items"]
        ]
        return {
            "exports": {arn: without_metadata(exports.get_export(ExportArn=arn)) for arn in arns},
            "export tags": {arn: exports.list_tags_for_resource(ResourceArn=arn)["ResourceTags"] for arn in arns},
            "executions": runs,
            "objects": objects,
            "policy": s3.get_bucket_policy(Bucket=BUCKET)["Policy"],
            "scenarios": calculator.list_bill_scenarios()["items"],
            "estimates": estimates,
            "preferences": without_metadata(calculator.get_preferences()),
            "charges": emulator.charges(),
            "users": client("iam").list_users()["Users"],
            "faults": emulator.faults.list(),
        }

    return look


def without_metadata(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.fixture
def lived(emulator, exports, calculator, s3, client, definition):
    """A world in which a little of everything has happened, and more is to come."""
    create = definition("mornings", overwrite="CREATE_NEW_REPORT")
    exports.create_export(Export=create, ResourceTags=[{"Key": "team", "Value": "finops"}])
    emulator.clock.advance(7 * 3600)
    scenario = calculator.create_bill_scenario(name="more-of-it")["id"]
    calculator.create_bill_estimate(billScenarioId=scenario, name="done")
    emulator.clock.advance(13 * 3600)
    calculator.create_bill_estimate(billScenarioId=scenario, name="running")
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"first", Metadata={"a": "b"}, Tagging="x=y")
    client("iam").create_user(UserName="somebody")
    emulator.faults.add({"operation": "ListTables", "error": {"code": "ThrottlingException"}, "times": 3, "skip": 2})


def change_everything(emulator, exports, calculator, s3, client, definition):
    for export in exports.list_exports()["Exports"]:
        exports.delete_export(ExportArn=export["ExportArn"])
    exports.create_export(Export=definition("other"))
    calculator.update_preferences(managementAccountRateTypeSelections=["AFTER_DISCOUNTS"])
    emulator.clock.advance(3 * DAY)
    for estimate in calculator.list_bill_estimates()["items"]:
        calculator.delete_bill_estimate(identifier=estimate["id"])
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"second")
    s3.put_object(Bucket=BUCKET, Key="new", Body=b"new")
    s3.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
    s3.create_bucket(Bucket="another-bucket")
    client("iam").delete_user(UserName="somebody")
    emulator.faults.clear()
    emulator.clock.speed = 1000


@pytest.mark.usefixtures("lived")
def test_everything_goes_back(emulator, exports, calculator, s3, client, definition, seen):
    before, now = seen(), emulator.clock.now()
    emulator.snapshot("here")
    change_everything(emulator, exports, calculator, s3, client, definition)
    assert {name for name, value in seen().items() if value == before[name]} <= {"charges"}
    emulator.restore("here")
    assert seen() == before
    assert (emulator.clock.now() - now).total_seconds() < 60
    assert emulator.clock.speed == 1


@pytest.mark.usefixtures("lived")
def test_what_comes_after_a_restore_is_what_would_have_come(emulator, seen):
    emulator.snapshot("here")
    futures = []
    for _ in range(2):
        emulator.clock.advance(DAY)
        futures.append(seen())
        emulator.restore("here")
    assert futures[0] == futures[1]
    assert len(futures[0]["executions"].popitem()[1]) > 3


def test_faults_have_left_what_they_had(emulator, exports, refused):
    emulator.faults.add({"operation": "ListTables", "error": {"code": "ThrottlingException"}, "times": 2})
    refused(exports.list_tables)
    emulator.snapshot("one-left")
    refused(exports.list_tables)
    assert emulator.faults.list() == []
    emulator.restore("one-left")
    assert [rule["times"] for rule in emulator.faults.list()] == [1]


def test_sessions_of_roles_go_back(emulator, client):
    emulator.snapshot("before")
    role = {"RoleArn": "arn:aws:iam::444455556666:role/reader", "RoleSessionName": "test"}
    credentials = client("sts").assume_role(**role)["Credentials"]
    emulator.snapshot("after")

    def account():
        return boto3.client(
            "sts",
            endpoint_url=emulator.url,
            region_name="us-east-1",
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key="x",
            aws_session_token=credentials["SessionToken"],
        ).get_caller_identity()["Account"]

    emulator.restore("before")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        account()
    emulator.restore("after")
    assert account() == "444455556666"


def test_a_bucket_that_came_later_is_free_again(emulator, s3, client):
    emulator.snapshot("before")
    s3.create_bucket(Bucket="taken-later")
    emulator.restore("before")
    client("s3", "444455556666").create_bucket(Bucket="taken-later")
    assert "taken-later" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_delivery_that_is_not_written_yet_is_part_of_it(emulator, exports, definition, keys):
    arn = exports.create_export(Export=definition())["ExportArn"]
    world = emulator._world
    with world.lock:  # whoever writes deliveries waits for it
        world.timeline.settle(emulator.clock.now() + timedelta(hours=7))
        emulator.snapshot("handed-in")
    emulator.restore("handed-in")
    emulator.clock.advance(7 * 3600)
    runs = exports.list_executions(ExportArn=arn)["Executions"]
    assert [run["ExecutionStatus"]["StatusCode"] for run in runs] == ["DELIVERY_SUCCESS"]
    assert any(key.endswith("Manifest.json") for key in keys())


def test_who_waited_for_a_restore_finds_the_time_that_it_went_back_to(emulator, exports, definition, monkeypatch):
    arn = exports.create_export(Export=definition())["ExportArn"]
    emulator.snapshot("before")
    world, asked = emulator._world, threading.Event()
    waiting = threading.Thread(target=world.settle)
    with world.lock:
        emulator.clock.advance(7 * 3600)
        monkeypatch.setattr(world.timeline, "is_due", lambda now: asked.set() or True)
        waiting.start()
        assert asked.wait(20)
        emulator.restore("before")
    waiting.join()
    assert exports.list_executions(ExportArn=arn)["Executions"] == []


def test_a_deletion_in_the_future_does_not_reach_the_snapshot(emulator, s3):
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"x" * 1000)
    emulator.snapshot("before")
    for _ in range(2):
        s3.delete_object(Bucket=BUCKET, Key="mine")
        emulator.restore("before")
        assert s3.get_object(Bucket=BUCKET, Key="mine")["Body"].read() == b"x" * 1000


def test_a_restore_closes_the_files_of_the_objects_that_it_replaces(emulator, s3):
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"x")
    replaced = s3_backends["111122223333"]["aws"].buckets[BUCKET].keys["mine"]
    emulator.snapshot("here")
    emulator.restore("here")
    assert replaced.disposed, "the file of every object stays open until its memory is collected"
    assert s3.get_object(Bucket=BUCKET, Key="mine")["Body"].read() == b"x"


def test_every_version_of_an_object_goes_back(emulator, s3):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    kept = [s3.put_object(Bucket=BUCKET, Key="k", Body=body)["VersionId"] for body in (b"one", b"two")]
    s3.delete_object(Bucket=BUCKET, Key="k")
    emulator.snapshot("here")
    for version in kept:
        s3.delete_object(Bucket=BUCKET, Key="k", VersionId=version)
    emulator.restore("here")
    listed = s3.list_object_versions(Bucket=BUCKET)
    assert [one["IsLatest"] for one in listed["DeleteMarkers"]] == [True], "the delete marker is lost"
    bodies = [s3.get_object(Bucket=BUCKET, Key="k", VersionId=version)["Body"].read() for version in kept]
    assert bodies == [b"one", b"two"], "a snapshot keeps the newest version of an object only"


def test_services_whose_models_hold_locks_keys_and_functions_go_back(emulator, ask, client):
    sqs, ssm, kms, ses = client("sqs"), client("ssm"), client("kms"), client("sesv2")
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    ssm.put_parameter(Name="kept", Value="v", Type="String", Tags=[{"Key": "a", "Value": "b"}])
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public = kms.get_public_key(KeyId=key)["PublicKey"]
    ses.create_email_identity(EmailIdentity="kept@example.com")
    assert ask("POST", "snapshots", {"name": "here"})[1]["left_out"] == []
    sqs.delete_queue(QueueUrl=queue)
    ssm.delete_parameter(Name="kept")
    ssm.put_parameter(Name="later", Value="v", Type="String")
    emulator.restore("here")
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["hello"]
    assert [one["Name"] for one in ssm.describe_parameters()["Parameters"]] == ["kept"]
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="kept")["TagList"]
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public
    seen_by_the_older_api = client("ses").list_identities()["Identities"]
    assert seen_by_the_older_api == ["kept@example.com"], "services that share a state share it no more"


def test_a_function_can_be_invoked_after_a_restore(emulator, client, monkeypatch):
    def from_env():
        raise docker.errors.DockerException("no Docker here")

    monkeypatch.setattr(docker, "from_env", from_env)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "def handle(event, context): return 1")
    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.12", Role=role, Handler="a.handle", Code={"ZipFile": code.getvalue()}
    )
    emulator.snapshot("here")
    emulator.restore("here")
    answer = functions.invoke(FunctionName="f")["Payload"].read()
    assert answer == b"error running docker: no Docker here", "a function that was restored cannot be invoked"


def test_a_restore_makes_no_backend_anew_to_throw_it_away(emulator, client, monkeypatch):
    client("sqs").create_queue(QueueName="kept")
    emulator.snapshot("here")
    monkeypatch.setattr(SQSBackend, "__init__", lambda *args: pytest.fail("a backend was made anew, EC2's takes long"))
    emulator.restore("here")
    assert len(client("sqs").list_queues()["QueueUrls"]) == 1


def test_what_nests_too_deep_is_left_out(emulator, client, ask):
    client("sqs").create_queue(QueueName="q")
    nested = []
    for _ in range(100_000):
        nested = [nested]
    sqs_backends["111122223333"]["us-east-1"].nested = nested
    assert ask("POST", "snapshots", {"name": "here"})[1]["left_out"] == ["sqs"], "a snapshot failed instead"


def test_a_service_that_cannot_be_kept_is_named_and_stays_as_it_is(ask, client):
    client("secretsmanager").create_secret(Name="kept", SecretString="x")
    client("sqs").create_queue(QueueName="before")
    sqs_backends["111122223333"]["us-east-1"].running = (turn for turn in ())
    assert ask("POST", "snapshots", {"name": "here"})[1]["left_out"] == ["sqs"]
    client("sqs").create_queue(QueueName="after")
    client("secretsmanager").create_secret(Name="later", SecretString="x")
    ask("POST", "restore", {"name": "here"})
    assert [secret["Name"] for secret in client("secretsmanager").list_secrets()["SecretList"]] == ["kept"]
    assert len(client("sqs").list_queues().get("QueueUrls", [])) == 2, "a restore took what it could not give back"


def test_snapshots_are_listed_replaced_and_dropped(ask):
    for name in ("one", "two", "one"):
        assert ask("POST", "snapshots", {"name": name})[0] == 200
    assert [one["name"] for one in ask("GET", "snapshots")[1]["snapshots"]] == ["two", "one"]
    ask("DELETE", "snapshots?name=two")
    assert [one["name"] for one in ask("GET", "snapshots")[1]["snapshots"]] == ["one"]
    ask("DELETE", "snapshots")
    assert ask("GET", "snapshots") == (200, {"snapshots": []})


def test_a_reset_leaves_the_snapshots(emulator, ask, exports, definition):
    exports.create_export(Export=definition())
    emulator.snapshot("here")
    ask("POST", "reset")
    assert exports.list_exports()["Exports"] == []
    assert ask("POST", "restore", {"name": "here"})[0] == 200
    assert len(exports.list_exports()["Exports"]) == 1


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, 7, None, ["x"]])
def test_a_name_is_checked(ask, name):
    status, answer = ask("POST", "snapshots", {"name": name})
    assert (status, "name must be" in answer["error"]) == (400, True)


@pytest.mark.parametrize("document", [{}, {"title": "x"}, {"name": "x", "more": 1}])
def test_a_snapshot_needs_a_name_and_nothing_else(ask, document):
    assert ask("POST", "snapshots", document)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "document"), [("POST", "restore", {"name": "there"}), ("DELETE", "snapshots?name=there", None)]
)
def test_an_unknown_name_is_one_sentence(ask, method, path, document):
    ask("POST", "snapshots", {"name": "here"})
    assert ask(method, path, document) == (
        404,
        {"error": "snapshots: there is no snapshot 'there'; there are here"},
    )
