"""A production server around the ledger alone, for tests that kill it: `python small_server.py URL SPOOL SOCKET`.

POST /shown/<uuid> shows a card of that uuid (after asking what is held back); POST /feedback/<uuid> dismisses it. The
ledger is made before the workers are forked, so that what a fork inherits is put to the test too.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from gunicorn.app.base import BaseApplication

from cds_service.errors import Unavailable
from cds_service.store.commands import open_ledger
from tests.store.calls import SECRET, call, card, reply
from tests.store.conftest import RULES


def application(ledger):
    def answer(environ, start_response):
        _, what, number = environ["PATH_INFO"].split("/")
        status, now = "200 OK", datetime.now(UTC)
        if what == "shown":
            item = {**card(), "uuid": number}
            ledger.held(call(), now)
            ledger.shown(call(), reply(item), now)
        else:
            entry = {"card": number, "outcome": "overridden", "outcomeTimestamp": now.isoformat()}
            try:
                ledger.feedback("leg-symptoms", [entry], now)
            except Unavailable:
                status = "503 Service Unavailable"
        body = json.dumps({"pid": os.getpid()}).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


class Server(BaseApplication):
    def __init__(self, url, spool, socket):
        self.place = (url, spool, socket)
        super().__init__()

    def load_config(self):
        settings = {
            "bind": f"unix:{self.place[2]}",
            "workers": 2,
            "threads": 4,
            "worker_class": "gthread",
            "timeout": 20,
            "preload_app": True,
            "loglevel": "critical",
            "worker_tmp_dir": "/tmp",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self):
        url, spool, _ = self.place
        ledger = open_ledger(url, SECRET, Path(spool), memory=RULES)
        ledger.shown(call(), reply(card()), datetime.now(UTC))  # the parent has a segment and a thread of its own
        return application(ledger)


if __name__ == "__main__":
    Server(*sys.argv[1:4]).run()
