# make help prints this file's targets.
SHELL     := bash
CACHE     := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cce-oncall
FUNCTIONS := inspect diagnose webhook execute report
ZIPS      := $(FUNCTIONS:%=build/%.zip)
SHARING   := ./functions/... $(addprefix ./shared/,functiongraph/... huaweicloud/... kube/... lark/... observe/... record/... remediate/...) ./infra/fakecloud/...
MODULES   := . infra/local infra/local/controlplane infra/local/prometheus infra/local/objectstore
TOOLS     := $(CACHE)/tools
LINT      := $(TOOLS)/golangci-lint-v2.15.0
FUMPT     := $(TOOLS)/gofumpt-v0.12.0
GO_FILES  := $(shell git ls-files '*.go')

.DEFAULT_GOAL := help
.PHONY: help demo test check build package fmt vet lint unit local-test race fuzz cover bench golden clean local-build chromium tf-check tf-apply-local deploy destroy probe

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

demo: build local-build ## the whole journey live on this machine; AUTO=1 clicks by itself, DEPLOY=terraform runs it from what infra/ creates
	@cd infra/local && go build -o ../../build/local . && cd ../.. && build/local demo $(if $(AUTO),-auto) $(if $(DEPLOY),-deploy $(DEPLOY))

test: unit local-test ## everything: unit, adapters, flows, e2e, browser; RACE=-race runs the judgement and the local module with the race detector as well

check: fmt vet lint test ## what must be green before and after a change

build: $(ZIPS) ## the five functions as reproducible zips in build/

build/%.zip: $(GO_FILES) go.mod go.sum
	@mkdir -p build/bin/$*
	@CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o build/bin/$*/bootstrap ./functions/$*
	@go run ./infra/package -o $@ build/bin/$*/bootstrap >/dev/null
	@echo "built $@ $$(stat -c %s $@) bytes (binary $$(stat -c %s build/bin/$*/bootstrap))"

local-build: ## what the local cloud is made of: built once, cached outside the tree
	@for p in controlplane prometheus objectstore; do infra/local/build.sh $$p >/dev/null || exit 1; done

unit: ## tests of the root module; the rooms where goroutines meet always run with the race detector
	go test -race -timeout 30m $(SHARING)
	go test $(RACE) -timeout 30m $$(go list ./... | grep -vxFf <(go list $(SHARING)))

local-test: build local-build chromium ## tests of the nested modules: control plane, e2e with the built zips, browser
	cd infra/local/controlplane && CONTROLPLANE_BIN=$$(../build.sh controlplane) go test ./prove/ # its root package is Kubernetes: vetting that takes ten minutes
	cd infra/local/prometheus && go test ./...
	cd infra/local/objectstore && go test ./...
	cd infra/local && go test $(RACE) -p 1 -timeout 40m ./... # one package after the other: each fills the machine with control planes of its own

race: ## unit tests with the race detector, of the root and the local module
	go test -race -timeout 30m ./...
	cd infra/local && go test -race -short ./...

tf-check: ## infra without an account: fmt, validate, terraform test, the plan read as data
	@infra/tests/check.sh

tf-apply-local: build ## apply infra to the emulated cloud with the provider that TF_CLI_CONFIG_FILE offers, else with the stand-in
	@set -o pipefail; TERRAFORM_STANDIN=$$(infra/standin/mirror.sh build/terraform) TERRAFORM_PACKAGES=$(CURDIR)/build go test -count=1 -timeout 15m -v -run 'TestApplyToTheEmulatedCloud' ./infra/tests | grep -v '^=== '

deploy: build ## deploy to the account of HW_ACCESS_KEY as infra/terraform.tfvars says; TF_ARGS adds arguments
	@cd infra && terraform init -input=false && terraform apply -var verify_clusters=true $(TF_ARGS) && terraform output -raw kubernetes_manifests > ../build/kubernetes.yaml
	@echo "next: kubectl apply -f build/kubernetes.yaml in each cluster, the webhook_url above into the Lark app, then make probe"

destroy: build ## remove the deployment; buckets with records stay unless keep_on_destroy is false
	@cd infra && terraform destroy $(TF_ARGS)

probe: ## ask the deployment to check all it depends on and post the result to Lark
	@set -o pipefail; terraform -chdir=infra output -json | go run ./infra/probe

fmt: $(FUMPT) ## formatting
	@out=$$($(FUMPT) -l $(GO_FILES)); if [ -n "$$out" ]; then echo "not formatted: $$out"; exit 1; fi

vet: ## go vet in every module (the control plane itself is Kubernetes: vetting it takes ten minutes)
	@for m in . infra/local infra/local/prometheus infra/local/objectstore infra/standin; do (cd $$m && go vet ./...) || exit 1; done; cd infra/local/controlplane && go vet ./prove/

lint: $(LINT) ## golangci-lint in the root, the local module and the stand-in provider
	$(LINT) run ./...
	cd infra/local && $(LINT) run --config ../../.golangci.yml ./...
	cd infra/standin && $(LINT) run --config ../../.golangci.yml ./...

fuzz: ## every fuzz target for FUZZTIME (10s)
	@for d in $$(grep -rl --include=*_test.go '^func Fuzz' shared functions infra/fakecloud | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -h '^func Fuzz' $$d/*_test.go | sed 's/func \(Fuzz[A-Za-z0-9]*\).*/\1/'); do \
	    echo "$$d $$f"; go test -run xxx -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),10s) ./$$d || exit 1; done; done

bench: local-build ## benchmarks, in benchstat's form; the last inspects 2,000 pods of a real control plane
	go test -run xxx -bench . -benchmem -count $(or $(COUNT),5) ./shared/...
	cd infra/local && go test -run xxx -bench . -benchmem -benchtime 3x -timeout 20m ./large

golden: ## rewrite golden files and scenarios; read the diff
	go test ./shared/diagnose ./shared/lark ./functions/diagnose -update

cover: ## coverage of the root module
	go test -coverprofile build/cover.out ./... && go tool cover -func build/cover.out | tail -1

chromium: ## Debian's headless browser, for the page test
	@command -v chromium >/dev/null || { echo "installing chromium"; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; }

clean: ## what make built in the tree
	rm -rf build

$(LINT):
	@mkdir -p $(TOOLS) && echo "building golangci-lint once (a few minutes)"
	@GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 && mv $(TOOLS)/golangci-lint $@

$(FUMPT):
	@mkdir -p $(TOOLS) && GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@v0.12.0 && mv $(TOOLS)/gofumpt $@
