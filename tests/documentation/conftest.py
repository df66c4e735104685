"""Pages are about all verbs, those included whose extras are not installed here: their help needs none of them."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def every_extra(monkeypatch):
    """As if nothing were missing that a verb requires."""
    monkeypatch.setattr("soundstage.catalogue.commands.missing_of", lambda requires: ())
