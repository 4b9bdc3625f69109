package observe

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// Custom are the kinds that are kept without a type in Objects.Other because some diagnoser reads a few fields of them. Most belong
// to add-ons, so that only groups which the cluster serves are asked for, each in its most stable version. The read role grants list on
// exactly these; a test holds it to that.
var Custom = []struct{ Group, Resource, Kind string }{
	{"apiregistration.k8s.io", "apiservices", "APIService"}, // first: every group and version that is served has one
	{"admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"},
	{"admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"},
	{"cert-manager.io", "certificates", "Certificate"},
	{"gateway.networking.k8s.io", "httproutes", "HTTPRoute"},
	{"gateway.networking.k8s.io", "grpcroutes", "GRPCRoute"},
	{"networking.istio.io", "virtualservices", "VirtualService"},
	{"networking.istio.io", "destinationrules", "DestinationRule"},
	{"security.istio.io", "peerauthentications", "PeerAuthentication"},
	{"security.istio.io", "authorizationpolicies", "AuthorizationPolicy"},
	{"chaos-mesh.org", "podchaos", "PodChaos"},
	{"chaos-mesh.org", "networkchaos", "NetworkChaos"},
	{"chaos-mesh.org", "stresschaos", "StressChaos"},
	{"chaos-mesh.org", "iochaos", "IOChaos"},
	{"chaos-mesh.org", "dnschaos", "DNSChaos"},
	{"chaos-mesh.org", "httpchaos", "HTTPChaos"},
	{"chaos-mesh.org", "timechaos", "TimeChaos"},
	{"chaos-mesh.org", "jvmchaos", "JVMChaos"},
	{"chaos-mesh.org", "kernelchaos", "KernelChaos"},
	{"litmuschaos.io", "chaosengines", "ChaosEngine"},
	{"chaosblade.io", "chaosblades", "ChaosBlade"},
}

// custom lists them one after the other: they are few objects, in most clusters two or three calls.
func (l *look) custom(ctx context.Context) {
	served := map[string]string{"apiregistration.k8s.io": "v1"}
	for _, k := range Custom {
		v := served[k.Group]
		if v == "" {
			continue
		}
		l.customKind(ctx, schema.GroupVersionResource{Group: k.Group, Version: v, Resource: k.Resource}, k.Kind, func(u *unstructured.Unstructured) bool {
			drop(u.Object)
			return k.Kind != "APIService" || note(served, u)
		})
	}
}

// note takes down which group and version an APIService serves, and says whether another server than the API server does.
func note(served map[string]string, u *unstructured.Unstructured) bool {
	group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
	v, _, _ := unstructured.NestedString(u.Object, "spec", "version")
	if served[group] == "" || version.CompareKubeAwareVersionStrings(v, served[group]) > 0 {
		served[group] = v
	}
	_, remote, _ := unstructured.NestedMap(u.Object, "spec", "service")
	return remote
}

func (l *look) customKind(ctx context.Context, r schema.GroupVersionResource, kind string, keep func(*unstructured.Unstructured) bool) {
	list(l, listing[unstructured.Unstructured]{
		source: r.Resource, gvk: r.GroupVersion().WithKind(kind), most: 4, keep: keep,
		fetch: func(ctx context.Context, opts metav1.ListOptions) ([]unstructured.Unstructured, string, error) {
			all, err := l.b.Dynamic.Resource(r).List(ctx, opts)
			if apierrors.IsNotFound(err) {
				return nil, "", nil // the group is served and this kind is not: an older or smaller release of the add-on
			}
			if err != nil {
				return nil, "", err
			}
			return all.Items, all.GetContinue(), nil
		},
		done: func(all []*unstructured.Unstructured) { l.s.Objects.Other = append(l.s.Objects.Other, all...) },
	})(ctx)
}

// drop takes the certificates of webhooks and aggregated APIs out, which say nothing of a cause and leave no cluster.
func drop(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "caBundle")
		for _, x := range v {
			drop(x)
		}
	case []any:
		for _, x := range v {
			drop(x)
		}
	}
}
