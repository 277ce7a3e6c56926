"""What the server measures of itself, as Prometheus text. One registry per app: two apps never share a count."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The collectors of one app. Every attribute is a prometheus_client collector and safe to use from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.jobs_submitted = counter("duostyle_jobs_submitted", "Jobs accepted.")
        self.jobs_ended = counter("duostyle_jobs_ended", "Jobs that ended.", ["status"])
        self.jobs_refused = counter("duostyle_jobs_refused", "Jobs not accepted.", ["code"])
        self.jobs_waiting = gauge("duostyle_jobs_waiting", "Jobs in the queue.")
        self.jobs_running = gauge("duostyle_jobs_running", "Jobs being painted.")
        self.jobs_paused = gauge("duostyle_jobs_paused", "Jobs paused by a client.")
        self.job_s = histogram(
            "duostyle_job_seconds",
            "Seconds spent painting completed jobs.",
            buckets=(1, 3, 10, 30, 60, 120, 300, 900, 3600),
        )
        self.evaluations = counter("duostyle_evaluations", "Evaluations of the objective.")
        self.evaluation_s = histogram("duostyle_evaluation_seconds", "Seconds of one evaluation.", buckets=_SECONDS)
        self.sockets = gauge("duostyle_sockets", "Open WebSockets.")
        self.sockets_dropped = counter("duostyle_sockets_dropped", "WebSockets closed by the server.", ["reason"])
        self.watchers = gauge("duostyle_watchers", "Subscriptions to jobs.")
        self.messages_received = counter("duostyle_messages_received", "WebSocket messages.", ["type"])
        self.frames_sent = counter("duostyle_frames_sent", "Live frames sent.")
        self.frames_skipped = counter(
            "duostyle_frames_skipped", "Live frames replaced by a newer one before they were sent."
        )
        self.frames_encoded = counter("duostyle_frames_encoded", "Live frames encoded.")
        self.progress_skipped = counter("duostyle_progress_skipped", "Progress messages replaced by a newer one.")
        self.preview_s = histogram(
            "duostyle_preview_seconds", "Seconds from a request for a preview to its picture.", buckets=_SECONDS
        )
        self.previews_superseded = counter(
            "duostyle_previews_superseded", "Requests for previews replaced by a newer one of the same socket."
        )
        self.timelapse_frames = counter("duostyle_timelapse_frames", "Frames recorded for time-lapses.")
        self.checkpoints = counter("duostyle_checkpoints", "Checkpoints of unfinished jobs.", ["outcome"])
        self.checkpoint_s = histogram(
            "duostyle_checkpoint_seconds", "Seconds until a checkpoint was written.", buckets=_SECONDS
        )
        self.requests = counter("duostyle_http_requests", "HTTP responses.", ["method", "status"])
        self.request_s = histogram(
            "duostyle_http_request_seconds", "Seconds until an HTTP response was complete.", buckets=_SECONDS
        )
        self.refused = counter("duostyle_refused", "Requests refused by the guard.", ["code"])
        self.limits_reached = counter("duostyle_limits_reached", "Refusals by the limit that was reached.", ["limit"])
        self.uploads_in_flight = gauge("duostyle_uploads_in_flight", "Request bodies held.")
        self.inflight_bytes = gauge("duostyle_inflight_bytes", "Bytes of request bodies held.")
        self.body_bytes = counter("duostyle_http_body_bytes", "Bytes of request bodies read.")
        self.uploads = counter("duostyle_uploads", "Pictures uploaded.", ["outcome"])
        self.tasks = gauge("duostyle_asyncio_tasks", "Tasks of the event loop.")
        self.engine_stalled_s = gauge(
            "duostyle_engine_stalled_seconds",
            "Seconds without an evaluation when that is too long, else 0.",
        )
        self.storage_available = gauge("duostyle_storage_available", "1 while the data folder can be used, else 0.")
        self.upload_bytes = counter("duostyle_upload_bytes", "Bytes of accepted pictures.")

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
