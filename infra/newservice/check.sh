#!/bin/sh
# Follows CONTRIBUTING's recipe "Add a service" in a copy of the repository: one folder, one line, its block of the
# template, one route. All tests must pass; then each of the four is left out in turn, and a test must name it.
set -eu
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say ends the check with what went wrong.
say() { echo "check-newservice: $*" >&2; exit 1; }

# copy makes a fresh copy of what git knows, changed files as they are.
copy() {
	rm -rf "$work/banyan"
	mkdir "$work/banyan"
	(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 -r ls -d 2>/dev/null | tar -cf - -T -) | tar -xf - -C "$work/banyan"
	cd "$work/banyan"
}

# The four steps of the recipe. The new service is called lantern.
folder() {
	cp -r services/postcode services/lantern
	cd services/lantern
	mv postcode.go lantern.go
	mv postcode_test.go lantern_test.go
	sed -i -e 's/package postcode/package lantern/' -e 's/Package postcode/Package lantern/' -e 's#services/postcode#services/lantern#' \
		-e 's/postcode\.New/lantern.New/' -e 's/postcode\.School/lantern.School/' -e 's/Env("postcode")/Env("lantern")/' -e 's/^package lantern_test/package lantern_test/' \
		-e 's#"/postcode/#"/lantern/#g' -e 's#"/postcodes/#"/lanterns/#g' -e 's#"/schools/#"/lantern/schools/#g' ./*.go openapi.json
	cd ../..
}
line() {
	sed -i -e 's#^\(.*\)"github.com/banyan-migration/banyan/services/payments"#\1"github.com/banyan-migration/banyan/services/lantern"\n&#' \
		-e 's#^\(.*\){Name: "payments".*#\1{Name: "lantern", New: lantern.New},\n&#' services/all/all.go
}
block() {
	awk '/^  PostcodeStore:/ {on=1} /^Outputs:/ {if (on) printf "%s", held; on=0} {print} on {l=$0; gsub(/Postcode/,"Lantern",l); gsub(/postcodes/,"lanterns",l); gsub(/\/schools/,"/lantern/schools",l); gsub(/Service: postcode/,"Service: lantern",l); gsub(/\/postcode\//,"/lantern/",l); held=held l "\n"}' \
		template.yaml > template.new
	mv template.new template.yaml
}
route() {
	cat >> gateway.yaml <<'YAML'
  lantern:
    from: drupal
    to: services
    weight: 0
    key: url
    salt: lantern-2026
    routes:
      - {match: GET /lantern/lookup}
YAML
}

# proof is what a contributor runs.
proof() { go vet ./services/... && go test ./services/... ./shared/arch/...; }

copy
folder; line; block; route
proof > "$work/out" 2>&1 || { cat "$work/out" >&2; say "the recipe was followed, and a test fails"; }
go test -count=1 -run 'TestOpenAPI' -v ./services/all 2>&1 | grep -q '/lantern$\|/lantern ' || say "the tests pass without having seen the new service"

# without LEFT-OUT MESSAGE STEPS… leaves a step out and wants the tests to fail with a message that names it.
without() {
	left=$1 message=$2
	shift 2
	copy
	for step in "$@"; do $step; done
	if proof > "$work/out" 2>&1; then say "without $left everything passes"; fi
	grep -q "$message" "$work/out" || { cat "$work/out" >&2; say "without $left no test says: $message"; }
	echo "without $left: $(grep -m1 -o "$message.*" "$work/out")"
}
without "the folder" 'services/lantern' line block route
without "the line" 'services/lantern is not listed in services/all/all.go' folder block route
without "the block" 'template.yaml has no function Lantern for the service lantern' folder line route
without "the route" 'gateway.yaml has no group lantern' folder line block
echo "check-newservice: the recipe works, and each step that is left out is named"
