# What a person types. CI calls the same targets; the two commands that need Go alone are in README.md.
GO ?= go
FUZZTIME ?= 60s
BIN = build/banyan

.PHONY: check test race lint build bootstraps image check-build release sam deploy deploy-gateway local fuzz rules check-newservice worlds bench bench-proxy bench-shadow bench-rollback bench-donate bench-backfill bench-migrate bench-assess bench-start bench-lambda template browser simulate

check: lint test race ## everything that needs Go alone, then the linters

test:
	$(GO) test ./...

# SQLite is C, translated, and the others look at a byte at a time; watching each of their memory accesses takes minutes and
# proves nothing about us.
UNWATCHED = modernc.org/sqlite/lib modernc.org/libc modernc.org/memory compress/flate hash/crc32 regexp unicode/utf8
race: ## with the race detector; ARGS= goes to go test
	$(GO) test -race $(UNWATCHED:%=-gcflags=%=-race=false) $(ARGS) ./...

lint: template
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt wants:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

template: ## needs cfn-lint on the PATH; .ci/run installs it
	cfn-lint template.yaml infra/*.yaml

# Without -buildvcs=false every commit would change every file. A Lambda function speaks no RPC.
GOBUILD = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags='-s -w'
BOOTSTRAPS = $(patsubst services/%/lambda/main.go,%,$(wildcard services/*/lambda/main.go)) $(if $(wildcard infra/hooks/main.go),hooks)
ARCH ?= arm64

build: bootstraps ## build/banyan, and build/ARCH/SERVICE/bootstrap for arm64 and amd64
	$(GOBUILD) -o $(BIN) .

bootstraps: $(foreach a,arm64 amd64,$(foreach s,$(BOOTSTRAPS),build/$a/$s/bootstrap))

image: build/arm64/banyan build/amd64/banyan ## the gateway's container image for both, in build/image; PUSH=REGISTRY/NAME:TAG sends it; prints its digest
	@$(GO) run ./infra/image $(if $(CONFIG),-config $(CONFIG)) $(if $(PUSH),-push $(PUSH)) >build/image.digest && cat build/image.digest

build/%/banyan: FORCE
	GOOS=linux GOARCH=$* $(GOBUILD) -o $@ .

build/%/bootstrap: FORCE # Go knows what is up to date
	GOOS=linux GOARCH=$(*D) $(GOBUILD) -tags lambda.norpc -o $@ ./$(if $(filter hooks,$(*F)),infra/hooks,services/$(*F)/lambda)
FORCE:

# What `sam build` asks for: build-LOGICALID, with ARTIFACTS_DIR set. The same rule makes the same bytes.
DATA = find . -type f ! -name '*.go' ! -name VERSION | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-64
build-DataLayer:
	mkdir -p $(ARTIFACTS_DIR)/banyan && tar -C infra/layer --exclude='*.go' -cf - . | tar -C $(ARTIFACTS_DIR)/banyan -xf -
	cd $(ARTIFACTS_DIR)/banyan && $(DATA) >VERSION
build-RuntimeLayer: build/$(ARCH)/hooks/bootstrap
	cp $< $(ARTIFACTS_DIR)/bootstrap
build-%:
	@$(MAKE) --no-print-directory build/$(ARCH)/$(shell echo $* | tr A-Z a-z)/bootstrap
	cp build/$(ARCH)/$(shell echo $* | tr A-Z a-z)/bootstrap $(ARTIFACTS_DIR)/bootstrap

check-build: bootstraps ## the same bytes from another folder and from sam (needed on the PATH), and none too large
	ARCH=$(ARCH) infra/stack/check-build.sh $(BOOTSTRAPS)

release: $(foreach s,$(filter-out hooks,$(BOOTSTRAPS)),build/$(ARCH)/$s/bootstrap) ## prints ReleaseHash: of all that a version is made of, its configuration too
	@{ sha256sum $(sort $^) template.yaml; printf '%s\n' "$$PARAMETERS"; cd infra/layer && $(DATA); } | sha256sum | cut -c1-64

# A template's default may be all that its transform sees (ministack), and AWS keeps the value of the last deployment: so both.
sam: # with the STAGE and PARAMETERS of the deployment that follows
	sam build --build-in-source
	sed "/^  ReleaseHash:/,/Default:/s/Default: .*/Default: '$$($(MAKE) -s release)'/" .aws-sam/build/template.yaml >.aws-sam/template && mv .aws-sam/template .aws-sam/build/template.yaml

