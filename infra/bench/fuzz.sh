#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, or those whose name is given: fuzz.sh 60s [NAME...]
# A count in place of a time (20000x) runs so many inputs.
set -euo pipefail
cd "$(dirname "$0")/../.."
for_each=${1:?how long, e.g. 60s, or how many inputs, e.g. 20000x}
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT
found=0
while IFS=: read -r file target; do
  [ $# -eq 0 ] || [[ " $* " == *" $target "* ]] || continue
  found=$((found + 1))
  echo "== $target in $(dirname "$file"), $for_each"
  if ! go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$for_each" -parallel "$(nproc)" >"$out" 2>&1; then
    # When the time ends while a worker is busy, go test may report its own deadline as a failure;
    # a failing input is always written to testdata and named.
    if grep -q 'context deadline exceeded' "$out" && ! grep -qE 'Failing input|panic:' "$out"; then
      echo "   the time was up in the middle of an input"
    else
      cat "$out"
      exit 1
    fi
  fi
  grep -E '^fuzz: elapsed' "$out" | tail -1
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')
[ "$found" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "$found fuzz targets, $for_each each: clean"
