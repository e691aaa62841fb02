#!/usr/bin/env bash
# Packs the bundle @NAME@ with GNU parallel: @PIECES@ pieces, on this machine or on others over SSH, and then seals it.
#
#   CARNET_KEY=/path/to/station.key.pem bash parallel.sh [OPTIONS for parallel, such as --sshlogin node1,node2 or --jobs 4]
#
# CARNET is the program, if `carnet` is not in the PATH of the machines. Without CARNET_KEY the pieces are not signed, and
# nothing is sealed: run `carnet seal` where the key is. If pieces fail, run this again: what is finished is kept.
set -euo pipefail

plan=@PLAN@
carnet=${CARNET:-carnet}
if [ -n "${CARNET_KEY:-}" ]; then
    key=(--key "$CARNET_KEY")
else
    key=(--unsigned)
fi

parallel --quote --will-cite --retries 3 "$@" "$carnet" pack-piece --plan "$plan" "${key[@]}" --piece {} ::: $(seq 0 @LAST@)
if [ -n "${CARNET_KEY:-}" ]; then
    "$carnet" seal --plan "$plan" "${key[@]}"
fi
