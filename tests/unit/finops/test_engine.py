"""The engine runs one SELECT over its inputs and reaches nothing else."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finops.engine import Engine, translate
from finops.report_files import ReportError


@pytest.fixture
def scratch(tmp_path):
    """A folder of the engine's own: what lies in it, the engine may read and write."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'x.csv'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO charges SELECT * FROM charges",
        "DROP TABLE charges",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "SET memory_limit = '9GB'",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_anything_but_one_select_is_refused(sql):
    with pytest.raises(ReportError, match=r"^mine\.sql: "):
        translate("mine.sql", sql, ["charges"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM delivery",
        "SELECT * FROM other.charges",
        "SELECT (SELECT count(*) FROM information_schema.tables) FROM charges",
        "SELECT * FROM charges JOIN secrets ON true",
    ],
)
def test_reading_anything_but_the_inputs_is_refused(sql):
    with pytest.raises(ReportError, match=r"none of its inputs \(charges\)"):
        translate("mine.sql", sql, ["charges"])


def test_athena_becomes_duckdb():
    sql = translate(
        "mine.sql", "WITH c AS (SELECT * FROM charges) SELECT date_format(d, '%Y-%m') AS m FROM c;", ["charges"]
    )
    assert "STRFTIME(d, '%Y-%m')" in sql


def test_bad_syntax_is_one_sentence_with_its_line():
    with pytest.raises(ReportError, match=r"^mine\.sql: line 2: this is not valid Athena SQL: [^\n]*$"):
        translate("mine.sql", "SELECT a\nFROM charges WHERE (", ["charges"])


def test_an_unknown_column_names_the_report_and_the_engines_reason(tmp_path, scratch):
    with Engine(scratch) as engine:
        engine.load("charges", pa.table({"a": [1]}))
        with pytest.raises(ReportError, match=r'^mine\.sql: .*"nope" not found') as caught:
            engine.query("mine.sql", translate("mine.sql", "SELECT nope FROM charges", ["charges"]))
    assert "\n" not in str(caught.value)


def test_the_engine_itself_reads_only_its_files(tmp_path, scratch):
    for name in ("mine", "other"):
        pq.write_table(pa.table({"a": [1]}), tmp_path / f"{name}.parquet")
    with Engine(scratch, [tmp_path / "mine.parquet"]) as engine:
        assert engine.query("x", f"SELECT a FROM '{tmp_path}/mine.parquet'").num_rows == 1
        with pytest.raises(ReportError, match="x: the engine refuses it"):
            engine.query("x", f"SELECT a FROM read_parquet('{tmp_path}/other.parquet')")


@pytest.mark.parametrize(
    "sql",
    [
        "SET enable_external_access = true",
        "SET memory_limit = '9GB'",
        "INSTALL httpfs",
        "COPY (SELECT 1) TO '{}/x.csv'",
    ],
)
def test_the_fence_cannot_be_lifted(tmp_path, scratch, sql):
    with Engine(scratch) as engine, pytest.raises(ReportError):
        engine.execute("x", sql.format(tmp_path))


def test_a_relation_larger_than_memory_goes_to_the_scratch_folder(tmp_path, scratch):
    with Engine(scratch, memory_limit="60MB") as engine:
        engine.execute("x", "CREATE TABLE t AS SELECT md5(range::VARCHAR) AS a FROM range(2000000)")
        assert list(scratch.iterdir())
        assert engine.query("x", "SELECT count(*) AS n FROM t").to_pylist() == [{"n": 2_000_000}]


def test_decimals_come_back_as_the_nearest_double(tmp_path, scratch):
    with Engine(scratch) as engine:
        table = engine.query("x", "SELECT 0.106128987::DECIMAL(38, 15) AS a, NULL::DECIMAL(38, 15) AS b")
    assert table.to_pylist() == [{"a": 0.106128987, "b": None}]
