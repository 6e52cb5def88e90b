"""For every level: Airflow's home is a folder of this test run, set before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

REPO = Path(__file__).parents[1]
_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(REPO / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(REPO / "plugins")
# a connection or a setting of this machine must not decide a test
for _name in [name for name in os.environ if name.startswith(("AWS_", "AIRFLOW_CONN_", "AIRFLOW__BCM__"))]:
    del os.environ[_name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# a shell's background job ignores Ctrl-C, and so would every program that a test starts and interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
