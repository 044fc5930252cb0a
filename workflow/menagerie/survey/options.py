"""Options of Snakemake's command line that decide how much of the graph a start needs."""

from __future__ import annotations

from collections.abc import Sequence

# Options that choose where and how jobs run. With any other (inspection, forced jobs, other triggers) nothing may be
# left out of the graph.
# fmt: off
_EXECUTION = frozenset([
    "--profile", "--workflow-profile", "--configfile", "--configfiles", "--config", "-C", "--cores", "-c", "--jobs",
    "-j", "--local-cores", "--executor", "-e", "--dry-run", "--dryrun", "-n", "--quiet", "-q", "--verbose",
    "--printshellcmds", "-p", "--keep-going", "-k", "--logger", "--rerun-incomplete", "--ri", "--latency-wait",
    "-w", "--output-wait", "--snakefile", "-s", "--directory", "-d", "--scheduler", "--scheduler-subsample",
    "--retries", "--restart-times", "-T", "--default-resources", "--default-res", "--set-resources",
    "--set-threads", "--set-resource-scopes", "--resources", "--res", "--nolock", "--max-threads",
    "--software-deployment-method", "--deployment-method", "--deployment", "--sdm", "--use-conda",
    "--conda-frontend", "--conda-prefix", "--apptainer-prefix", "--shared-fs-usage", "--show-failed-logs",
    "--nocolor", "--envvars", "--benchmark-extended", "--max-jobs-per-timespan", "--max-jobs-per-second",
    "--max-status-checks-per-second", "--seconds-between-status-checks", "--jobscript", "--js", "--jobname", "--jn",
    "--runtime-source-cache-path", "--debug", "--notemp", "--nt",
])
# fmt: on
_PLUGINS = ("--slurm", "--logger-", "--scheduler-")


def leaves_graph_alone(arguments: Sequence[str]) -> bool:
    """Whether a command line only chooses where and how jobs run.

    Parameters
    ----------
    arguments
        Of ``snakemake``, without the program's name.
    """
    names = [argument.partition("=")[0] for argument in arguments if _is_option(argument)]
    return all(
        name in _EXECUTION or name.startswith(("--slurm", "--logger-", "--scheduler-")) for name in map(_short, names)
    )


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument != "-" and not argument[1:2].isdigit()


def _short(name: str) -> str:
    """``-j4`` and ``-np`` name the option in their second character; the rest is its value or further switches."""
    if name.startswith("--") or len(name) == 2:
        return name
    return name[:2] if set(name[1:]) <= set("nqpk") or name[2:].isdigit() or name[:2] == "-c" else name
