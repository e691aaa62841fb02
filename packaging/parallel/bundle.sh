#!/usr/bin/env bash
# Verifies or imports a bundle with GNU parallel: pieces on this machine or on others over SSH, and then the end.
#
#   PIECES=16 bash bundle.sh [OPTIONS for parallel] -- verify /shared/in --trust trust.toml --results /shared/verified
#   PIECES=16 bash bundle.sh --sshlogin n1,n2 -- import /shared/in --trust trust.toml --to docker://registry.example
#
# What follows verify or import goes to all processes. What only the last one should get, such as --receipt FILE or
# --policy FILE, is in CARNET_LAST. CARNET is the program, if `carnet` is not in the PATH of the machines. Each machine runs
# one piece at a time; --jobs 2 changes that. Over SSH, only those variables of the environment are passed on that --env names.
# If pieces of an import fail, nothing becomes visible: run this again, and what is there is kept. The verdict of verify is
# given in any case. CARNET_ONLY=0,2 runs only these pieces of them, and then the end.
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
    # What is damaged stays so.
    verify) last=() retries=1 ;;
    import) last=(--finish) retries=3 ;;
    *) echo "expected verify or import, found $verb" >&2; exit 2 ;;
esac

# One process uses all CPUs of its machine. Paths are the same on all machines. One that is gone is noticed after a minute.
export PARALLEL_SSH=${PARALLEL_SSH:-ssh -o ConnectTimeout=30 -o ServerAliveInterval=20}
numbers=$(seq 0 $((pieces - 1)))
numbers=${CARNET_ONLY:-$numbers}
# The numbers and CARNET_LAST are several words.
# shellcheck disable=SC2086
parallel --quote --will-cite --jobs 1 --workdir "$PWD" --retries $retries "${options[@]}" \
    "$carnet" "$verb-piece" "$@" --pieces "$pieces" --piece {} ::: ${numbers//,/ } || [ "$verb" = verify ]
# shellcheck disable=SC2086
exec "$carnet" "$verb" "$@" --pieces "$pieces" "${last[@]}" ${CARNET_LAST:-}
