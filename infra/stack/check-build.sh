#!/bin/sh
# The bytes that are deployed hang on the source alone: a copy in another folder gives the same by make, by sam, and without
# Go's cache; and they fit. Takes the bootstraps' names; ARCH is the one that sam builds for. Its figures are for people.
set -eu
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
say() { echo "check-build: $*" >&2; exit 1; }
same() { cmp "$1" "$2" || say "$3"; }

most=25165824 zipped=8388608 # 24 MB; 8 MB
cd "$root"
for arch in arm64 amd64; do
	for name in "$@"; do
		file=build/$arch/$name/bootstrap
		size=$(wc -c <"$file") small=$(gzip -c "$file" | wc -c)
		[ "$size" -le $most ] && [ "$small" -le $zipped ] || say "$file has $size bytes, $small zipped: at most $most and $zipped"
		echo "$file: $size bytes, $small zipped"
	done
done

mkdir "$work/elsewhere"
git ls-files -z --cached --others --exclude-standard | xargs -0 -r ls -d 2>/dev/null | tar -cf - -T - | tar -xf - -C "$work/elsewhere"
cd "$work/elsewhere"
SAM_CLI_TELEMETRY=0 sam build --build-in-source >"$work/sam.log" 2>&1 || { cat "$work/sam.log" >&2; say "sam build"; }
ARCH=amd64 make -s bootstraps
for name in "$@"; do
	same "build/amd64/$name/bootstrap" "$root/build/amd64/$name/bootstrap" "another folder made other bytes of $name"
	id=$(echo "$name" | cut -c1 | tr a-z A-Z)$(echo "$name" | cut -c2-)
	[ "$name" != hooks ] || id=RuntimeLayer
	same ".aws-sam/build/$id/bootstrap" "$root/build/$ARCH/$name/bootstrap" "sam made other bytes of $name than make"
done
echo "the same bytes in another folder and by sam build --build-in-source: $*"

# What is configured is part of a version: one that kept its hash would never come into use.
now=$(make -s release)
[ "$now" != "$(make -s release PARAMETERS=Providers=worldpay=100)" ] || say "another parameter has the same ReleaseHash"
sed -i "s/DONATE_MAX: '25000'/DONATE_MAX: '24000'/" template.yaml
[ "$now" != "$(make -s release)" ] || say "another variable has the same ReleaseHash"
echo "ReleaseHash: $now, another one for another parameter or variable"

rm "build/$ARCH/$1/bootstrap"
GOCACHE=$work/cache make -s "build/$ARCH/$1/bootstrap"
same "build/$ARCH/$1/bootstrap" "$root/build/$ARCH/$1/bootstrap" "without Go's cache $1 has other bytes"
echo "the same bytes of $1 without Go's cache"
