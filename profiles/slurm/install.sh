#!/bin/sh
# The environment that talks to SLURM: .venv and the executor plugin on top of it, in a folder of its own.
# The plugin asks the cluster as soon as it is imported, so .venv itself stays without it.
set -eu
cd "$(dirname "$0")/../.."
base=${1:-.venv}
folder=${2:-.venv-slurm}
"$base/bin/python" -m venv --without-pip "$folder"
site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
below=$("$base/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$base/bin/python" -c 'import sys; print(f"import site; site.addsitedir({sys.argv[1]!r})")' "$below" > "$site/menagerie.pth"
"$base/bin/python" -m pip --disable-pip-version-check --python "$folder/bin/python" install --quiet --no-deps \
    --require-hashes --requirement requirements-slurm.lock
printf '#!/bin/sh\nexec "%s/bin/python" -m snakemake "$@"\n' "$(cd "$folder" && pwd)" > "$folder/bin/snakemake"
chmod +x "$folder/bin/snakemake"
