"""From the client's start to the bolt's command over loopback: is a chain slower than HomeKit?

Our side checks three grants that it has never seen, decides, and signs its log. HAP-python checks
one signature and keeps no log. Once with our log in memory, once with it on a disk and synced
before the bolt; then the syncs are counted as the kernel sees them.
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.environment import ROOT, NoPeers, python, variables
from bench.measure import Figure, Plan, Turns, progress, skipped
from bench.places import NoSuchPlace, disk_folder, memory_folder
from bench.syncs import count_syncs

MEMORY = "first contact to the bolt, log in memory, over HAP"
DISK = "the same, log durable on disk, over HAP"


def ask(plan: Plan) -> list[Figure]:
    try:
        turns = duelled(plan)
    except (NoPeers, NoSuchPlace) as error:
        return [skipped(question, str(error)) for question in (MEMORY, DISK)] + count_syncs()
    return [
        turns.figure(MEMORY, "memory", "hap", bar=1.0, aim=0.8),
        turns.figure(DISK, "disk", "hap", bar=1.2, aim=1.0),
        turns.figure("repeat opening, log durable on disk, over HAP", "disk repeat",
                     "hap again"),
        *count_syncs(),
    ]


def duelled(plan: Plan) -> Turns:
    with memory_folder() as memory, disk_folder() as disk:
        command = [
            str(python()), "-m", "bench.duel", str(plan.rounds), str(memory), str(disk),
            sys.executable]
        done = subprocess.run(
            command, cwd=ROOT, env=variables(), check=True, stdout=subprocess.PIPE, text=True)
    progress("")
    return Turns(json.loads(done.stdout))
