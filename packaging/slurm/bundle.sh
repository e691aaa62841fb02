#!/usr/bin/env bash
# Verifies or imports a bundle with Slurm: an array of pieces, and a job after them.
#
#   PIECES=16 bash bundle.sh [OPTIONS for sbatch] -- verify /shared/in --trust trust.toml --results /shared/verified
#   PIECES=16 bash bundle.sh [OPTIONS for sbatch] -- import /shared/in --trust trust.toml --to docker://registry.example
#
# What follows verify or import goes to all processes. What only the last one should get, such as --receipt FILE or
# --policy FILE, is in CARNET_LAST. CARNET is the program, if `carnet` is not in the PATH of the nodes. If pieces of an import
# fail, nothing becomes visible: run this again, and what is there is kept. The verdict of verify is given in any case.
# CARNET_ONLY=0,2 runs only these pieces of them, and then the end.
set -euo pipefail

carnet=${CARNET:-carnet}
pieces=${PIECES:?how many pieces, at most 1000}
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
if [ $# -lt 3 ]; then
    sed -n 's/^# \{0,1\}//; 2,6p' "$0" >&2
    exit 2
fi
shift
verb=$1
shift
case $verb in
    verify) after=afterany last=() ;;
    import) after=afterok last=(--finish) ;;
    *) echo "expected verify or import, found $verb" >&2; exit 2 ;;
esac

# Quotes words for the shell of a job.
words() { printf '%q ' "$@"; }

array=$(sbatch --parsable --job-name="carnet-$verb" --requeue --array="${CARNET_ONLY:-0-$((pieces - 1))}" "${options[@]}" \
    --wrap "exec $(words "$carnet" "$verb-piece" "$@" --pieces "$pieces") --piece \$SLURM_ARRAY_TASK_ID")
echo "pieces: job $array"
# CARNET_LAST is several words.
# shellcheck disable=SC2086
end=$(sbatch --parsable --job-name="carnet-$verb-end" --requeue --dependency="$after:${array%%;*}" --kill-on-invalid-dep=yes "${options[@]}" \
    --wrap "exec $(words "$carnet" "$verb" "$@" --pieces "$pieces" "${last[@]}" ${CARNET_LAST:-})")
echo "end: job $end"
