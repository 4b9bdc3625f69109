package cce

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"

	"cce-oncall/infra/fakecloud/edge"
)

// maxKubernetesBody bounds a request; etcd would refuse an object beyond 1.5 MB anyway.
const maxKubernetesBody = 8 << 20

// ClusterOf returns the cluster id of a gateway host, {cluster}.cce.{region}...
func ClusterOf(host string) (id string, ok bool) {
	first, rest, found := strings.Cut(host, ".")
	return first, found && strings.HasPrefix(rest, "cce.")
}

// Gateway serves a cluster's Kubernetes API: the caller signs as for any other cloud API and reaches the API server as its own
// Kubernetes user. A host that is not a gateway host is answered for the given cluster, so that a listener can stand for one cluster.
func (s *Service) Gateway(w http.ResponseWriter, r *http.Request, clusterID string) {
	g := s.opt.Gate
	entry := edge.Entry{At: g.Clock(), Service: "kubernetes", Method: r.Method, Path: r.URL.Path, RequestID: edge.NewID()}
	w.Header().Set("X-Request-Id", entry.RequestID)
	refuse := func(e *edge.Error) {
		entry.Status = e.Status
		g.Journal.Add(entry)
		e.Write(w)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxKubernetesBody))
	if err != nil {
		refuse(&edge.Error{Status: http.StatusRequestEntityTooLarge, Code: "APIGW.0201", Message: "Request entity too large"})
		return
	}
	caller, err := g.Identities.Authenticate(r, body, entry.At)
	if err != nil {
		refuse(edge.Unauthorized(err))
		return
	}
	entry.Caller, entry.Agency, entry.AccessKey = caller.Name, caller.Agency, caller.AccessKey
	s.mu.Lock()
	c := s.clusters[clusterID]
	limited := s.throttled(clusterID, entry)
	s.mu.Unlock()
	switch {
	case c == nil:
		refuse(&edge.Error{Status: http.StatusNotFound, Code: "APIGW.0101", Message: "The API does not exist or has not been published in the environment"})
	case limited:
		refuse(edge.Throttled(0))
	case streaming(r):
		refuse(&edge.Error{Status: http.StatusForbidden, Code: "CCE.01403001", Message: "exec, attach and port-forward are not supported through the gateway"})
	case c.spec.Server == nil || c.phase == "Unavailable" || c.phase == "Hibernation":
		refuse(&edge.Error{Status: http.StatusServiceUnavailable, Code: "APIGW.0202", Message: "Backend unavailable"})
	default:
		s.proxy(w, r, body, c, caller, entry)
	}
}

// throttled is the flow control of the gateway, per cluster. The mutex is held.
func (s *Service) throttled(clusterID string, e edge.Entry) bool {
	if s.opt.GatewayPerMin <= 0 {
		return false
	}
	s.flow.PerMinute[clusterID] = s.opt.GatewayPerMin
	_, ok := s.flow.Take(clusterID, e.At)
	return !ok
}

func streaming(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" {
		return true
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	return len(parts) > 5 && parts[4] == "pods" && slices.Contains([]string{"exec", "attach", "portforward"}, parts[len(parts)-1])
}

func (s *Service) proxy(w http.ResponseWriter, r *http.Request, body []byte, c *cluster, caller edge.Caller, entry edge.Entry) {
	g := s.opt.Gate
	fault, spoiled := g.Faults.Take(entry)
	if spoiled {
		entry.Fault = fault.ID
	}
	if spoiled && !fault.After && g.Faults.Strike(r, entry, fault) {
		entry.Status = fault.Status
		g.Journal.Add(entry)
		fault.Refusal().Write(w)
		return
	}
	record := passing{ResponseWriter: w, hide: spoiled && fault.After}
	proxy := &httputil.ReverseProxy{
		Transport:     c.spec.Transport,
		FlushInterval: -1, // watches and followed logs
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(c.spec.Server)
			p.Out.Host = c.spec.Server.Host
			p.Out.Body, p.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			impersonate(p.Out.Header, caller)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			s.opt.Log.Warn().Err(err).Str("cluster", c.spec.ID).Msg("the API server did not answer")
			edge.WriteJSON(w, http.StatusBadGateway, map[string]string{"error_code": "APIGW.0202", "error_msg": "Backend unavailable"})
		},
	}
	proxy.ServeHTTP(&record, r)
	entry.Status = record.status
	s.trace(r, body, caller, entry)
	if spoiled && fault.After && g.Faults.Strike(r, entry, fault) {
		entry.Status = fault.Status
		fault.Refusal().Write(w)
	}
	g.Journal.Add(entry)
}

// passing notes the status on its way, or keeps an answer back that a fault will replace.
type passing struct {
	http.ResponseWriter
	status int
	hide   bool
	dummy  http.Header
}

// Header keeps a hidden answer's headers apart.
func (h *passing) Header() http.Header {
	if !h.hide {
		return h.ResponseWriter.Header()
	}
	if h.dummy == nil {
		h.dummy = http.Header{}
	}
	return h.dummy
}

// WriteHeader notes the status.
func (h *passing) WriteHeader(code int) {
	h.status = code
	if !h.hide {
		h.ResponseWriter.WriteHeader(code)
	}
}

// Write passes the body on.
func (h *passing) Write(p []byte) (int, error) {
	if h.status == 0 {
		h.status = http.StatusOK
	}
	if h.hide {
		return len(p), nil
	}
	return h.ResponseWriter.Write(p)
}

// Unwrap lets the proxy flush.
func (h *passing) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// impersonate replaces whatever the caller said of itself with what the cloud knows of it.
func impersonate(h http.Header, caller edge.Caller) {
	for name := range h {
		low := strings.ToLower(name)
		if low == "authorization" || strings.HasPrefix(low, "x-sdk-") || strings.HasPrefix(low, "impersonate-") ||
			low == "x-security-token" || low == "x-auth-token" || low == "x-project-id" || low == "x-forwarded-for" {
			h.Del(name)
		}
	}
	h.Set("Impersonate-User", caller.Kubernetes.User)
	for _, g := range caller.Kubernetes.Groups {
		h.Add("Impersonate-Group", g)
	}
}

// trace records a successful write in CTS under the names CCE uses: updateDeployments, createPods ...
func (s *Service) trace(r *http.Request, body []byte, caller edge.Caller, e edge.Entry) {
	verb := map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "update", http.MethodDelete: "delete"}[r.Method]
	record := s.opt.Gate.Record
	if verb == "" || record == nil || e.Status >= http.StatusBadRequest || r.URL.Query().Has("dryRun") {
		return
	}
	kind, name := resourceOf(r.URL.Path)
	if kind == "" || kind == "leases" || kind == "events" {
		return
	}
	record(edge.Traced{
		Trace: edge.Trace{Service: "CCE", Resource: kind, Name: verb + strings.ToUpper(kind[:1]) + kind[1:]}, ResourceID: name,
		Caller: caller, Request: body, Status: e.Status, RequestID: e.RequestID, SourceIP: r.RemoteAddr, At: e.At,
	})
}

// resourceOf finds the resource and name in /api/v1/namespaces/x/pods/y and /apis/g/v/namespaces/x/deployments/y.
func resourceOf(path string) (kind, name string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	skip := 2
	if len(parts) > 0 && parts[0] == "apis" {
		skip = 3
	}
	if len(parts) <= skip {
		return "", ""
	}
	parts = parts[skip:]
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	if len(parts) > 1 {
		name = parts[1]
	}
	return parts[0], name
}
