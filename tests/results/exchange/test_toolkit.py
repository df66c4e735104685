"""The training toolkit's table becomes claims with the numbers that it prints."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli

# Lines as docs/pretrained_models.md of the toolkit has them, numbers and all; addresses shortened.
TABLE = """## Pre-trained models

### Vocal models

|  Model Type  | Instruments |   Metrics (SDR)   | Config | Checkpoint |
|:------------:|:-----------:|:-----------------:|:-----:|:-----:|
|    MDX23C    | vocals / other | SDR vocals: 10.17 | [Config](https://host/a.yaml) | [Weights](https://host/mdx23c_10.17.ckpt) |
| BS Roformer ([viperx](https://host/v) edition) | vocals / other | SDR vocals: 10.87 | [C](x) | [W](https://h/bs_317.ckpt) |

**Note**: Metrics measured on [Multisong Dataset](https://host/checker).

### Single stem models

|  Model Type  | Instruments |   Metrics (SDR)   | Config | Checkpoint |
|:------------:|:-----------:|:-----------------:|:-----:|:-----:|
| BS Roformer ([viperx](https://host/v) edition) | other | SDR other: 6.85 | [C](x) | [W](https://h/bs_937.ckpt) |
| Dereverb | dereverb | --- | [C](x) | [W](x) |
| Aspiration | aspiration | SDR: 9.85 | [C](x) | [W](x) |
| Phantom | similarity | L1Freq: 72.23 | [C](x) | [W](x) |

### Multi-stem models

|  Model Type  | Instruments |   Metrics (SDR)   | Config | Checkpoint |
|:------------:|:-----------:|:-----------------:|:-----:|:-----:|
| BandIt Plus | speech / music / effects | DnR test avg: 11.50 (speech: 15.64, music: 9.18 effects: 9.69) | [C](x) | [W](x) |
| HTDemucs4 (6 stems) | bass / drums | Multisong (bass: 11.22, drums: 10.22 vocals: 8.05 other: --- piano: ---) | [C](x) | [W](x) |

### Multi-stem models (MUSDB18HQ)

* **Note**: Models in this list were trained only on MUSDB18HQ dataset (100 songs train data).

|  Model Type  | Instruments |   Metrics (SDR)   | Config | Checkpoint |
|:------------:|:-----------:|:-----------------:|:-----:|:-----:|
| SCNet Large | bass / drums / vocals / other | MUSDB test avg: 9.32 (bass: 8.63, drums: 10.89 vocals: 10.69 other: 7.06)<br> Multisong avg: 9.19 (bass: 11.15, drums: 11.04 vocals: 8.94 other: 5.62)  | [C](x) | [W](x) |
"""  # noqa: E501


def imported(tmp_path, text=TABLE, *more):
    file = tmp_path / "pretrained_models.md"
    file.write_text(text)
    return CliRunner().invoke(cli, ["import", str(file), "--out", str(tmp_path / "out"), *more])


@pytest.mark.slow
def test_every_number_of_it_stands_under_its_model_data_set_and_source(tmp_path):
    told = imported(tmp_path)
    assert told.exit_code == 0, told.output
    frame = soundstage.load(tmp_path / "out")
    found = {(row.separator, row.dataset, row.source, row.name): row.value for row in frame.itertuples()}
    viperx = "BS Roformer (viperx edition)"
    assert found == {
        ("MDX23C", "Multisong", "vocals", "sdr"): 10.17,
        (f"{viperx} · bs_317.ckpt", "Multisong", "vocals", "sdr"): 10.87,
        (f"{viperx} · bs_937.ckpt", "claimed", "other", "sdr"): 6.85,
        ("Aspiration", "claimed", "aspiration", "sdr"): 9.85,
        ("Phantom", "claimed", "similarity", "l1_freq"): 72.23,
        ("BandIt Plus", "DnR test", "speech", "sdr"): 15.64,
        ("BandIt Plus", "DnR test", "music", "sdr"): 9.18,
        ("BandIt Plus", "DnR test", "effects", "sdr"): 9.69,
        ("HTDemucs4 (6 stems)", "Multisong", "bass", "sdr"): 11.22,
        ("HTDemucs4 (6 stems)", "Multisong", "drums", "sdr"): 10.22,
        ("HTDemucs4 (6 stems)", "Multisong", "vocals", "sdr"): 8.05,
        ("SCNet Large", "MUSDB test", "bass", "sdr"): 8.63,
        ("SCNet Large", "MUSDB test", "drums", "sdr"): 10.89,
        ("SCNet Large", "MUSDB test", "vocals", "sdr"): 10.69,
        ("SCNet Large", "MUSDB test", "other", "sdr"): 7.06,
        ("SCNet Large", "Multisong", "bass", "sdr"): 11.15,
        ("SCNet Large", "Multisong", "drums", "sdr"): 11.04,
        ("SCNet Large", "Multisong", "vocals", "sdr"): 8.94,
        ("SCNet Large", "Multisong", "other", "sdr"): 5.62,
    }
    assert set(frame["note"]) == {"claimed; a mean over songs that are not listed"}
    said = " ".join(told.output.split())
    assert "unequal songs: values are of DnR test, MUSDB test, Multisong, songs that it does not name" in said
    assert "another protocol than medians over frames or songs" in said
    assert "training songs: of 7 models the table does not say what they were trained on" in said
    assert "1 models have no metrics" in said
    assert "prints a mean" not in said  # the means that it prints are those of its values, to the last digit
    board = CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out"), "--format", "json"]).output
    assert "SCNet Large: trained on MUSDB18HQ, as its table says" in board


def test_a_mean_that_is_not_that_of_its_values_is_said(tmp_path):
    told = imported(tmp_path, TABLE.replace("avg: 9.32", "avg: 9.35"))
    assert "SCNet Large: prints a mean of 9.35, and its values have 9.318" in told.output


def test_metrics_of_an_unknown_form_are_named_with_their_line(tmp_path):
    told = imported(tmp_path, TABLE.replace("SDR vocals: 10.17", "very good"))
    assert told.exit_code == 0
    assert "line 7: the metrics 'very good' of MDX23C are of no form that is known" in told.output
    assert "MDX23C" not in set(soundstage.load(tmp_path / "out")["separator"])


def test_another_markdown_file_is_refused_and_in_a_folder_passed_over(tmp_path):
    told = imported(tmp_path, "# Notes\n")
    assert "no table of models with the columns" in str(told.exception)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README.md").write_text("# Notes\n")
    (tmp_path / "folder" / "models.md").write_text(TABLE)
    told = CliRunner().invoke(cli, ["import", str(tmp_path / "folder"), "--out", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
