"""A separator script gets what computing needs, and none of its owner's secrets."""

from __future__ import annotations

import pytest

from soundstage.isolation.surroundings import surroundings


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "GITHUB_TOKEN", "PASSWORD", "SSH_AUTH_SOCK", "PYTHONPATH", "LD_PRELOAD"],
)
def test_secrets_and_what_bends_python_stay_out(name):
    assert surroundings({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", ["PATH", "home", "CUDA_VISIBLE_DEVICES", "OPENBLAS_CORETYPE", "LC_ALL", "MODEL_PATH"])
def test_what_computing_needs_is_there(name):
    assert surroundings({name: "x"}) == {name: "x"}


def test_what_is_asked_for_by_name_is_there_too():
    own = {"MY_LICENCE": "x", "MY_OTHER": "y", "SOUNDSTAGE_SCRIPT_ENV": "MY_LICENCE, NOT_SET"}
    assert surroundings(own) == {"MY_LICENCE": "x"}
