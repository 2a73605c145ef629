"""gunicorn around the app: the application is made in the master, the workers are forked from it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service.commands.serving import GRACE, HEADER, THREADS, WORKER_TIMEOUT
from cds_service.web.logs import logging_config

COLLECT = (50_000, 20, 100)  # objects between two collections, and how often the older ones are looked at


class Server(BaseApplication):  # type: ignore[misc]
    """Listens on `bind` ("host:port") until it is told to stop; then the workers finish what they have begun."""

    def __init__(self, app: Flask, *, bind: str, workers: int, begin: Callable[[], None], end: Callable[[], None]):
        """begin, end: called in each worker, when it starts and when it stops."""
        self._app = app
        self._options: dict[str, Any] = {
            "bind": bind,
            "workers": workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": WORKER_TIMEOUT,
            "graceful_timeout": GRACE,
            "keepalive": 5,
            "limit_request_field_size": HEADER,
            "preload_app": True,
            "accesslog": None,
            "control_socket_disable": True,
            "logconfig_dict": logging_config(),
            "post_worker_init": lambda worker: _begin(begin),
            "worker_exit": lambda server, worker: end(),
            "child_exit": _forget,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def _begin(begin: Callable[[], None]) -> None:
    """Content stays for good, so the collector need not look at it; and a chart is many objects that live briefly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    begin()


def _forget(server: Any, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
