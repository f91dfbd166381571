#!/bin/sh
# Follows CONTRIBUTING's recipe "Add a service" in a copy of the repository: what `sam init` makes of infra/newservice is
# a folder, a line, a block of the template and a route. All tests must pass; then each of the four is taken out in turn,
# and a test must name it. Without sam (on the PATH, or in BANYAN_SAM) the same files and hooks are used as sam would.
set -eu
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
sam=${BANYAN_SAM:-$(command -v sam || true)}
export SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1
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

# init makes a service of a name, as a contributor does in the repository's root.
init() {
	if [ -n "$sam" ]; then
		"$sam" init --no-input --location infra/newservice --extra-context "{\"service\":\"$1\"}"
		return
	fi
	cp -r "infra/newservice/{{cookiecutter.service}}" "$1"
	for hook in pre post; do
		(cd "$1" && python3 "$work/banyan/infra/newservice/hooks/${hook}_gen_project.py") || { rm -rf "$1"; return 1; }
	done
}

# proof is what a contributor runs.
proof() { go vet ./services/... && go test ./services/... ./shared/arch/...; }

copy
init lantern > "$work/out" 2>&1 || { cat "$work/out" >&2; say "no service is made"; }
[ -z "$(gofmt -l services)" ] || say "gofmt wants $(gofmt -l services)"
[ ! -e lantern ] && [ ! -e services/lantern/parts ] || say "something of the making is left behind"
proof > "$work/out" 2>&1 || { cat "$work/out" >&2; say "a service was made, and a test fails"; }
go test -count=1 -run 'TestOpenAPI' -v ./services/all 2>&1 | grep -q '/lantern$\|/lantern ' || say "the tests pass without having seen the new service"
go build -o "$work/bootstrap" ./services/lantern/lambda || say "the new service is no Lambda function"

# A second of the name, and a name that is none, change nothing.
cp -r services/all/all.go template.yaml gateway.yaml "$work"
for name in lantern Lantern func; do
	if init "$name" > "$work/out" 2>&1; then say "a service $name was made"; fi
	grep -q 'Nothing was made' "$work/out" || { cat "$work/out" >&2; say "nobody says why there is no service $name"; }
	{ cmp -s "$work/all.go" services/all/all.go && cmp -s "$work/template.yaml" template.yaml && cmp -s "$work/gateway.yaml" gateway.yaml && [ ! -e "$name" ]; } || say "the refusal of $name has changed something"
done
mv services/lantern "$work/lantern"

# without LEFT-OUT FILE MESSAGE leaves a step out and wants the tests to fail with a message that names it.
without() {
	[ -d services/lantern ] || cp -r "$work/lantern" services/lantern
	cp "$work/all.go" services/all/all.go
	cp "$work/template.yaml" "$work/gateway.yaml" .
	case $2 in
	*/) rm -rf "$2" ;;
	*) cp "$root/$2" "$2" ;;
	esac
	if proof > "$work/out" 2>&1; then say "without $1 everything passes"; fi
	grep -q "$3" "$work/out" || { cat "$work/out" >&2; say "without $1 no test says: $3"; }
	echo "without $1: $(grep -m1 -o "$3.*" "$work/out")"
}
without "the folder" services/lantern/ 'services/lantern'
without "the line" services/all/all.go 'services/lantern is not listed in services/all/all.go'
without "the block" template.yaml 'template.yaml has no function Lantern for the service lantern'
without "the route" gateway.yaml 'gateway.yaml has no group lantern'
echo "check-newservice: the service that ${sam:-the hooks} made passes, and each part that is left out is named"
