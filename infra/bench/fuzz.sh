#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while, or those whose name is given: fuzz.sh 60s [NAME...]
# A count in place of a time (20000x) runs so many inputs. As many packages as there are processors are fuzzed at once.
set -euo pipefail
cd "$(dirname "$0")/../.."
export FOR_EACH=${1:?how long, e.g. 60s, or how many inputs, e.g. 20000x}
shift
OUT=$(mktemp -d)
export OUT
trap 'rm -rf "$OUT"' EXIT

package() { # FOLDER TARGET...
  local folder=$1 name=${1//\//-} corpus
  shift
  cd "$folder"
  corpus=$(go env GOCACHE)/fuzz/$(go list)
  go test -c -fuzz=. -o "$OUT/$name" .
  for target; do
    # When the time ends while a worker is busy, its deadline may be reported as a failure; a failing input is always
    # written to testdata and named.
    if ! "$OUT/$name" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$FOR_EACH" -test.fuzzcachedir "$corpus" -test.parallel 1 >"$OUT/$name.log" 2>&1 &&
      { ! grep -q 'context deadline exceeded' "$OUT/$name.log" || grep -qE 'Failing input|panic:' "$OUT/$name.log"; }; then
      cat "$OUT/$name.log"
      return 1
    fi
    echo "$target in $folder: $(grep -E '^fuzz: elapsed' "$OUT/$name.log" | tail -1)"
    echo >>"$OUT/found"
  done
  rm -f "$OUT/$name"
}
export -f package

git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/' | while IFS=: read -r file target; do
  [ $# -eq 0 ] || [[ " $* " == *" $target "* ]] || continue
  echo "$(dirname "$file") $target"
done | sort | awk '{ of[$1] = of[$1] " " $2 } END { for (folder in of) print folder of[folder] }' |
  xargs -r -P "$(nproc)" -L 1 bash -euo pipefail -c 'package "$@" || exit 255' _
[ -s "$OUT/found" ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "$(wc -l <"$OUT/found") fuzz targets, $FOR_EACH each: clean"
