"""docs/audiometry.md lists known faults of metrics with the findings that its own cards have of them."""

import re


def test_each_known_fault_is_a_finding_of_the_cards_below(root):
    page = (root / "docs" / "audiometry.md").read_text(encoding="utf-8")
    known, cards = page.split("## Known faults, found again")[1].split("## The built-in metrics")
    findings = {}
    for line in cards.splitlines():
        if said := re.match(r"- \*\*(.+) \(.*\)\*\*", line):
            of = said[1]
        elif line.startswith("    - "):
            findings.setdefault(of, []).append(line)
    faults = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in known.splitlines() if line.startswith("| ")
    ][1:]
    assert len(faults) == 6
    for fault, of, finding in faults:
        assert any(finding in line for line in findings[of.replace("`", "")]), fault
