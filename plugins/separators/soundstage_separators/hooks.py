"""What this package registers."""

from __future__ import annotations
