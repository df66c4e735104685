"""The environment variables that a script gets: those that computing needs, and no secrets.

What a shell holds besides, tokens and passwords among it, is nobody's business but its owner's. Who wants a script to
have more names it in SOUNDSTAGE_SCRIPT_ENV, with commas between.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

NAMES = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM", "SHELL"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
        *("HF_HOME", "HF_HUB_OFFLINE", "TORCH_HOME", "MODEL_PATH", "SOUNDSTAGE_CACHE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    }
)
"""Compared without case."""

BEGINNINGS = (
    *("LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTORCH_", "TF_", "XLA_"),
    *("OMP_", "OPENBLAS_", "MKL_", "KMP_"),
)

ASKED_FOR = "SOUNDSTAGE_SCRIPT_ENV"


def surroundings(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a script gets, out of `own`, by default those of this process."""
    own = os.environ if own is None else own
    asked = {name.strip() for name in own.get(ASKED_FOR, "").split(",")}
    return {
        name: value
        for name, value in own.items()
        if name.upper() in NAMES or name.upper().startswith(BEGINNINGS) or name in asked
    }
