package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
)

// meshEjects is a rule that takes backends out of the balance after very few errors, and all of them: one bad answer leaves nobody to
// call ("no healthy upstream"). Istio ejects at most 10 % by default; a rule that may eject all is a choice until somebody suffers.
func (g *gather) meshEjects(u *unstructured.Unstructured) {
	v, t := g.v, ownerOf(u)
	at := func(f string) (int32, bool) {
		x, found, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "trafficPolicy", "outlierDetection", f)
		return number(x), err == nil && found
	}
	share, _ := at("maxEjectionPercent")
	errors, found := at("consecutive5xxErrors")
	if !found {
		errors, found = at("consecutiveGatewayErrors")
	}
	if !found {
		errors, found = at("consecutiveErrors")
	}
	s := v.idx.Service(v.hostService(textAt(u.Object, "spec", "host"), u.GetNamespace()))
	if s == nil || !found || errors > 2 || share < 100 || !v.troubled([]*corev1.Service{s}) {
		return
	}
	d, _ := g.on(incident.MeshTrafficLimited, t)
	d.weigh(0.85).say(fmt.Sprintf("%s takes every backend of %s out after %d errors", t, s.Name, errors), fmt.Sprintf("%s 在 %d 次错误后即摘除 %s 的全部后端", t, errors, s.Name)).since(recentTime(v, u)).
		object(t, "spec.trafficPolicy.outlierDetection: consecutive errors %d, maxEjectionPercent %d, baseEjectionTime %s", errors, share, quoteTo(cmpOr(textAt(u.Object, "spec", "trafficPolicy", "outlierDetection", "baseEjectionTime"), "unset"), 20))
	g.behindMesh(d, []*corev1.Service{s})
}
