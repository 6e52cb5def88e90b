"""The status page: who gets it, and what it says of every state."""

from __future__ import annotations

import html
import http.client
import re
import urllib.error
import urllib.request
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import HTTPClientError

from emulator.face import words

DAY = 86_400
VOID = {"meta", "link", "rect"}


class Outline(HTMLParser):
    """Text, commands and structure of a page; ``misplaced`` holds end tags that close nothing."""

    def __init__(self, page):
        super().__init__()
        self.open, self.misplaced, self.tags, self.texts, self.commands = [], [], [], [], []
        self.feed(page)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.commands.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.misplaced.append(tag)

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
        if "pre" in self.open:
            self.commands[-1] += data

    def section(self, heading):
        """The text of a section, from its heading to the next one's."""
        titles = "Exports Bill estimates|Bill scenarios|Buckets|What AWS would charge|Faults in force|Last requests"
        return re.split(rf"\b(?:{titles})\b", self.text.rpartition(f" {heading} ")[2])[0]


@pytest.fixture
def get(emulator):
    """``get(query="", method="GET", **headers)``: status, headers and text of the answer to a request for ``/``."""

    def ask(query="", method="GET", **headers):
        connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=30)
        connection.request(method, f"/{query}", headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, body

    return ask


@pytest.fixture
def look(get):
    """``look()``: the page's outline."""
    return lambda: Outline(get()[2])


def test_a_browser_gets_the_page(get):
    status, headers, page = get()
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/html; charset=utf-8", "no-store")
    assert page.startswith("<!doctype html>")


def test_the_page_runs_nothing_and_fetches_nothing(get):
    _, headers, page = get()
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    tags = Outline(page).tags
    assert not {tag for tag, _ in tags} & {"script", "iframe", "form", "img"}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
    (icon,) = [attributes["href"] for tag, attributes in tags if tag == "link"]
    assert icon.startswith("data:")


def test_it_comes_anew_unless_it_is_held_still(get):
    refresh = ("meta", {"http-equiv": "refresh", "content": "5"})
    assert refresh in Outline(get()[2]).tags
    assert refresh not in Outline(get("?still")[2]).tags


@pytest.mark.parametrize("headers", [{"Host": "elsewhere.example"}, {"Origin": "https://elsewhere.example"}])
def test_it_is_for_this_machine_only(get, headers):
    status, _, body = get(**headers)
    assert (status, "<!doctype html>" in body) == (403, False)


def test_a_head_request_has_no_body(get):
    assert get(method="HEAD")[::2] == (200, "")


@pytest.mark.parametrize(
    "query", ["?X-Amz-Signature=00&X-Amz-Credential=A/1/us-east-1/s3/aws4_request", "?list-type=2"]
)
def test_a_signed_query_is_not_ours(get, query):
    assert "<!doctype html>" not in get(query)[2]


def test_a_signed_get_is_listbuckets(emulator, s3):
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["finops-exports-111122223333"]
    assert emulator.requests(operation="ListBuckets")


def test_the_page_is_no_request_of_its_own(emulator, get):
    get()
    assert emulator.requests() == []


def test_an_empty_emulator_says_what_to_type(emulator, look, get):
    seen = look()
    assert seen.misplaced == []
    assert seen.open == []
    for command in (
        "aws bcm-data-exports create-export",
        "aws bcm-pricing-calculator create-bill-scenario --name what-if",
        'aws bcm-pricing-calculator create-bill-estimate --bill-scenario-id "$scenario"',
        "aws bcm-data-exports list-tables",
        f"{emulator.url}/_emulator/faults",
    ):
        assert [one for one in seen.commands if command in one], command
    for section, content in re.findall(r'<section aria-labelledby="(\w+)">(.*?)</section>', get()[2], re.DOTALL):
        if 'class="empty"' in content and section != "charges":
            assert "<pre>" in content, f"nothing is there under {section}, and no command that makes it"
    assert f"export AWS_ENDPOINT_URL={emulator.url} " in seen.text
    assert "5 bill estimates a month are free" in seen.section("What AWS would charge")


def test_clock_and_accounts_are_shown(emulator, look):
    emulator.clock.speed = 300
    text = look().text
    assert "Fri 20 Nov 2026 06:0" in text
    assert re.search(r"Speed 300 \S the wall's clock", text)
    assert "Payer 111122223333 Member 444455556666" in text


def test_an_export_waits_for_its_first_run(exports, definition, look):
    exports.create_export(Export=definition())
    text = look().section("Exports")
    assert re.search(r"daily HEALTHY next run 2026-11-20 \d\d:\d\d , in \d+ h", text)
    assert "111122223333 · COST_AND_USAGE_REPORT · PARQUET, OVERWRITE_REPORT" in text
    assert "No execution yet" in text


def test_the_proposed_jump_brings_the_first_delivery(emulator, exports, definition, look):
    exports.create_export(Export=definition())
    (command,) = [one for one in look().commands if "advance_seconds" in one]
    emulator.clock.advance(int(re.search(r'"advance_seconds": (\d+)', command)[1]))
    emulator.settle()
    assert re.search(r"2026-11 DELIVERY_SUCCESS 2026-11-20 \d\d:\d\d [\d minsh]+ [0-9a-f-]{36}", look().text)


def test_a_failed_execution_says_why(emulator, exports, definition, look):
    exports.create_export(Export=definition())
    emulator.faults.add({"execution": {"status": "QUERY_FAILURE", "reason": "INTERNAL_FAILURE"}, "times": 1})
    emulator.clock.advance(7 * 3600)
    emulator.settle()
    seen = look()
    assert "UNHEALTHY INTERNAL_FAILURE" in seen.section("Exports")
    assert "QUERY_FAILURE INTERNAL_FAILURE" in seen.section("Exports")
    assert "Exports 1 1 unhealthy" in seen.text


def test_only_the_newest_executions_are_shown(emulator, exports, definition, look):
    exports.create_export(Export=definition())
    emulator.clock.advance(5 * DAY)
    emulator.settle()
    text = look().section("Exports")
    assert text.count("DELIVERY_SUCCESS") <= 5
    assert re.search(r"and \d+ older executions", text)


def test_deliveries_are_counted_in_their_bucket(emulator, exports, definition, look):
    exports.create_export(Export=definition())
    emulator.clock.advance(7 * 3600)
    emulator.settle()
    text = look().section("Buckets")
    assert re.search(r"finops-exports-111122223333 111122223333 1 \d+ [\d.]+ kB 2026-11-20 \d\d:\d\d", text)


def test_an_estimates_progress_does_not_tell_its_end(emulator, calculator, look):
    scenario = calculator.create_bill_scenario(name="growth")
    assert f"--bill-scenario-id {scenario['id']}" in "".join(look().commands)
    calculator.create_bill_estimate(name="one", billScenarioId=scenario["id"])
    emulator.clock.advance(600)
    seen = look()
    assert "IN_PROGRESS 10 min so far; takes 20 min to 12 h" in seen.section("Bill estimates")
    bar = {attributes["class"]: attributes for tag, attributes in seen.tags if tag == "rect"}
    assert bar["elapsed"]["width"] == "1.4"
    assert (bar["possible"]["x"], bar["possible"]["width"]) == ("2.8", "97.2")
    assert "growth 111122223333 LOCKED" in seen.section("Bill scenarios")


def test_a_complete_estimate_shows_its_costs_and_its_charge(emulator, calculator, look):
    scenario = calculator.create_bill_scenario(name="growth")
    calculator.create_bill_estimate(name="one", billScenarioId=scenario["id"])
    emulator.clock.advance(12 * 3600)
    emulator.settle()
    seen = look()
    assert re.search(r"COMPLETE 2026-11-20 06:00 2026-10 [\d,]+\.\d\d USD [\d,]+\.\d\d USD", seen.text)
    assert "2026-11 111122223333 1 0 0.00" in seen.section("What AWS would charge")


def test_a_failed_estimate_says_why(emulator, calculator, look):
    emulator.faults.add({"estimate": {"failure_message": "Nobody <b>knows</b>"}})
    scenario = calculator.create_bill_scenario(name="growth")
    calculator.create_bill_estimate(name="one", billScenarioId=scenario["id"])
    emulator.clock.advance(12 * 3600)
    emulator.settle()
    assert "FAILED Nobody <b>knows</b>" in look().section("Bill estimates")


def test_a_workload_estimate_shows_its_total(emulator, calculator, look):
    workload = calculator.create_workload_estimate(name="web", rateType="BEFORE_DISCOUNTS")
    emulator.clock.advance(60)
    assert f"web 111122223333 VALID {workload['id']} 0 BEFORE_DISCOUNTS 2026-11-20 06:00 0.00 USD" in look().text


def test_faults_and_requests_are_shown(emulator, exports, refused, look):
    emulator.faults.add({"operation": "ListExports", "error": {"code": "ThrottlingException"}, "times": 2})
    refused(exports.list_exports)
    seen = look()
    assert '"operation": "ListExports"' in seen.section("Faults in force")
    assert "/_emulator/faults" in seen.section("Faults in force")
    wanted = (
        r"2026-11-20 06:0\d 400 ThrottlingException by a fault rule: error ListExports"
        r" [\d.]+ ms AKIADEMO111122223333 bcm-data-exports \d\d:\d\d:\d\d"
    )
    assert re.search(wanted, seen.section("Last requests"))
    assert "Requests 1 1 error" in seen.text


def test_a_request_that_got_no_answer_is_shown(emulator, exports, look):
    emulator.faults.add({"operation": "ListExports", "reset_connection": True})
    with pytest.raises(HTTPClientError):
        exports.list_exports()
    assert "no answer by a fault rule: reset_connection ListExports" in look().section("Last requests")


def test_an_assumed_role_is_named(client, exports, look):
    taken = client("sts").assume_role(RoleArn="arn:aws:iam::111122223333:role/reader", RoleSessionName="me")
    keys = taken["Credentials"]
    boto3.client(
        "bcm-data-exports",
        endpoint_url=exports.meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    ).list_tables()
    assert re.search(r"200 ListTables [\d.]+ ms arn:aws:sts::111122223333:assumed-role/reader/me", look().text)


def test_what_clients_send_is_escaped(emulator, get):
    emulator.faults.add({"execution": {"status": "QUERY_FAILURE"}, "export": "<script>alert(1)</script>"})
    request = urllib.request.Request(f"{emulator.url}/<script>alert(3)</script>/key")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    page = get()[2]
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (600, "10 min"), (3600, "1 h"), (90_000, "1 d 1 h"), (-5, "0 s")],
)
def test_lengths_of_time_have_two_units(seconds, text):
    assert words.lasting(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("duration", "text"), [(0.0004, "0.4 ms"), (0.0123, "12 ms"), (1.49, "1.5 s")])
def test_short_durations_have_a_decimal(duration, text):
    assert words.seconds(duration) == text


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "0 B"), (999, "999 B"), (30_300, "30.3 kB"), (2_000_000, "2.0 MB"), (5e12, "5,000.0 GB")]
)
def test_sizes_are_in_thousands(octets, text):
    assert words.size(octets) == text


def test_every_status_of_both_services_has_a_tone():
    import botocore.session

    for service in ("bcm-data-exports", "bcm-pricing-calculator"):
        model = botocore.session.get_session().get_service_model(service)
        statuses = {
            value
            for name in model.shape_names
            if name.endswith(("StatusCode", "EstimateStatus", "ScenarioStatus"))
            for value in getattr(model.shape_for(name), "enum", [])
        }
        assert statuses
        assert {status for status in statuses if words.tone(status) == "idle"} <= {"STALE"}
