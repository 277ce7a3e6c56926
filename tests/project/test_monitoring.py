"""The alerts and the dashboard of deploy/: Prometheus understands them, and each metric they ask for is one of ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from duostyle.metrics import Metrics
from duostyle.protocol.status_codes import codes
from tests.support.real_server.programs import done

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
QUERIES = {target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]}


def samples() -> set[str]:
    """Every name under which Prometheus stores something of ours."""
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    families = list(Metrics().registry.collect())
    return {family.name + ending for family in families for ending in endings[family.type]}


@pytest.mark.parametrize("query", sorted(QUERIES | {rule["expr"] for rule in ALERTS}))
def test_every_query_asks_for_what_the_server_counts(query: str) -> None:
    asked = set(re.findall(r"\bduostyle_\w+", query))
    assert asked <= samples()
    assert asked or query.startswith("up{")


def test_the_dashboard_shows_every_family_and_no_two_panels_overlap() -> None:
    shown = {name for query in QUERIES for name in re.findall(r"\bduostyle_\w+", query)}
    families = {family.name for family in Metrics().registry.collect()}
    without = {name for name in families if not any(sample.startswith(name) for sample in shown)}
    # what is only of use beside another, or for a closer look by hand
    assert without == {"duostyle_http_body_bytes", "duostyle_upload_bytes", "duostyle_progress_skipped",
                       "duostyle_timelapse_frames", "duostyle_checkpoint_seconds"}  # fmt: skip
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_prometheus_understands_the_alerts_and_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    told = done("promtool", "check", "rules", DEPLOY / "alerts.yaml")
    assert told.returncode == 0, told.stderr
    variables = {"$__rate_interval": "5m", "$instance": ".*"}
    for number, query in enumerate(sorted(QUERIES)):
        for name, value in variables.items():
            query = query.replace(name, value)
        rules = {"groups": [{"name": "g", "rules": [{"record": f"query_{number}", "expr": query}]}]}
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(rules), "utf-8")
    told = done("promtool", "check", "rules", *sorted(tmp_path.glob("*.yaml")))
    assert told.returncode == 0, told.stderr


# series (a value a minute), the minute, and the alerts that then fire
SITUATIONS: dict[str, tuple[dict[str, str], int, set[str]]] = {
    "all is well": (
        {
            'up{job="duostyle"}': "1x60",
            "duostyle_storage_available": "1x60",
            "duostyle_engine_stalled_seconds": "0x60",
            "duostyle_jobs_waiting": "3x60",
            "duostyle_evaluations_total": "0+100x60",
            'duostyle_jobs_ended_total{status="completed"}': "0+1x60",
            'duostyle_jobs_ended_total{status="failed"}': "0x60",
            'duostyle_checkpoints_total{outcome="kept"}': "0+6x60",
            'duostyle_http_requests_total{status="200"}': "0+600x60",
        },
        40,
        set(),
    ),
    "idle": ({"duostyle_jobs_waiting": "0x60", "duostyle_evaluations_total": "7x60"}, 40, set()),
    "it ended": ({'up{job="duostyle"}': "1x5 0x60"}, 9, {"DuostyleDown"}),
    "a restart": ({'up{job="duostyle"}': "1x5 0 1x60"}, 8, set()),
    "a full disk": ({"duostyle_storage_available": "1x5 0x60"}, 8, {"DuostyleStorageUnavailable"}),
    "a stalled engine": ({"duostyle_engine_stalled_seconds": "0x5 130+60x60"}, 8, {"DuostyleEngineStalled"}),
    "no model": (
        {"duostyle_jobs_waiting": "1x60", "duostyle_evaluations_total": "0x60"},
        20,
        {"DuostylePaintsNothing"},
    ),
    "one failure": (
        {
            'duostyle_jobs_ended_total{status="failed"}': "0x10 1x50",
            'duostyle_jobs_ended_total{status="completed"}': "0x60",
        },
        20,
        set(),
    ),
    "half of the jobs fail": (
        {
            'duostyle_jobs_ended_total{status="failed"}': "0+1x60",
            'duostyle_jobs_ended_total{status="completed"}': "0+1x60",
        },
        40,
        {"DuostyleJobsFail"},
    ),
    "one of ten fails": (
        {
            'duostyle_jobs_ended_total{status="failed"}': "0+1x60",
            'duostyle_jobs_ended_total{status="completed"}': "0+9x60",
        },
        40,
        set(),
    ),
    "no checkpoints": (
        {'duostyle_checkpoints_total{outcome="failed"}': "0+1x60"},
        20,
        {"DuostyleCheckpointsFail"},
    ),
    "bugs": ({'duostyle_http_requests_total{status="500",method="GET"}': "0+1x60"}, 20, {"DuostyleInternalErrors"}),
    "a long queue": (
        {"duostyle_jobs_waiting": "60x60", "duostyle_evaluations_total": "0+100x60"},
        20,
        {"DuostyleQueueLong"},
    ),
    "a class behind one address": (
        {'duostyle_limits_reached_total{limit="max_requests_per_s"}': "0+60x60"},
        30,
        {"DuostyleClientsRefused"},
    ),
}  # fmt: skip


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    names = [rule["alert"] for rule in ALERTS]
    cases = []
    for title, (series, minute, firing) in SITUATIONS.items():
        values = [{"series": _with_instance(name), "values": value} for name, value in series.items()]
        rows = [
            {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []} for name in names if name not in firing
        ]
        # of those that fire it is enough that they do: their number, by the series that Prometheus keeps of alerts
        fired = [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for name in firing
        ]
        test = {"name": title, "interval": "1m", "input_series": values}
        cases.append({**test, "alert_rule_test": rows, "promql_expr_test": fired})
    rules = {"rule_files": [str(DEPLOY / "alerts.yaml")], "evaluation_interval": "1m", "tests": cases}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(rules, width=10_000), "utf-8")
    told = done("promtool", "test", "rules", tmp_path / "test.yaml")
    assert told.returncode == 0, told.stdout + told.stderr
    assert {name for _, _, firing in SITUATIONS.values() for name in firing} == set(names)


def _with_instance(series: str) -> str:
    return re.sub(r"^(\w+)(?:\{(.*)\})?$", r'\1{instance="a",\2}', series).replace(",}", "}")


def test_codes_that_the_files_name_exist() -> None:
    text = (DEPLOY / "alerts.yaml").read_text("utf-8")
    assert "out_of_memory" in text
    assert "out_of_memory" in codes()