RELEASE = $(or $(shell git describe --always --dirty 2>/dev/null),unnamed)
CANARY ?= true
deploy: sam ## STAGE=test, staging or prod; CANARY=false shifts at once; PARAMETERS='DomainName=… Certificate=…', or one a line where a value has spaces
	$(call given,PARAMETERS)
	sam deploy --config-env $(or $(STAGE),$(error which STAGE? test, staging or prod)) $(AS) --parameter-overrides Stage=$(STAGE) Canary=$(CANARY) Release=$(RELEASE) ReleaseHash=$$($(MAKE) -s release) file://build/PARAMETERS.yaml

# A variable is the recipe's shell's own, whoever set it: make would cut it at its lines.
given = mkdir -p build && printf '%s\n' "$$$1" | infra/stack/parameters.sh >build/$1.yaml

# A pipeline names the role that CloudFormation takes (ROLE=ARN), and says that a person has agreed (APPROVED=true).
AS = $(if $(ROLE),--role-arn $(ROLE)) $(if $(APPROVED),--no-confirm-changeset)
STACKS ?= infra
deploy-gateway: ## the network and the gateway of STAGE=…: DIGEST=… (make image prints it) GATEWAY='Certificate=… DrupalUrl=… ServicesUrl=… KeySecret=…' NETWORK='Nat=one', as PARAMETERS of deploy
	$(call given,NETWORK)
	$(call given,GATEWAY)
	sam deploy --template-file $(STACKS)/network.yaml --stack-name banyan-$(STAGE)-network --no-fail-on-empty-changeset $(AS) --parameter-overrides Stage=$(STAGE) file://build/NETWORK.yaml
	sam deploy --template-file $(STACKS)/gateway.yaml --stack-name banyan-$(STAGE)-gateway --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset $(AS) \
	  --parameter-overrides Stage=$(STAGE) Digest=$(DIGEST) file://build/GATEWAY.yaml

local: build ## the whole world on this machine
	$(BIN) up

fuzz: ## every fuzz target for FUZZTIME
	infra/bench/fuzz.sh $(FUZZTIME)

rules: ## the rules of the wire contract and where each is proved
	@grep -rnoE --include=*_test.go '\bW-[0-9]+\b' gateway shared infra | sort -t- -k2 -n

check-newservice: ## CONTRIBUTING's recipe "add a service", followed by a script in a copy
	infra/newservice/check.sh

worlds: ## every service's scenarios in memory, on one machine, under the player and in a deployed stack; BANYAN_SAM, BANYAN_MOTO and BANYAN_MINISTACK name the programs
	$(GO) test -count=1 -v -run TestWorlds ./infra/worlds

bench: bench-proxy bench-shadow bench-rollback bench-donate bench-backfill bench-migrate bench-assess bench-start bench-lambda

bench-proxy: ## CPU a proxied request beside nginx, HAProxy (both must be installed) and net/http's ReverseProxy
	$(GO) run ./infra/bench/proxy

bench-shadow: ## what copying and comparing every request costs, a comparison and a judge's look
	$(GO) run ./infra/bench/shadow
	$(GO) test -run '^$$' -bench 'Compare|Look' ./gateway/diff ./gateway/judge

bench-rollback: ## a rollback over two gateways under 2,000 requests a second
	$(GO) run ./infra/bench/rollback

simulate: ## thousands of ramps by our rule, the naive one and Kayenta's: the README's table
	$(GO) run . cutover simulate --suite --markdown

bench-donate: ## 350 donations a second for a minute through every part
	$(GO) run ./infra/bench/donate

bench-backfill: ## a generated dump of a million submissions into the store
	$(GO) run ./infra/bench/migrate -dump

bench-migrate: ## out of a live MariaDB (must be installed), beside mysqldump: a million submissions moved, verified and followed; ROWS=n for fewer
	$(GO) run ./infra/bench/migrate -rows $(or $(ROWS),1000000)

bench-assess: ## lines of access logs a second, beside zcat and grep; LINES=n for another length
	$(GO) run ./infra/bench/assess -lines $(or $(LINES),3000000)

bench-start: ## `banyan up`, from exec to the first page, on an empty folder and on a used one
	$(GO) run ./infra/bench/start

bench-lambda: bootstraps ## the functions as deployed: start, memory, our own cost of an event, the player's rate, billed units of each use case
	$(GO) run ./infra/bench/lambda
	$(GO) test -run '^$$' -bench Warm ./shared/host/cloud
	@cat infra/local/testdata/units.md

browser: ## the donor's journey and the dashboard in a real browser; needs chromium, chromedriver and BANYAN_AXE, the path of axe-core's axe.min.js
	BANYAN_CHROMIUM=$${BANYAN_CHROMIUM:-chromedriver} $(GO) test -count=1 -run Browser ./infra/local/...
