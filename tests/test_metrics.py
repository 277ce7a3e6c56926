"""Each app counts for itself, in names that Prometheus takes."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from duostyle.metrics import Metrics


def test_two_apps_share_no_count() -> None:
    one, two = Metrics(), Metrics()
    one.jobs_submitted.inc()
    assert b"duostyle_jobs_submitted_total 1.0" in one.text()
    assert b"duostyle_jobs_submitted_total 0.0" in two.text()


def test_the_text_parses_and_every_name_is_ours_and_documented() -> None:
    families = list(text_string_to_metric_families(Metrics().text().decode()))
    assert len(families) > 20
    assert all(family.name.startswith("duostyle_") and family.documentation for family in families)


def test_a_limit_is_counted_by_its_name() -> None:
    metrics = Metrics()
    metrics.count_limit("max_queue")
    metrics.count_limit(None)
    assert b'duostyle_limits_reached_total{limit="max_queue"} 1.0' in metrics.text()


def test_labels_say_kinds_and_units_are_base_units() -> None:
    allowed = {"status", "code", "reason", "type", "method", "limit", "outcome", "le", "format"}
    for family in text_string_to_metric_families(Metrics().text().decode()):
        assert {label for sample in family.samples for label in sample.labels} <= allowed
        assert not family.name.endswith(("_ms", "_mb", "_mib", "_percent", "_minutes"))
