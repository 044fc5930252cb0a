"""The command: one table, exit code 1 where a line is a failure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from menagerie.errors import on_screen
from menagerie.provenance.jobs import command
from menagerie.survey.check import cluster, config_check, machine, networks, profiles, score_tables
from menagerie.survey.check.line import FAILURE, WARNING, Line, render


def lines(config: str, profile: str) -> Iterator[Line]:
    """Every check, the machine's first."""
    yield machine.python()
    found, content = profiles.profile(profile)
    yield found
    yield from cluster.cluster(content)
    yield machine.lock()
    found, run = config_check.config(config)
    yield found
    if run is None:
        return
    if run.from_tables:
        yield from score_tables.score_tables(run)
        return
    on_cluster = content.get("executor", "local") != "local"
    with networks.start(run) as examination:
        disk, memory = config_check.needs(run)
        yield machine.disk(run.folder, disk)
        yield machine.memory(memory, on_cluster=on_cluster)
        yield machine.gpu(run.config["device"], on_cluster=on_cluster)
        yield config_check.weights(run)
        files = list(config_check.datasets(run))
        yield from networks.networks(run, examination.found())
        yield from files


@command
def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m menagerie.survey.check", description="What would stop a run.")
    parser.add_argument("config", nargs="?", default="config/config.yaml")
    parser.add_argument("--profile", default="profiles/default", help="Snakemake profile: its folder, or a name")
    given = parser.parse_args(arguments)
    found = list(lines(given.config, given.profile))
    print(on_screen(render(found), longest=1_000_000))
    counts = {status: sum(line.status == status for line in found) for status in (FAILURE, WARNING)}
    print(f"\n{counts[FAILURE]} failures, {counts[WARNING]} warnings.")
    return int(counts[FAILURE] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
