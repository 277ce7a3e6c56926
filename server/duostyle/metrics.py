"""What the server counts about itself, as Prometheus text. One registry per app: two apps never share a count."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The collectors of one app. Every attribute is a prometheus_client collector and safe to use from any thread."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.jobs_submitted = Counter("duostyle_jobs_submitted", "Jobs accepted.", registry=registry)
        self.jobs_ended = Counter("duostyle_jobs_ended", "Jobs that ended.", ["status"], registry=registry)
        self.jobs_refused = Counter("duostyle_jobs_refused", "Jobs not accepted.", ["code"], registry=registry)
        self.jobs_waiting = Gauge("duostyle_jobs_waiting", "Jobs in the queue.", registry=registry)
        self.jobs_running = Gauge("duostyle_jobs_running", "Jobs being painted.", registry=registry)
        self.jobs_paused = Gauge("duostyle_jobs_paused", "Jobs paused by a client.", registry=registry)
        self.job_s = Histogram(
            "duostyle_job_seconds",
            "Seconds of painting of completed jobs.",
            buckets=(1, 3, 10, 30, 60, 120, 300, 900, 3600),
            registry=registry,
        )
        self.evaluations = Counter("duostyle_evaluations", "Evaluations of the objective.", registry=registry)
        self.evaluation_s = Histogram(
            "duostyle_evaluation_seconds", "Seconds of one evaluation.", buckets=_SECONDS, registry=registry
        )
        self.sockets = Gauge("duostyle_sockets", "WebSockets open.", registry=registry)
        self.sockets_dropped = Counter(
            "duostyle_sockets_dropped", "WebSockets closed by the server.", ["reason"], registry=registry
        )
        self.watchers = Gauge("duostyle_watchers", "Subscriptions to jobs.", registry=registry)
        self.messages_received = Counter(
            "duostyle_messages_received", "WebSocket messages.", ["type"], registry=registry
        )
        self.frames_sent = Counter("duostyle_frames_sent", "Live frames sent.", registry=registry)
        self.frames_skipped = Counter(
            "duostyle_frames_skipped", "Live frames replaced by a newer one before they were sent.", registry=registry
        )
        self.frames_encoded = Counter("duostyle_frames_encoded", "Live frames encoded.", registry=registry)
        self.progress_skipped = Counter(
            "duostyle_progress_skipped", "Progress messages replaced by a newer one.", registry=registry
        )
        self.timelapse_frames = Counter(
            "duostyle_timelapse_frames", "Frames recorded for time-lapses.", registry=registry
        )
        self.checkpoints = Counter(
            "duostyle_checkpoints", "Checkpoints of unfinished jobs.", ["outcome"], registry=registry
        )
        self.checkpoint_s = Histogram(
            "duostyle_checkpoint_seconds",
            "Seconds until a checkpoint was written.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.requests = Counter("duostyle_http_requests", "HTTP answers.", ["method", "status"], registry=registry)
        self.request_s = Histogram(
            "duostyle_http_request_seconds", "Seconds until an HTTP answer ended.", buckets=_SECONDS, registry=registry
        )
        self.refused = Counter("duostyle_refused", "Requests refused by the guard.", ["code"], registry=registry)
        self.limits_reached = Counter(
            "duostyle_limits_reached", "Refusals by the limit that was reached.", ["limit"], registry=registry
        )
        self.uploads_in_flight = Gauge("duostyle_uploads_in_flight", "Request bodies in hand.", registry=registry)
        self.inflight_bytes = Gauge("duostyle_inflight_bytes", "Bytes of request bodies in hand.", registry=registry)
        self.body_bytes = Counter("duostyle_http_body_bytes", "Bytes of request bodies read.", registry=registry)
        self.uploads = Counter("duostyle_uploads", "Pictures uploaded.", ["outcome"], registry=registry)
        self.tasks = Gauge("duostyle_asyncio_tasks", "Tasks of the event loop.", registry=registry)
        self.engine_stalled_s = Gauge(
            "duostyle_engine_stalled_seconds",
            "Seconds without an evaluation when that is too long, else 0.",
            registry=registry,
        )
        self.storage_available = Gauge(
            "duostyle_storage_available", "1 while the data folder can be used, else 0.", registry=registry
        )
        self.upload_bytes = Counter("duostyle_upload_bytes", "Bytes of accepted pictures.", registry=registry)

    def count_limit(self, name: str | None) -> None:
        """Count a refusal by the limit of this name; None when no limit was the reason."""
        if name is not None:
            self.limits_reached.labels(name).inc()

    def value(self, name: str, **labels: str) -> float:
        """One sample by its name in the text format; 0.0 for a label that nothing was counted under."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def text(self) -> bytes:
        """All collectors in the Prometheus text format."""
        return generate_latest(self.registry)
