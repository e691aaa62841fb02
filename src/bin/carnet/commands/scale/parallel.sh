#!/usr/bin/env bash
# Packs the bundle @NAME@ with GNU parallel: @PIECES@ pieces, on this machine or on others over SSH, and then seals it.
#
#   CARNET_KEY=/path/to/station.key.pem bash parallel.sh [OPTIONS for parallel, such as --sshlogin node1,node2]
#
# Each machine packs one piece at a time; --jobs 2 changes that. CARNET is the program, if `carnet` is not in the PATH of the
# machines. Over SSH, only those variables of the environment are passed on that --env names. Without CARNET_KEY the pieces are
# not signed, and nothing is sealed: run `carnet seal` where the key is. If pieces fail, run this again: what is finished is read
# and kept. CARNET_ONLY=0,2 runs only these pieces, and then seals.
set -euo pipefail

plan=@PLAN@
carnet=${CARNET:-carnet}
if [ -n "${CARNET_KEY:-}" ]; then
    key=(--key "$CARNET_KEY")
else
    key=(--unsigned)
fi

pieces=$(seq 0 @LAST@)
pieces=${CARNET_ONLY:-$pieces}

# One process uses all CPUs of its machine. Paths are the same on all machines. One that is gone is noticed after a minute.
export PARALLEL_SSH=${PARALLEL_SSH:-ssh -o ConnectTimeout=30 -o ServerAliveInterval=20}
# The numbers are several words.
# shellcheck disable=SC2086
parallel --quote --will-cite --jobs 1 --workdir "$PWD" --retries 3 "$@" \
    "$carnet" pack-piece --plan "$plan" "${key[@]}" --piece {} ::: ${pieces//,/ }
if [ -n "${CARNET_KEY:-}" ]; then
    "$carnet" seal --plan "$plan" "${key[@]}"
fi
