#!/usr/bin/env bash
# Packs the bundle @NAME@ with Slurm: an array of @PIECES@ pieces, and a job that seals the bundle after them.
#
#   CARNET_KEY=/path/to/station.key.pem bash slurm.sh [OPTIONS for sbatch]
#
# CARNET is the program, if `carnet` is not in the PATH of the nodes. Without CARNET_KEY the pieces are not signed, and
# nothing is sealed: run `carnet seal` where the key is. If pieces fail, run this again: what is finished is read and kept.
# CARNET_ONLY=0,2 runs only these pieces, and then seals.
set -euo pipefail

plan=@PLAN@
carnet=${CARNET:-carnet}
if [ -n "${CARNET_KEY:-}" ]; then
    key=(--key "$CARNET_KEY")
else
    key=(--unsigned)
fi

# Quotes words for the shell of a job.
words() { printf '%q ' "$@"; }

pieces=$(sbatch --parsable --job-name=carnet-@NAME@ --requeue --array="${CARNET_ONLY:-0-@LAST@}" "$@" \
    --wrap "exec $(words "$carnet" pack-piece --plan "$plan" "${key[@]}") --piece \$SLURM_ARRAY_TASK_ID")
echo "pieces: job $pieces"
if [ -n "${CARNET_KEY:-}" ]; then
    seal=$(sbatch --parsable --job-name=carnet-@NAME@-seal --requeue --dependency="afterok:${pieces%%;*}" --kill-on-invalid-dep=yes "$@" \
        --wrap "exec $(words "$carnet" seal --plan "$plan" "${key[@]}")")
    echo "seal: job $seal"
fi
