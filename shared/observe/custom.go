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
// exactly these and on APIServices; a test holds it to that.
var Custom = []struct{ Group, Resource, Kind string }{
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

// custom lists them one after the other: they are few objects, in most clusters two or three calls. The aggregated APIs come first:
// every served group and version has one, those of custom resources too.
func (l *look) custom(ctx context.Context) {
	served := map[string]string{}
	l.customKind(ctx, schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}, "APIService", func(u *unstructured.Unstructured) bool {
		group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
		v, _, _ := unstructured.NestedString(u.Object, "spec", "version")
		if served[group] == "" || version.CompareKubeAwareVersionStrings(v, served[group]) > 0 {
			served[group] = v
		}
		_, remote, _ := unstructured.NestedMap(u.Object, "spec", "service")
		return remote // the others are the API server itself
	})
	for _, k := range Custom {
		if v := served[k.Group]; v != "" {
			l.customKind(ctx, schema.GroupVersionResource{Group: k.Group, Version: v, Resource: k.Resource}, k.Kind, func(*unstructured.Unstructured) bool { return true })
		}
	}
}

func (l *look) customKind(ctx context.Context, r schema.GroupVersionResource, kind string, keep func(*unstructured.Unstructured) bool) {
	list(l, listing[unstructured.Unstructured]{
		source: r.Resource, gvk: r.GroupVersion().WithKind(kind), most: 4,
		keep: func(u *unstructured.Unstructured) bool {
			drop(u.Object)
			return keep(u)
		},
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
