"""What diagnosing many sites costs on one machine: time, memory, and how both grow.

    python benchmarks/fleet.py [SITES]...

Each number of sites (10, 50, 200) is a process of its own, which has a recorded snapshot for each
site, of 100 pods with one fault, and lets the fleet's engine diagnose them, four at the same time:
the program is started for each, as `kuryr-runbook fleet diagnose` does, with `--snapshot` for
`--site`. So this is what the fleet itself costs, without what clouds and clusters take to answer.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SIZES = (10, 50, 200)
PODS = 100
AT_ONCE = 4


def recorded(place: Path, sites: int) -> list[Path]:
    """A snapshot for each site, with that site's name."""
    from worlds.world import World

    from kuryr_runbook.snapshots.diagnosis import save_snapshot

    world = World(PODS)
    world.remove("port", "port-web-1")
    one = place / "one.json"
    save_snapshot(world.read(), one)
    snapshot = json.loads(one.read_text())
    one.unlink()
    files = []
    for number in range(sites):
        snapshot["snapshot"]["site"]["name"] = f"site-{number}"
        files.append(place / f"site-{number}.json")
        files[-1].write_text(json.dumps(snapshot))
    return files


def diagnosed(place: Path) -> dict[str, Any]:
    """Diagnose all snapshots in a place as a fleet; every one has its one cause."""
    from kuryr_runbook.display.fleet import fleet_document, fleet_view
    from kuryr_runbook.model.fleet import Member, worst_status
    from kuryr_runbook.running.fleet.answers import diagnosed as read
    from kuryr_runbook.running.fleet.engine import Job, Pace, carry_out

    jobs = [
        Job(
            member=Member(file=file, name=file.stem, release="stein"),
            arguments=("diagnose", "-q", f"--snapshot={file}", "--json"),
            read=read,
        )
        for file in sorted(place.iterdir())
    ]
    began = perf_counter()
    answers = carry_out([jobs], Pace(at_once=AT_ONCE), lambda line: None).answers
    worked = perf_counter()
    code = worst_status(it.status for it in answers)
    text, document = fleet_view("Diagnoses", answers).text, fleet_document(answers, code)
    shown = perf_counter()
    assert [it.status for it in answers] == [4] * len(jobs), answers
    assert text.count("CHECK FAILED") == len(jobs)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": worked - began,
        "cpu_s": children.ru_utime + children.ru_stime,
        "show_s": shown - worked,
        "own_cpu_s": own.ru_utime + own.ru_stime,
        "own_mb": own.ru_maxrss / 1024,
        "child_mb": children.ru_maxrss / 1024,
        "answer_kb": len(json.dumps(document)) / 1e3,
    }


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["diagnosed"]:
        print(json.dumps(diagnosed(Path(arguments[1]))))
        return
    print("sites  all s  s/site  CPU s/site  own CPU s  table s  own MB  child MB  answer kB")
    for sites in map(int, arguments) if arguments else SIZES:
        with tempfile.TemporaryDirectory() as directory:
            recorded(Path(directory), sites)
            command = [sys.executable, __file__, "diagnosed", directory]
            it = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"{sites:5}  {it['seconds']:5.1f}  {it['seconds'] / sites:6.2f}"
            f"  {it['cpu_s'] / sites:10.2f}  {it['own_cpu_s']:9.2f}  {it['show_s']:7.2f}"
            f"  {it['own_mb']:6.0f}  {it['child_mb']:8.0f}  {it['answer_kb']:9.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
