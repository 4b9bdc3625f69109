#!/usr/bin/env bash
# Layer A: everything about infra that needs no account: formatting, validity, terraform's own tests, and the plan read as data.
# Nothing is left in the tree: it works on a copy in build/terraform.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$root/build/terraform
began=$SECONDS
mkdir -p "$work/packages"
export CGO_ENABLED=0 GOFLAGS=-trimpath # as make build has compiled the same packages: a fresh machine need not do it again
TF_CLI_CONFIG_FILE=$(infra/standin/mirror.sh "$work")
export TF_CLI_CONFIG_FILE TERRAFORM_STANDIN=$TF_CLI_CONFIG_FILE TF_IN_AUTOMATION=1 TF_DATA_DIR=$work/data TF_VAR_packages=$work/packages

terraform fmt -check -diff -recursive infra
go test -count=1 ./infra/tests & # beside what follows: it works in folders of its own
tests=$!
(cd infra/standin && GOFLAGS="-trimpath -mod=mod" go test -count=1 .)

rm -rf "$work/infra"
mkdir -p "$work/infra"
cp -r infra/*.tf infra/*.yaml infra/modules infra/kubernetes infra/tests "$work/infra/"
rm "$work"/infra/tests/*.go # a copy of them would be one more package of this module
for f in inspect diagnose webhook execute report; do # contents do not matter here; make deploy and make demo take the real ones
  printf '#!/bin/sh\n# %s\n' "$f" >"$work/packages/bootstrap"
  go run ./infra/package -o "$work/packages/$f.zip" "$work/packages/bootstrap" >/dev/null
done

cd "$work/infra"
terraform init -input=false -no-color >/dev/null
terraform validate -no-color
terraform test -no-color
terraform plan -input=false -no-color -var-file=tests/smallest.tfvars -out="$work/plan" >/dev/null
terraform show -no-color "$work/plan" | sed -n 's/^  # \(.*\) will be created$/\1/p' >"$work/resources.txt"
echo "the smallest deployment has $(wc -l <"$work/resources.txt") resources (build/terraform/resources.txt):"
sed 's/^module\.function\[[^]]*\]\.//; s/\..*//' "$work/resources.txt" | sort | uniq -c

cd "$root"
wait "$tests"
echo "checked in $((SECONDS - began)) s"
