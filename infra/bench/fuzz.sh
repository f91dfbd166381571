#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while: fuzz.sh 60s
set -euo pipefail
cd "$(dirname "$0")/../.."
for_each=${1:?how long, e.g. 60s}
found=0
while IFS=: read -r file target; do
  found=$((found + 1))
  echo "== $target in $(dirname "$file"), $for_each"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$for_each" -parallel "$(nproc)"
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')
[ "$found" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "$found fuzz targets, $for_each each: clean"
