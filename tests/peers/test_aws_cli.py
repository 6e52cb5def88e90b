"""The AWS CLI lives both lifecycles by the commands of docs/emulator.md, and gets an answer of all 48 operations."""

from __future__ import annotations

import html
import json
import re
import urllib.request
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from tests.peers.conftest import PAYER, Emulator, Shell
from tests.peers.environments import REPO

pytestmark = pytest.mark.timeout(300)

PAGE = REPO / "docs" / "emulator.md"
HOUR = 3600
BUCKET = f"finops-exports-{PAYER}"
BOX = {"serviceCode": "AmazonEC2", "usageType": "BoxUsage:m5.large", "operation": "RunInstances"}
OFFERING = "c8d3a1f2-6b0e-4f57-9a41-2d7e5b9f1c30"
ABSENT = {"NextToken", "nextToken", "failureMessage"}
"""Members that an answer has only when there is more to come, or when something failed."""
SHARING = {"costCategoryGroupSharingPreferenceArn", "costCategoryGroupSharingPreferenceEffectiveDate"}
"""Members that only a scenario with a cost category has."""


def model(service: str) -> ServiceModel:
    """The service as botocore knows it."""
    return botocore.session.get_session().get_service_model(service)


class Cli:
    """Calls operations of one service through the AWS CLI; `called` are those that answered as the model says."""

    def __init__(self, shell: Shell, emulator: Emulator, service: str, account: str = PAYER) -> None:
        self._shell = Shell(
            shell.folder,
            {
                **shell.settings,
                "AWS_ENDPOINT_URL": emulator.url,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": f"AKIADEMO{account}",
                "AWS_SECRET_ACCESS_KEY": "any",
            },
        )
        self._service = service
        self._model = model(service)
        self.called: set[str] = set()

    def __call__(self, operation: str, absent: set[str] = ABSENT, **params: Any) -> dict[str, Any]:
        """Call an operation; its answer must have the modelled members, each of its modelled type, but `absent`."""
        command = ["aws", self._service, xform_name(operation, "-"), "--cli-input-json", json.dumps(params)]
        done = self._shell.run(*command, "--output", "json")
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
        answer = json.loads(done.stdout or "{}")
        shape = self._model.operation_model(operation).output_shape
        report = ParamValidator().validate(answer, shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"
        assert set(shape.members) - set(answer) - absent == set(), f"{operation} lacks these members"
        assert not answer.get("errors"), f"{operation} refused entries"
        self.called.add(operation)
        return answer


def test_both_lifecycles_by_the_commands_of_the_docs(emulator: Emulator, shell: Shell) -> None:
    emulator.control("reset", {})
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = "set -euo pipefail\n" + "".join(blocks).replace("http://127.0.0.1:5005", emulator.url)
    (shell.folder / "page.sh").write_text(script)
    done = shell.run("bash", "-x", "page.sh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    asked = emulator.control("requests")["requests"]
    assert [entry for entry in asked if entry["error"]] == []
    (manifest,) = (json.loads(path.read_text()) for path in shell.folder.rglob("*Manifest.json"))
    files = [path for path in shell.folder.rglob("*.parquet") if path.stat().st_size]
    assert {path.name for path in files} == {uri.rpartition("/")[2] for uri in manifest["dataFiles"]}
    operations = {entry["operation"] for entry in asked}
    assert {"CreateExport", "GetExecution", "DeleteExport", "GetObject"} <= operations
    assert {"CreateBillEstimate", "ListBillEstimateLineItems", "DeleteBillEstimate"} <= operations


def test_the_commands_that_the_status_page_proposes_work(emulator: Emulator, shell: Shell) -> None:
    emulator.control("reset", {})
    done: list[str] = []
    # each command makes the page propose the next ones
    while new := [command for command in proposed(emulator) if command not in done and "_emulator" not in command]:
        setting = re.search(r"export [^<]+", page(emulator))
        assert setting
        ran = shell.run("bash", "-c", f"set -euo pipefail; {setting[0]}; {new[0]}")
        assert ran.returncode == 0, f"{new[0]}\n{ran.stderr}"
        done.append(new[0])
    made = re.findall(r"aws \S+ (create-\S+)", "\n".join(done))
    assert made == ["create-export", "create-bill-scenario", "create-bill-estimate"]


def page(emulator: Emulator) -> str:
    with urllib.request.urlopen(emulator.url) as answer:
        return html.unescape(answer.read().decode())


def proposed(emulator: Emulator) -> list[str]:
    """The commands that the status page proposes now."""
    return [command.strip() for command in re.findall(r"<pre>(.*?)</pre>", page(emulator), re.DOTALL)]


def test_every_operation_of_data_exports_answers(emulator: Emulator, shell: Shell) -> None:
    emulator.control("reset", {})
    ask = Cli(shell, emulator, "bcm-data-exports")
    export = {
        "Name": "walk",
        "Description": "All operations",
        "DataQuery": {"QueryStatement": "SELECT line_item_unblended_cost FROM COST_AND_USAGE_REPORT"},
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": BUCKET,
                "S3Prefix": "walk",
                "S3Region": "us-east-1",
                "S3OutputConfigurations": {
                    "OutputType": "CUSTOM",
                    "Format": "TEXT_OR_CSV",
                    "Compression": "GZIP",
                    "Overwrite": "CREATE_NEW_REPORT",
                },
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }
    assert len(ask("ListTables")["Tables"]) == 6
    assert ask("GetTable", TableName="FOCUS_1_2_AWS")["Schema"]
    arn = ask("CreateExport", Export=export, ResourceTags=[{"Key": "team", "Value": "finops"}])["ExportArn"]
    ask("TagResource", ResourceArn=arn, ResourceTags=[{"Key": "stage", "Value": "test"}])
    assert len(ask("ListTagsForResource", ResourceArn=arn)["ResourceTags"]) == 2
    ask("UntagResource", ResourceArn=arn, ResourceTagKeys=["stage"])
    assert [one["ExportName"] for one in ask("ListExports")["Exports"]] == ["walk"]
    emulator.control("clock", {"advance_seconds": 24 * HOUR})
    run = ask("ListExecutions", ExportArn=arn)["Executions"][-1]
    assert ask("GetExecution", ExportArn=arn, ExecutionId=run["ExecutionId"])["Export"]["Name"] == "walk"
    kept = ask("GetExport", ExportArn=arn)["Export"]
    ask("UpdateExport", ExportArn=arn, Export={**kept, "Description": "Changed"})
    ask("DeleteExport", ExportArn=arn)
    assert ask("ListExports")["Exports"] == []
    assert ask.called == set(model("bcm-data-exports").operation_names)


def test_every_operation_of_the_pricing_calculator_answers(emulator: Emulator, shell: Shell) -> None:
    emulator.control("reset", {})
    ask = Cli(shell, emulator, "bcm-pricing-calculator")
    of_scenarios(ask)
    of_estimates(ask, emulator)
    of_workloads(ask)
    preferences = ask("GetPreferences")
    assert ask("UpdatePreferences", **preferences) == preferences
    assert ask.called == set(model("bcm-pricing-calculator").operation_names)


def of_scenarios(ask: Cli) -> None:
    """Scenarios with their modifications, and tags. One with usage and a commitment stays."""
    absent = ABSENT | SHARING
    scenario = ask("CreateBillScenario", absent, name="walk", groupSharingPreference="OPEN", tags={"team": "finops"})
    identifier = scenario["id"]
    hour = scenario["billInterval"]["start"]
    usage = {**BOX, "key": "a", "usageAccountId": PAYER, "amounts": [{"startHour": hour, "amount": 1460.0}]}
    plan = {"addSavingsPlanAction": {"savingsPlanOfferingId": OFFERING, "commitment": 0.5}}
    for kind, member, entry, change in (
        ("Usage", "usageModifications", usage, {"group": "web"}),
        ("Commitment", "commitmentModifications", {"usageAccountId": PAYER, "commitmentAction": plan}, {"group": "sp"}),
    ):
        batch = f"BillScenario{kind}Modification"
        entries = [{**entry, "key": key} for key in ("a", "b")]
        first, second = ask(f"BatchCreate{batch}", **{"billScenarioId": identifier, member: entries})["items"]
        ask(f"BatchUpdate{batch}", **{"billScenarioId": identifier, member: [{"id": first["id"], **change}]})
        ask(f"BatchDelete{batch}", billScenarioId=identifier, ids=[second["id"]])
        (left,) = ask(f"List{batch}s", billScenarioId=identifier)["items"]
        assert left["group"] == change["group"]
    ask("UpdateBillScenario", absent, identifier=identifier, name="walked")
    arn = f"arn:aws:bcm-pricing-calculator:us-east-1:{PAYER}:bill-scenario/{identifier}"
    ask("TagResource", arn=arn, tags={"stage": "test"})
    ask("UntagResource", arn=arn, tagKeys=["team"])
    assert ask("ListTagsForResource", arn=arn)["tags"] == {"stage": "test"}


def of_estimates(ask: Cli, emulator: Emulator) -> None:
    """An estimate of the scenario that is there, until both are deleted."""
    absent = ABSENT | SHARING
    (scenario,) = ask("ListBillScenarios")["items"]
    estimate = ask("CreateBillEstimate", absent | {"costSummary"}, billScenarioId=scenario["id"], name="walk")["id"]
    emulator.control("clock", {"advance_seconds": 12 * HOUR})
    assert ask("GetBillEstimate", absent, identifier=estimate)["status"] == "COMPLETE"
    for part in ("LineItems", "Commitments", "InputUsageModifications", "InputCommitmentModifications"):
        assert ask(f"ListBillEstimate{part}", billEstimateId=estimate)["items"]
    ask("UpdateBillEstimate", absent, identifier=estimate, name="walked")
    assert [one["name"] for one in ask("ListBillEstimates")["items"]] == ["walked"]
    ask("DeleteBillEstimate", identifier=estimate)
    assert ask("GetBillScenario", absent, identifier=scenario["id"])["status"] == "READY"
    ask("DeleteBillScenario", identifier=scenario["id"])


def of_workloads(ask: Cli) -> None:
    """A workload estimate and its usage."""
    workload = ask("CreateWorkloadEstimate", name="walk", rateType="BEFORE_DISCOUNTS")["id"]
    entries = [{**BOX, "key": key, "usageAccountId": PAYER, "amount": 100.0} for key in ("a", "b")]
    first, second = ask("BatchCreateWorkloadEstimateUsage", workloadEstimateId=workload, usage=entries)["items"]
    changed = [{"id": first["id"], "amount": 50.0}]
    ask("BatchUpdateWorkloadEstimateUsage", workloadEstimateId=workload, usage=changed)
    ask("BatchDeleteWorkloadEstimateUsage", workloadEstimateId=workload, ids=[second["id"]])
    (left,) = ask("ListWorkloadEstimateUsage", workloadEstimateId=workload)["items"]
    assert left["quantity"]["amount"] == 50.0
    ask("UpdateWorkloadEstimate", identifier=workload, name="walked")
    assert ask("GetWorkloadEstimate", identifier=workload)["name"] == "walked"
    assert len(ask("ListWorkloadEstimates")["items"]) == 1
    ask("DeleteWorkloadEstimate", identifier=workload)
