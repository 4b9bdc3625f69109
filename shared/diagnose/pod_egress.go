package diagnose

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

var (
	noRoute     = regexp.MustCompile(`(?i)network is unreachable|no route to host`)
	privateHost = regexp.MustCompile(`(?i)^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|swr\.|localhost)|myhuaweicloud|\.(local|internal|lan|corp|svc)(:|$)`)
)

// registryOf is the registry that an image is pulled from: Docker Hub where it names none.
func registryOf(image string) string {
	host, _, ok := strings.Cut(image, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return "docker.io"
	}
	return strings.ToLower(host)
}

// noWayOut says whether an image lies in the world outside and nothing outside can be reached: the node itself says that it has no route,
// or images of two registries outside do not answer while none of the nodes has a public address.
func (v *view) noWayOut(image, text string) bool {
	if privateHost.MatchString(registryOf(image)) {
		return false
	}
	if noRoute.MatchString(text) {
		return true
	}
	for _, n := range v.Objects.Nodes {
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeExternalIP && a.Address != "" {
				return false
			}
		}
	}
	outside := map[string]bool{}
	for _, w := range v.workloads {
		for _, p := range v.pullTimeouts(w) {
			for _, c := range p.Spec.Containers {
				if r := registryOf(c.Image); !privateHost.MatchString(r) {
					outside[r] = true
				}
			}
		}
	}
	return len(outside) >= 2
}
