"""The handbook as files: every page's name and text, and which files on disk differ from what the content says."""

from __future__ import annotations

from pathlib import Path

from cds_service.knowledge.catalogue import Catalogue
from cds_service.publish import generated
from cds_service.publish.handbook import page
from cds_service.publish.notes import notes_of
from cds_service.publish.overview import coverage, index
from cds_service.publish.page import markdown

FOLDER = "handbook"
ENDING = ".md"
_ORIGIN = "<!-- Made by `cds docs` from hooks/; change the content, not this page. -->\n\n"


def pages(catalogue: Catalogue) -> dict[str, str]:
    """File name to text, the same for the same content. The catalogue is one without a site's own decisions."""
    notes = notes_of(catalogue.content)
    found = {f"{rule.id}.md": page(catalogue, rule, notes) for rule in catalogue.rules.values()}
    found |= {"index.md": index(catalogue), "coverage.md": coverage(catalogue)}
    return {name: _ORIGIN + markdown(blocks) for name, blocks in sorted(found.items())}


def stale(catalogue: Catalogue, folder: Path) -> list[str]:
    """Names of pages that are missing, differ, or belong to no rule."""
    return generated.stale(pages(catalogue), folder, ENDING)


def write(catalogue: Catalogue, folder: Path) -> list[Path]:
    """Writes what differs and takes away what belongs to no rule; gives what was touched."""
    return generated.write(pages(catalogue), folder, ENDING)
