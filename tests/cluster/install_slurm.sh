#!/bin/sh
# Installs SLURM and munge from the system's packages (Debian, Ubuntu), for the tests of the cluster profile. Needs root.
set -eu
command -v slurmctld slurmd munged >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurm-wlm munge
