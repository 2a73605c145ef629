"""How fast a call is answered, beside the floor: the same server and framework parsing the same body, one constant card.

`make bench`. Both run in one worker process each on this machine; one connection asks in a closed loop, the two in turn
in short blocks, so that a machine that slows down slows both. Prints the median and 99th percentile in milliseconds,
requests a second, the ratio to the floor, and the service's own steps. Report the ratios; the rest is this machine's.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from tests.speed.charts import NOW, request_of
from tests.support.servers import free_port, serving

SIZES = {"10 kB": 10_000, "190 kB": 190_000, "5 MB": 5_000_000}
BLOCKS = 12
PATH = "/cds-services/leg-symptoms"
GOAL = 2.0  # times the floor's median at 190 kB
MOST_P99 = 50.0  # milliseconds, at 190 kB
STEPS = ("read", "index", "decide", "compose")
CARD = {"summary": "A card", "indicator": "info", "source": {"label": "The floor"}}


def floor_server(port: int) -> None:
    """The floor: parses the body with orjson and answers one constant card."""
    from flask import Flask, Response, request

    from cds_service.commands.server import Server

    app = Flask("floor")
    card = orjson.dumps({"cards": [CARD]})

    @app.post(PATH)
    def answer() -> Response:
        orjson.loads(request.get_data(cache=False))
        return Response(card, mimetype="application/json")

    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    Server(app, bind=f"127.0.0.1:{port}", workers=1, begin=lambda: None, end=lambda: None).run()


@contextmanager
def floor() -> Iterator[int]:
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=floor_server, args=(port,))
    process.start()
    try:
        yield port
    finally:
        process.terminate()
        process.join(30)


class Asker:
    """One kept connection."""

    def __init__(self, port: int):
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, body: bytes) -> tuple[float, bytes]:
        """(seconds, answer)"""
        begun = time.perf_counter()
        self._line.request("POST", PATH, body, {"Content-Type": "application/json"})
        reply = self._line.getresponse()
        answer = reply.read()
        spent = time.perf_counter() - begun
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {answer[:300]!r}")
        return spent, answer

    def ready(self, body: bytes) -> None:
        for _ in range(200):
            try:
                self.ask(body)
                return
            except (OSError, http.client.HTTPException):
                self._line.close()
                time.sleep(0.05)
        raise RuntimeError("the server does not answer")


@dataclass
class Times:
    seconds: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    @property
    def rate(self) -> float:
        return len(self.seconds) / sum(self.seconds)


def measure(askers: dict[str, Asker], body: bytes, calls: int) -> dict[str, Times]:
    found = {name: Times() for name in askers}
    for asker in askers.values():
        for _ in range(max(3, calls // 50)):
            asker.ask(body)
    for _ in range(BLOCKS):
        for name, asker in askers.items():
            found[name].seconds += [asker.ask(body)[0] for _ in range(max(1, calls // BLOCKS))]
    return found


def steps_of(body: bytes, times: int) -> dict[str, float]:
    """Milliseconds of each step, median, in this process: JSON parse, checks and shape, then the consultation's own."""
    from cds_service.bootstrap import catalogue_of, house_of
    from cds_service.consult import consult
    from cds_service.ports import Caller
    from cds_service.settings import Settings
    from cds_service.web.body import parse_object
    from cds_service.web.schemas import read_call

    settings = Settings(now=NOW)
    house = house_of(settings, catalogue_of(settings), "http://bench")
    spent: dict[str, list[float]] = {name: [] for name in ("orjson alone", "parse", "shape", *STEPS, "write")}

    def lap(name: str, task: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = task()
        spent[name].append(time.perf_counter() - begun)
        return result

    for _ in range(times):
        lap("orjson alone", lambda: orjson.loads(body))
        tree = lap("parse", lambda: parse_object(body))
        call = lap("shape", partial(read_call, tree, "leg-symptoms", "patient-view", Caller()))
        consultation = consult(call, house)
        for step, seconds in consultation.spent.items():
            spent[step].append(seconds)
        lap("write", partial(_written, consultation.reply))
    return {name: statistics.median(seconds) * 1000 for name, seconds in spent.items()}


def _written(reply: Any) -> bytes:
    from cds_service.web.cds_hooks import reply_body

    return orjson.dumps(reply_body(reply))


def first_answer(folder: Path, body: bytes) -> float:
    """Seconds from starting `cds serve` to its first answer to a call."""
    begun = time.perf_counter()
    with serving(folder, "--now", NOW.isoformat(), "--workers", "1") as served:
        Asker(int(served.base.rpartition(":")[2])).ask(body)
        return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=600, help="calls of each server at 10 kB and 190 kB (600)")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    args = parser.parse_args()
    rows: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bodies = {name: request_of(size) for name, size in SIZES.items()}
        started = first_answer(folder, bodies["10 kB"])
        served = stack.enter_context(serving(folder, "--now", NOW.isoformat(), "--workers", "1"))
        ports = {"floor": stack.enter_context(floor()), "service": int(served.base.rpartition(":")[2])}
        askers = {name: Asker(port) for name, port in ports.items()}
        for asker in askers.values():
            asker.ready(bodies["10 kB"])
        for name, body in bodies.items():
            times = measure(askers, body, args.calls if len(body) < 1_000_000 else max(24, args.calls // 20))
            rows[name] = row_of(body, times) | {"steps": steps_of(body, 40 if len(body) < 1_000_000 else 8)}
    print(json.dumps({"start": started, "sizes": rows}, indent=1) if args.json else table(started, rows))
    return 0


def row_of(body: bytes, times: dict[str, Times]) -> dict[str, Any]:
    entries = sum(len(item.get("entry", ())) for item in json.loads(body)["prefetch"].values() if "entry" in item)
    figures = {
        name: {"p50": each.quantile(0.5), "p99": each.quantile(0.99), "rate": each.rate} for name, each in times.items()
    }
    ratio = figures["service"]["p50"] / figures["floor"]["p50"]
    return {"bytes": len(body), "resources": entries, **figures, "ratio": ratio}


def table(started: float, rows: dict[str, Any]) -> str:
    lines = ["", "            resources        floor p50    p99      /s    service p50    p99      /s   ratio"]
    for name, row in rows.items():
        cells = [
            f"{row[who][what]:8.2f}" if what != "rate" else f"{row[who][what]:8.0f}"
            for who in ("floor", "service")
            for what in ("p50", "p99", "rate")
        ]
        lines.append(f"  {name:>7}   {row['resources']:>8}   {'  '.join(cells)}   {row['ratio']:5.2f}")
    lines += ["", "  milliseconds by step (median, in one process)"]
    names = list(next(iter(rows.values()))["steps"])
    lines.append("            " + "".join(f"{name:>14}" for name in names))
    lines += [
        f"  {name:>7}   " + "".join(f"{row['steps'][step]:14.3f}" for step in names) for name, row in rows.items()
    ]
    middle = rows["190 kB"]
    lines += [
        "",
        f"  At 190 kB: {middle['ratio']:.2f} times the floor (goal {GOAL:.0f}), p99 {middle['service']['p99']:.1f} ms (goal {MOST_P99:.0f}).",
        f"  From start to first answer: {started:.2f} s (goal 1).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
