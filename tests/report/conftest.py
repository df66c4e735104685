"""Fixtures of the tests of reports."""

from __future__ import annotations

from browser import chromium, opened

__all__ = ["chromium", "opened"]
