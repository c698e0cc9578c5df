"""Prometheus metrics. With `PROMETHEUS_MULTIPROC_DIR` set (as `fenghuo up` does) all processes answer together."""

import contextlib
import os
from pathlib import Path

from prometheus_client import REGISTRY as _OWN
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10)

FRAMES = Counter("fenghuo_frames_total", "Frames received, by what became of them", ["outcome"])
REFUSED_PEERS = Counter("fenghuo_gateway_refusals_total", "Peers and frames the gateway refused, by limit", ["limit"])
CONNECTIONS = Gauge("fenghuo_gateway_connections", "Open device connections", multiprocess_mode="livesum")
INTAKE_BATCH = Histogram(
    "fenghuo_intake_batch_frames", "Frames a transaction", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
INTAKE_SECONDS = Histogram("fenghuo_intake_seconds", "Time of one intake transaction", buckets=_FAST)
ALARMS = Counter("fenghuo_alarms_total", "Alarms raised, by severity", ["severity"])
ATTEMPTS = Counter("fenghuo_attempts_total", "Attempts, by channel and outcome", ["channel", "outcome"])
SEND_SECONDS = Histogram("fenghuo_send_seconds", "Time a channel took to accept", ["channel"], buckets=_FAST)
DELIVERY_SECONDS = Histogram(
    "fenghuo_delivery_seconds",
    "First octet to provider's acceptance, by severity",
    ["severity"],
    buckets=_FAST,
)
BREACHES = Counter("fenghuo_deadline_breaches_total", "Attempts not accepted by their deadline", ["severity"])
UNHEARD = Counter("fenghuo_unheard_notices_total", "Notices that no way took: the duty desk was told", ["severity"])
SPENDING_SECONDS = Histogram("fenghuo_spending_seconds", "Time to ask the carriers' limits for a batch", buckets=_FAST)
HELD_BACK = Counter(
    "fenghuo_held_back_total", "Attempts a carrier's limit held back, by what followed", ["channel", "word"]
)
VENDOR_REFUSALS = Counter("fenghuo_vendor_refusals_total", "What vendors refused, by kind", ["kind", "vendor", "why"])
BREAKERS = Gauge(
    "fenghuo_vendor_breaker",
    "Whether a vendor is left alone: 0 used, 1 tried by one message, 2 left alone; the worst of all workers",
    ["kind", "vendor"],
    multiprocess_mode="livemax",
)
FOUND_BREACHES = Counter("fenghuo_breaches_total", "Breaches the auditor recorded, by kind", ["kind"])
AUDITED_AT = Gauge(
    "fenghuo_auditor_last_pass_timestamp_seconds",
    "When an auditor's pass last succeeded; its age is time() less this",
    multiprocess_mode="max",
)
SWEPT = Counter("fenghuo_swept_total", "Attempts the sweeper found that nobody rang for", ["lane"])
HTTP_REQUESTS = Counter("fenghuo_http_requests_total", "Requests, by status class", ["status"])


def exposition() -> bytes:
    """The text for `/metrics`."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(_OWN)
    _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """A killed process takes its connections with it: what it last said of them (`livesum`) no longer counts."""
    for file in folder.glob("gauge_live*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _is_alive(int(pid)):
            file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(PermissionError):  # somebody else's, and so alive
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
