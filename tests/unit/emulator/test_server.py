"""Starting and stopping, in process and as a process."""

from __future__ import annotations

import errno
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulator.server import Emulator, running
from emulator.settings import Settings

INCLUDE = Path(__file__).parents[3] / "include"


@pytest.fixture
def start():
    """Start ``python -m emulator`` with arguments; gives the process and its first line."""
    processes = []

    def run(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(INCLUDE)},
        )
        processes.append(process)
        return process, process.stdout.readline()

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "emulator", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(INCLUDE)},
        timeout=60,
    )


def test_no_thread_is_left_even_with_a_client_connected():
    before = set(threading.enumerate())
    with running() as emulator:
        connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
        connection.request("GET", "/_emulator/health")
        connection.getresponse().read()
    connection.close()
    assert set(threading.enumerate()) == before


def test_nothing_of_one_run_is_in_the_next(definition):
    for _ in range(2):
        with running(buckets=["111122223333/some-bucket"]) as emulator:
            assert emulator.requests() == []


def test_a_second_one_in_the_process_is_refused(emulator):
    with pytest.raises(RuntimeError, match="already runs"), running():
        pass


@pytest.mark.parametrize("arguments", [{"buckets": ["nothing"]}, {"accounts": ["12"]}, {"start": "noon"}, {"speed": 0}])
def test_a_wrong_argument_is_a_value_error(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments)).rstrip("s")), running(**arguments):
        pass


def test_a_wrong_argument_leaves_the_way_free():
    with pytest.raises(ValueError, match="speed"), running(speed=0):
        pass
    with running() as emulator:
        assert emulator.url


def test_clients_at_the_same_time_are_all_answered(emulator):
    answers = []

    def ask():
        with urllib.request.urlopen(f"{emulator.url}/_emulator/health") as answer:
            answers.append(answer.status)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20


@pytest.mark.parametrize("length", ["-1", "x", "1e3"])
def test_a_length_that_is_no_number_is_a_bad_request(emulator, length):
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_fifty_clients_at_once_lose_nothing(emulator, client):
    made = client("bcm-pricing-calculator")
    failed = []

    def work(number):
        try:
            for turn in range(4):
                name = f"scenario-{number}-{turn}"
                identifier = made.create_bill_scenario(name=name)["id"]
                assert made.get_bill_scenario(identifier=identifier)["name"] == name
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pages = made.get_paginator("list_bill_scenarios").paginate()
    names = [scenario["name"] for page in pages for scenario in page["items"]]
    assert (failed, len(names), len(set(names))) == ([], 200, 200)
    assert [one["status"] for one in emulator.requests("CreateBillScenario")] == [200] * 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_process_says_when_it_serves_and_ends_with_zero(start, number):
    process, line = start("--bucket", "111122223333/some-bucket")
    address = re.fullmatch(r"emulator ready at (http://127\.0\.0\.1:\d+)\n", line)
    with urllib.request.urlopen(f"{address.group(1)}/_emulator/health") as answer:
        assert answer.status == 200
    process.send_signal(number)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_signals_on_the_heels_of_each_other_end_it_too(start):
    process, _ = start()
    # a terminal, make and a supervisor all pass a signal on; one of them comes while another is being handled
    for _ in range(300):
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bucket", "nothing"], "--bucket: 'nothing' is not ACCOUNT/NAME"),
        (["--accounts", "1,2"], "--accounts: '1' is not an account number"),
        (["--start", "noon"], "--start: 'noon' is not a time"),
        (["--start", "9999-12-31"], "--start: 9999-12-31 is not from 1970-01-01 to 2999-12-31"),
        (["--accounts", "\u0661" * 12], "is not an account number"),
        (["--speed", "0"], "--speed: must be above 0"),
        (["--speed", "1e9"], "--speed: must be above 0"),
        (["--rows", "0"], "--rows: must be at least 1"),
        (["--port", "65536"], "--port: must be 0 to 65535"),
        (["--estimate-hours", "1-inf"], "--estimate-hours: '1-inf' is no range"),
        (["--bucket", "111122223333/one", "--bucket", "444455556666/one"], "--bucket: give each name once"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments, says):
    done = command(*arguments)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_port_that_is_taken_is_one_sentence(emulator):
    done = command("--port", str(urlsplit(emulator.url).port))
    assert (done.returncode, "cannot serve on" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]"), ("::", "[::1]"), ("0.0.0.0", "127.0.0.1")])
def test_addresses_of_both_kinds_can_be_served_on(host, shown):
    try:
        emulator = Emulator(Settings(), host)
    except OSError as error:
        if ":" in host and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            pytest.skip("this machine has no IPv6")
        raise
    emulator.start()
    try:
        assert re.fullmatch(rf"http://{re.escape(shown)}:\d+", emulator.url)
        with urllib.request.urlopen(f"{emulator.url}/_emulator/health") as answer:
            assert answer.status == 200
    finally:
        emulator.stop()


def test_help_names_every_option():
    shown = command("--help").stdout
    options = ("--host", "--port", "--speed", "--seed", "--start", "--rows", "--accounts", "--bucket", "--open-control")
    assert [option for option in options if option not in shown] == []
