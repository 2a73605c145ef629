"""gunicorn around the app: the application is made in the master, the workers are forked from it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service.bootstrap import Running
from cds_service.commands.serving import GRACE, HEADER, THREADS, WORKER_TIMEOUT
from cds_service.web.logs import logging_config


class Server(BaseApplication):  # type: ignore[misc]
    """Listens on `bind` ("host:port") until it is told to stop; then the workers finish what they have begun."""

    def __init__(self, app: Flask, service: Running, *, bind: str, workers: int):
        self._app = app
        self._service = service
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
            "post_worker_init": self._start,
            "worker_exit": self._stop,
            "child_exit": _forget,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def _start(self, worker: Any) -> None:
        self._service.ledger.start()

    def _stop(self, server: Any, worker: Any) -> None:
        self._service.ledger.close()


def _forget(server: Any, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
