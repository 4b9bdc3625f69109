#!/usr/bin/env bash
# Builds one of the programs this folder's modules make, unless it has been built
# from the same sources before, and prints its path:
#
#   infra/local/build.sh controlplane|prometheus|objectstore
#
# The binaries are kept outside the work tree, under a hash of what they are made
# from: the control plane takes up to twenty minutes of processor time from
# nothing, and neither a clean checkout nor a change elsewhere should cost that.
set -euo pipefail

# In braces, so that the shell has read all of it before a long build begins and
# an edit or a checkout meanwhile cannot make it go on with other lines.
{
name=${1:-}
case $name in
controlplane | prometheus | objectstore) ;;
*)
	echo "usage: $0 controlplane|prometheus|objectstore" >&2
	exit 2
	;;
esac
cd "$(dirname "$0")/$name"

ldflags="-s -w"
if [[ $name == controlplane ]]; then
	# Without these the API server calls itself v0.0.0-master.
	version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
	IFS=. read -r major minor _ <<<"${version#v}"
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		ldflags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
	done
fi

# Tests are no part of the program.
hash=$({
	go version
	echo "$ldflags"
	find . -type f \( -name '*.go' -o -name '*.yaml' -o -name '*.gotmpl' -o -name go.mod -o -name go.sum \) ! -name '*_test.go' -print0 |
		LC_ALL=C sort -z | xargs -0 sha256sum
} | sha256sum | cut -c1-16)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/cce-oncall
folder=$cache/$name-$hash
binary=$folder/$name
if [[ -x $binary ]]; then
	echo "$binary"
	exit
fi

mkdir -p "$folder"
exec 9>"$cache/$name.lock"
if ! flock -n 9; then
	echo "$name: another build is under way, waiting for it" >&2
	flock 9
fi
if [[ -x $binary ]]; then
	echo "$binary"
	exit
fi

temporary=$folder/.$name.$$
progress=$folder/.progress.$$
trap 'rm -f "$temporary" "$progress"' EXIT
echo "$name: building (the first time is long: minutes, for the control plane many)" >&2
# Lock and progress are not for the compiler: a child that outlives this script
# must not hold them.
CGO_ENABLED=0 go build -v -p 2 -trimpath -buildvcs=false -ldflags "$ldflags" -o "$temporary" . 2>"$progress" 9>&- &
build=$!
trap 'kill $build 2>/dev/null; rm -f "$temporary" "$progress"' EXIT
trap 'exit 130' INT TERM
while kill -0 $build 2>/dev/null; do
	for ((i = 0; i < 20; i++)); do
		kill -0 $build 2>/dev/null || break
		sleep 1
	done
	echo "$name: ${SECONDS} s, $(grep -vc '^go: ' "$progress" || true) packages compiled, $(grep -c '^go: ' "$progress" || true) modules fetched" >&2
done
if ! wait $build; then
	# -v lists packages in between; what is left are the compiler's words.
	tail -n 40 "$progress" >&2
	echo "$name: the build failed" >&2
	exit 1
fi
trap 'rm -f "$temporary" "$progress"' EXIT
mv "$temporary" "$binary"
echo "$binary"
exit
}
