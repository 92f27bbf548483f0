#!/usr/bin/env bash
# Builds an index over ten million vectors of 64 numbers and measures it, telling what it does on the way.
#
# usage: benches/index_10m.sh INDEX_BENCH FOLDER
#   INDEX_BENCH  the program (cargo build --release -p juntos-benches --bin index-bench)
#   FOLDER       for vectors, index and answers: 6.5 GB, kept so that a second run need not draw or build again
set -euo pipefail
bench=$1
folder=$2
n=${N:-10000000}
mkdir -p "$folder"
say() { echo "== $*"; }
step() { say "$*"; "$@"; }

say "$(date -u +%FT%TZ), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(free -g | awk '/^Mem/ {print $2}') GiB"
vectors=$folder/base.npy queries=$folder/queries.npy truth=$folder/truth.npy index=$folder/index
[ -f "$queries" ] || step "$bench" generate --n "$n" --dim 64 --queries 2000 --seed 1 \
    --out-vectors "$vectors" --out-queries "$queries"
[ -f "$truth" ] || step "$bench" exact --vectors "$vectors" --queries "$queries" --results "$truth"
[ -f "$folder/build.json" ] || step "$bench" build --vectors "$vectors" --out "$index" --json "$folder/build.json"
for effort in 10 14 20 28 40 56 80 112 160 224; do
    step taskset -c 0 "$bench" search --index "$index" --queries "$queries" --effort "$effort" --repeat 5 \
        --results "$folder/found.npy" --json "$folder/search-$effort.json"
    step "$bench" recall --results "$folder/found.npy" --truth "$truth"
done
say "opened without warming, pages not in memory where the machine lets them be dropped"
sync
[ -w /proc/sys/vm/drop_caches ] && echo 1 > /proc/sys/vm/drop_caches
step taskset -c 0 "$bench" search --index "$index" --queries "$queries" --effort 20 --repeat 1 --cold \
    --results "$folder/found.npy"
