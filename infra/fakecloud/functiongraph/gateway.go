package functiongraph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// MaxGatewayBody is the request limit of a dedicated gateway trigger.
const MaxGatewayBody = 4 << 20

// Backend is how an API of the gateway reaches a function.
type Backend struct {
	Function string // URN or name
	APIID    string
	Stage    string
	Timeout  time.Duration // default 5 s, at most 60 s
	Async    bool
}

// apiEvent is the envelope of the gateway.
type apiEvent struct {
	Body           string            `json:"body"`
	RequestContext requestContext    `json:"requestContext"`
	Query          map[string]string `json:"queryStringParameters"`
	Method         string            `json:"httpMethod"`
	PathParameters map[string]string `json:"pathParameters"`
	Headers        map[string]string `json:"headers"`
	Path           string            `json:"path"`
	Base64         bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	APIID     string `json:"apiId"`
	RequestID string `json:"requestId"`
	Stage     string `json:"stage"`
	SourceIP  string `json:"sourceIp"`
}

// apiAnswer is what a function must give back. Pointers tell a missing field from an empty one.
type apiAnswer struct {
	Base64  bool              `json:"isBase64Encoded"`
	Status  *int              `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// ServeHTTP is the dedicated gateway: it routes by the path and method of DEDICATEDGATEWAY triggers.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	backend, ok := p.route(r)
	if !ok {
		gatewayError(w, http.StatusNotFound, "APIG.0101", "The API does not exist or has not been published in the environment")
		return
	}
	p.Forward(w, r, backend)
}

// Routes reports whether a gateway trigger takes this request.
func (p *Platform) Routes(r *http.Request) bool {
	_, ok := p.route(r)
	return ok
}

func (p *Platform) route(r *http.Request) (Backend, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best Backend
	length := -1
	for _, f := range p.functions {
		for _, t := range f.triggers {
			if t.Type != TriggerGateway || len(t.text("path")) <= length || !t.serves(r) {
				continue
			}
			best, length = t.backend(f.urn), len(t.text("path"))
		}
	}
	return best, length >= 0
}

func (t *Trigger) serves(r *http.Request) bool {
	if m := t.text("req_method"); m != "" && m != "ANY" && m != r.Method {
		return false
	}
	path := t.text("path")
	if t.text("match_mode") == "NORMAL" {
		return r.URL.Path == path
	}
	return r.URL.Path == path || strings.HasPrefix(r.URL.Path, strings.TrimSuffix(path, "/")+"/")
}

func (t *Trigger) backend(urn string) Backend {
	b := Backend{Function: urn, APIID: t.text("api_id"), Stage: "RELEASE", Timeout: 5 * time.Second}
	if s := t.text("env_name"); s != "" {
		b.Stage = s
	}
	info, _ := t.EventData["func_info"].(map[string]any)
	if ms, ok := info["timeout"].(float64); ok && ms > 0 {
		b.Timeout = time.Duration(ms) * time.Millisecond
	}
	if kind, ok := info["invocation_type"].(string); ok {
		b.Async = kind == "async"
	}
	return b
}

// Forward sends an HTTP request to a function in the gateway's envelope and checks the answer's form.
func (p *Platform) Forward(w http.ResponseWriter, r *http.Request, b Backend) {
	id := edge.NewID()
	w.Header().Set("X-Request-Id", id)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxGatewayBody))
	if err != nil {
		gatewayError(w, http.StatusRequestEntityTooLarge, "APIG.0201", "Request entity too large")
		return
	}
	event, err := json.Marshal(envelope(r, body, id, b))
	if err != nil {
		gatewayError(w, http.StatusInternalServerError, "APIG.0201", "An unexpected error occurred")
		return
	}
	if b.Async {
		if _, err := p.InvokeAsync(b.Function, event, "gateway"); err != nil {
			gatewayFailure(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	timeout := min(b.Timeout, time.Minute)
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	result, err := p.Invoke(ctx, b.Function, event, "gateway")
	if err != nil {
		gatewayFailure(w, err)
		return
	}
	writeAnswer(w, result)
}

func envelope(r *http.Request, body []byte, id string, b Backend) apiEvent {
	e := apiEvent{
		Body:           base64.StdEncoding.EncodeToString(body),
		RequestContext: requestContext{APIID: b.APIID, RequestID: id, Stage: b.Stage, SourceIP: sourceIP(r)},
		Query:          map[string]string{},
		Method:         r.Method,
		PathParameters: map[string]string{},
		Headers:        map[string]string{"host": r.Host},
		Path:           r.URL.Path,
		Base64:         true,
	}
	for k, v := range r.URL.Query() {
		e.Query[k] = strings.Join(v, ",")
	}
	for k, v := range r.Header {
		e.Headers[strings.ToLower(k)] = strings.Join(v, ",")
	}
	return e
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// writeAnswer turns the function's envelope into HTTP; anything else than an envelope with a status is the gateway's 500.
func writeAnswer(w http.ResponseWriter, result Result) {
	w.Header().Set("X-Cff-Request-Id", result.RequestID)
	if result.Status == StatusDiscard {
		gatewayError(w, http.StatusTooManyRequests, codeOverLimit, result.Message)
		return
	}
	if result.Status != StatusSuccess {
		w.Header().Set("X-Is-Func-Err", "true")
		w.Header().Set("X-Func-Err-Code", result.Code)
		gatewayError(w, http.StatusInternalServerError, result.Code, result.Message)
		return
	}
	var a apiAnswer
	if err := json.Unmarshal(result.Body, &a); err != nil || a.Status == nil || *a.Status < 100 || *a.Status > 599 {
		gatewayError(w, http.StatusInternalServerError, "APIG.0201", "The function's answer is not a gateway response")
		return
	}
	body := []byte(a.Body)
	if a.Base64 {
		decoded, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			gatewayError(w, http.StatusInternalServerError, "APIG.0201", "The function's answer is not base64 as it claims")
			return
		}
		body = decoded
	}
	for k, v := range a.Headers {
		w.Header().Set(k, v)
	}
	w.WriteHeader(*a.Status)
	_, _ = w.Write(body) // the client went away: nothing is left to tell it
}

func gatewayFailure(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		gatewayError(w, http.StatusGatewayTimeout, "APIG.0201", "Backend timeout.")
	case errors.Is(err, ErrNoFunction):
		gatewayError(w, http.StatusNotFound, "APIG.0103", "The backend does not exist")
	case errors.Is(err, ErrTooLarge):
		gatewayError(w, http.StatusRequestEntityTooLarge, "APIG.0201", "Request entity too large")
	default:
		gatewayError(w, http.StatusBadGateway, "APIG.0202", "Backend unavailable")
	}
}

func gatewayError(w http.ResponseWriter, status int, code, message string) {
	edge.WriteJSON(w, status, map[string]string{"error_code": code, "error_msg": message, "request_id": w.Header().Get("X-Request-Id")})
}
