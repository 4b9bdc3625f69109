package observe

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakedynamic "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// TestCustomKinds: only what the cluster serves is asked for, what a release of an add-on lacks is no gap, what is refused is one, and no
// certificate stays in what is kept.
func TestCustomKinds(t *testing.T) {
	kinds := map[schema.GroupVersionResource]string{{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}: "APIServiceList"}
	for _, c := range Custom {
		for _, v := range []string{"v1", "v1beta1"} {
			kinds[schema.GroupVersionResource{Group: c.Group, Version: v, Resource: c.Resource}] = c.Kind + "List"
		}
	}
	object := func(version, kind, namespace, name string, more map[string]any) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: more}
		u.SetAPIVersion(version)
		u.SetKind(kind)
		u.SetNamespace(namespace)
		u.SetName(name)
		return u
	}
	all := []runtime.Object{
		object("networking.istio.io/v1beta1", "VirtualService", "shop", "cart", map[string]any{"spec": map[string]any{"hosts": []any{"cart"}}}),
		object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "gate", map[string]any{
			"webhooks": []any{map[string]any{"name": "gate.example.com", "clientConfig": map[string]any{"caBundle": "LS0tLS1CRUdJTg==", "url": "https://gate.example.com"}}},
		}),
		object("apiregistration.k8s.io/v1", "APIService", "", "v1beta1.metrics.k8s.io", map[string]any{
			"spec": map[string]any{"group": "metrics.k8s.io", "version": "v1beta1", "service": map[string]any{"name": "metrics-server"}},
		}),
	}
	for _, served := range []string{
		"admissionregistration.k8s.io v1", "admissionregistration.k8s.io v1beta1", "networking.istio.io v1alpha3", "networking.istio.io v1beta1", "security.istio.io v1", "apps v1",
	} {
		group, v, _ := strings.Cut(served, " ")
		all = append(all, object("apiregistration.k8s.io/v1", "APIService", "", v+"."+group, map[string]any{"spec": map[string]any{"group": group, "version": v}}))
	}
	d := fakedynamic.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, all...)
	var asked []string
	d.PrependReactor("list", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		r := a.GetResource()
		asked = append(asked, r.Version+" "+r.Resource)
		switch r.Resource {
		case "destinationrules":
			return true, nil, apierrors.NewNotFound(r.GroupResource(), "")
		case "peerauthentications":
			return true, nil, apierrors.NewForbidden(r.GroupResource(), "", nil)
		}
		return false, nil, nil
	})
	s := (&Builder{Kube: fake.NewClientset(), Dynamic: d, Now: func() time.Time { return seven }}).Build(t.Context(), demo, Scope{}, nil)
	want := []string{
		"v1 apiservices", "v1 validatingwebhookconfigurations", "v1 mutatingwebhookconfigurations", "v1beta1 virtualservices", "v1beta1 destinationrules",
		"v1 peerauthentications", "v1 authorizationpolicies",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	var kept []string
	for _, u := range s.Objects.Other {
		kept = append(kept, u.GetAPIVersion()+" "+u.GetKind()+" "+u.GetName())
	}
	if diff := cmp.Diff([]string{"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration gate", "apiregistration.k8s.io/v1 APIService v1beta1.metrics.k8s.io", "networking.istio.io/v1beta1 VirtualService cart"}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	raw, err := s.WriteCase()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "LS0tLS1CRUdJTg") {
		t.Error("a certificate is kept")
	}
	told := strings.Join(s.Gaps, "\n")
	if !strings.Contains(told, "peerauthentications could not be listed") || strings.Contains(told, "destinationrules") {
		t.Errorf("gaps: %q", told)
	}
}
