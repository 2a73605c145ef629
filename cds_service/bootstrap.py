"""Puts the house together once at start: content, clock, guard, ledger, the way to FHIR servers. Wiring only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cds_service.cards.profiles import load_profiles
from cds_service.consult import House
from cds_service.errors import SettingsError
from cds_service.fhir.client import FhirServers
from cds_service.fhir.documents import document
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import read
from cds_service.ports import Guard
from cds_service.security.clients import Clients, clients_of
from cds_service.security.guard import open_guard
from cds_service.settings import Settings
from cds_service.store.commands import open_ledger, secret_of, spool_of
from cds_service.store.ledger import SqlLedger
from cds_service.store.memory import read_rules


@dataclass(frozen=True)
class SystemClock:
    """The wall clock, or one that stands still."""

    at: datetime | None = None

    @property
    def fixed(self) -> bool:
        return self.at is not None

    def rules(self) -> datetime:
        return self.at or datetime.now(UTC)


@dataclass(frozen=True)
class Running:
    """What a server holds while it runs. `registered`: clients are, so every call needs a token of theirs."""

    settings: Settings
    house: House
    guard: Guard
    ledger: SqlLedger
    registered: bool = False


def catalogue_of(settings: Settings) -> Catalogue:
    """The content and the site file of these settings. Raises ContentError."""
    return load(Content.at(settings.content), settings.site)


def house_of(settings: Settings, catalogue: Catalogue, base_url: str = "") -> House:
    """All that a consultation needs, without ledger and without reading from FHIR servers: for commands and tests."""
    return House(
        catalogue,
        SystemClock(settings.now),
        settings.timezone,
        settings.public_base or base_url,
        profiles=load_profiles(catalogue.content.table("profiles.yaml")),
    )


def running(settings: Settings, base_url: str) -> Running:
    """The whole service. base_url: where it listens, for links when CDS_PUBLIC_BASE is not set.

    Raises ContentError and SettingsError; opens no database and no connection.
    """
    catalogue = catalogue_of(settings)
    house = house_of(settings, catalogue, base_url)
    clients = _clients(settings.clients, house.profiles)
    ledger = _ledger(settings, catalogue, house)
    source = FhirServers(
        settings.fhir_servers,
        of_client={client.name: client.fhir_bases for client in clients.all} if clients else None,
        seconds=settings.fetch_deadline,
        production=clients is not None,
    )
    guard = open_guard(clients, ledger.tokens, base_url=house.base_url, documents=document)
    return Running(settings, replace(house, source=source, ledger=ledger), guard, ledger, clients is not None)


def _clients(file: Path | None, profiles: Mapping[str, Any]) -> Clients | None:
    if file is None:
        return None
    try:
        table = read(file.read_text(encoding="utf-8"), file.name)
    except OSError as error:
        raise SettingsError(f"CDS_CLIENTS: {file} cannot be read: {error.strerror}") from None
    return clients_of(table, profiles=frozenset(profiles), folder=file.parent)


def _ledger(settings: Settings, catalogue: Catalogue, house: House) -> SqlLedger:
    memory = read_rules(catalogue.content.table("memory.yaml")) if catalogue.site.remember else None
    return open_ledger(
        settings.database_url,
        secret_of(settings.database_url, settings.secret),
        spool_of(settings.database_url),
        memory=memory,
        fixed_clock=house.clock.fixed,
    )
