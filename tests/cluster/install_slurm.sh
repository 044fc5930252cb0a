#!/bin/sh
# Installs SLURM, its accounting and munge from the system's packages (Debian, Ubuntu), for the tests of the cluster
# profile. Needs root.
set -eu
lacking=
for program in slurmctld slurmd slurmdbd mariadbd munged; do
  command -v "$program" >/dev/null || lacking=$program
done
[ -z "$lacking" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurm-wlm munge slurmdbd slurm-wlm-mysql-plugin mariadb-server
