#!/usr/bin/env bash
# mirror.sh DIR builds the stand-in provider into a mirror below DIR and prints the path of a CLI configuration that offers it alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
to=$(cd "$1" && pwd)
version=1.97.1
folder=$to/mirror/registry.terraform.io/huaweicloud/huaweicloud/$version/linux_amd64
mkdir -p "$folder"
(cd "$here" && GOFLAGS=-mod=mod CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false -o "$folder/terraform-provider-huaweicloud_v$version" .)
cat >"$to/standin.tfrc" <<END
disable_checkpoint = true

provider_installation {
  filesystem_mirror {
    path    = "$to/mirror"
    include = ["registry.terraform.io/*/*"]
  }
}
END
echo "$to/standin.tfrc"
