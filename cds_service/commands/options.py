"""What several commands take alike: another content folder, a site file, a clock; and the house made of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from cds_service.bootstrap import catalogue_of, house_of
from cds_service.consult import House
from cds_service.errors import SettingsError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.settings import Settings, read_settings


def add_common(parser: argparse.ArgumentParser, *, now: bool = False) -> None:
    parser.add_argument("--content", metavar="FOLDER", help="another content folder (CDS_CONTENT)")
    parser.add_argument("--site", metavar="FILE", help="a site file (CDS_SITE)")
    if now:
        parser.add_argument("--now", metavar="MOMENT", help="the rules' clock stands still at this moment (CDS_NOW)")


def settings_of(args: argparse.Namespace) -> Settings:
    """The environment's settings with what this command line says instead. Raises SettingsError."""
    given = {name: getattr(args, name, None) for name in ("content", "site", "now")}
    return read_settings(overrides={name: text for name, text in given.items() if text})


def catalogue_for(args: argparse.Namespace) -> Catalogue:
    return catalogue_of(settings_of(args))


def house_for(args: argparse.Namespace) -> House:
    settings = settings_of(args)
    return house_of(settings, catalogue_of(settings), "http://localhost:8000")


def content_folder(catalogue: Catalogue) -> Path:
    """The folder of the content as files that can be written. Raises SettingsError when it lies in a package."""
    root = catalogue.content.root
    if not isinstance(root, Path) or root.parent.name == __package__.partition(".")[0]:
        raise SettingsError("the packaged content is not to be changed: copy it and name the copy with --content")
    return root
