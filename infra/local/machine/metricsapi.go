package machine

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// metricsAPI serves metrics.k8s.io from what the sampler measured, so that autoscalers and kubectl top work. The API server has
// authenticated and authorised whoever asks; it is the only one that can reach the address.
type metricsAPI struct {
	sampler *sampler
	server  *http.Server
}

// metricsService registers the API: a Service of type ExternalName is how an aggregated API may live on loopback.
const metricsService = `
apiVersion: v1
kind: Service
metadata: {name: metrics-local, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: metrics-local, namespace: kube-system, port: %d}
`

func startMetricsAPI(ctx context.Context, c *Cluster, s *sampler) (*metricsAPI, error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the metrics API: %w", err)
	}
	a := &metricsAPI{sampler: s}
	a.server = &http.Server{
		Handler: a.routes(), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}},
	}
	go func() { _ = a.server.ServeTLS(listener, "", "") }() // ends with ErrServerClosed
	port := listener.Addr().(*net.TCPAddr).Port
	if err := c.Apply(ctx, fmt.Sprintf(metricsService, port)); err != nil {
		return nil, errors.Join(fmt.Errorf("register the metrics API: %w", err), a.server.Close())
	}
	return a, nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "metrics-local"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

const metricsRoot = "/apis/metrics.k8s.io/v1beta1"

func (a *metricsAPI) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metricsRoot, func(w http.ResponseWriter, _ *http.Request) {
		verbs := metav1.Verbs{"get", "list"}
		answerJSON(w, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "metrics.k8s.io/v1beta1",
			APIResources: []metav1.APIResource{
				{Name: "nodes", Kind: "NodeMetrics", Verbs: verbs}, {Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: verbs},
			},
		})
	})
	mux.HandleFunc("GET "+metricsRoot+"/nodes", func(w http.ResponseWriter, r *http.Request) { a.list(w, "NodeMetricsList", a.nodeMetrics(r, "")) })
	mux.HandleFunc("GET "+metricsRoot+"/pods", func(w http.ResponseWriter, r *http.Request) { a.list(w, "PodMetricsList", a.podMetrics(r, "", "")) })
	mux.HandleFunc("GET "+metricsRoot+"/namespaces/{namespace}/pods", func(w http.ResponseWriter, r *http.Request) {
		a.list(w, "PodMetricsList", a.podMetrics(r, r.PathValue("namespace"), ""))
	})
	mux.HandleFunc("GET "+metricsRoot+"/nodes/{name}", func(w http.ResponseWriter, r *http.Request) { one(w, a.nodeMetrics(r, r.PathValue("name"))) })
	mux.HandleFunc("GET "+metricsRoot+"/namespaces/{namespace}/pods/{name}", func(w http.ResponseWriter, r *http.Request) {
		one(w, a.podMetrics(r, r.PathValue("namespace"), r.PathValue("name")))
	})
	return mux
}

type containerMetrics struct {
	Name  string            `json:"name"`
	Usage map[string]string `json:"usage"`
}

type metricsItem struct {
	Kind       string             `json:"kind"`
	APIVersion string             `json:"apiVersion"`
	Metadata   map[string]any     `json:"metadata"`
	Timestamp  metav1.Time        `json:"timestamp"`
	Window     string             `json:"window"`
	Containers []containerMetrics `json:"containers,omitempty"`
	Usage      map[string]string  `json:"usage,omitempty"`
}

func item(kind string, labels map[string]string, namespace, name string) metricsItem {
	meta := map[string]any{"name": name, "labels": labels, "creationTimestamp": metav1.Now()}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return metricsItem{Kind: kind, APIVersion: "metrics.k8s.io/v1beta1", Metadata: meta, Timestamp: metav1.Now(), Window: "15s"}
}

func amounts(cores, memory float64) map[string]string {
	return map[string]string{
		string(corev1.ResourceCPU):    resource.NewMilliQuantity(int64(cores*1000), resource.DecimalSI).String(),
		string(corev1.ResourceMemory): resource.NewQuantity(int64(memory)/1024*1024, resource.BinarySI).String(),
	}
}

func (a *metricsAPI) podMetrics(r *http.Request, namespace, name string) []metricsItem {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	w, worldErr := a.sampler.world()
	if err != nil || worldErr != nil {
		return nil
	}
	use := a.sampler.use()
	var out []metricsItem
	for _, p := range w.pods {
		containers := use[podKey(p)]
		if len(containers) == 0 || namespace != "" && p.Namespace != namespace || name != "" && p.Name != name || !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		m := item("PodMetrics", p.Labels, p.Namespace, p.Name)
		for _, c := range sortedKeys(containers) {
			m.Containers = append(m.Containers, containerMetrics{c, amounts(containers[c].cores, containers[c].memory)})
		}
		out = append(out, m)
	}
	return out
}

func (a *metricsAPI) nodeMetrics(_ *http.Request, name string) []metricsItem {
	w, err := a.sampler.world()
	if err != nil {
		return nil
	}
	use := a.sampler.use()
	var out []metricsItem
	for _, n := range w.nodes {
		if name != "" && n.Name != name || !nodeReady(n) {
			continue
		}
		cores, memory := overheadCores, float64(overheadMemory)
		for _, p := range w.pods {
			if p.Spec.NodeName == n.Name {
				for _, u := range use[podKey(p)] {
					cores, memory = cores+u.cores, memory+u.memory
				}
			}
		}
		m := item("NodeMetrics", n.Labels, "", n.Name)
		m.Usage = amounts(cores, memory)
		out = append(out, m)
	}
	return out
}

func (a *metricsAPI) list(w http.ResponseWriter, kind string, items []metricsItem) {
	if items == nil {
		items = []metricsItem{}
	}
	answerJSON(w, map[string]any{"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items})
}

func one(w http.ResponseWriter, items []metricsItem) {
	if len(items) != 1 {
		w.WriteHeader(http.StatusNotFound)
		answerJSON(w, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound})
		return
	}
	answerJSON(w, items[0])
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked went away
}
