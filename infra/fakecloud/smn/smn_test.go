package smn_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/smn"
)

type functions struct {
	mu     sync.Mutex
	events []string
}

func (f *functions) InvokeAsync(ref string, payload []byte, source string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var e struct {
		Record, Records []struct{ SMN struct{ Message string } }
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return "", err
	}
	key, list := "record", e.Record
	if len(e.Records) > 0 {
		key, list = "records", e.Records
	}
	f.events = append(f.events, fmt.Sprint(ref, " ", source, " ", key, " ", list[0].SMN.Message))
	return "id", nil
}

type anyone struct{}

func (anyone) Authenticate(*http.Request, []byte, time.Time) (edge.Caller, error) {
	return edge.Caller{Name: "test"}, nil
}
func (anyone) Allowed(edge.Caller, string) bool { return true }

// service is SMN behind a server, so that its URLs lead somewhere.
func service(t *testing.T) (*smn.Service, *functions) {
	t.Helper()
	f := &functions{}
	var base string
	s, err := smn.New(smn.Options{Region: "r", Project: "p", Clock: time.Now, Functions: f, Base: func() string { return base }})
	if err != nil {
		t.Fatal(err)
	}
	gate := &edge.Gate{Identities: anyone{}, Project: "p", Clock: time.Now, Faults: &edge.Faults{}, Journal: &edge.Journal{}, Limits: &edge.Limits{}}
	mux := http.NewServeMux()
	gate.Mount(mux, s.Service())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	base = server.URL
	return s, f
}

func topic(t *testing.T, s *smn.Service, services ...string) string {
	t.Helper()
	urn, err := s.CreateTopic("alarms", "", services...)
	if err != nil {
		t.Fatal(err)
	}
	return urn
}

func subscribe(t *testing.T, s *smn.Service, urn, protocol, endpoint string) string {
	t.Helper()
	sub, err := s.Subscribe(urn, protocol, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func TestDeliveryGoesWrongAsAsked(t *testing.T) {
	tests := []struct {
		name    string
		trouble smn.Unreliable
		want    []string
	}{
		{"reliable", smn.Unreliable{}, []string{"1", "2"}},
		{"one lost", smn.Unreliable{Drop: 1}, []string{"2"}},
		{"one repeated", smn.Unreliable{Topic: "alarms", Duplicate: 1}, []string{"1", "1", "2"}},
		{"another topic's trouble", smn.Unreliable{Topic: "other", Drop: 9}, []string{"1", "2"}},
		{"late", smn.Unreliable{DelayMS: 20}, []string{"1", "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, f := service(t)
			urn := topic(t, s)
			subscribe(t, s, urn, "functionstage", "urn:fn")
			s.Misbehave(tt.trouble)
			for _, m := range []string{"1", "2"} {
				if err := s.Publish(t.Context(), urn, "subject", m); err != nil {
					t.Fatal(err)
				}
				s.WaitDelivered()
			}
			var want []string
			for _, m := range tt.want {
				want = append(want, "urn:fn smn record "+m)
			}
			if diff := cmp.Diff(want, f.events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if got := len(s.Messages("alarms")); got != 2 {
				t.Errorf("%d messages kept, want 2", got)
			}
		})
	}
}

func TestWorkflowEnvelope(t *testing.T) {
	s, f := service(t)
	urn := topic(t, s)
	subscribe(t, s, urn, "functiongraph", "urn:fn")
	if err := s.Publish(t.Context(), urn, "", "m"); err != nil {
		t.Fatal(err)
	}
	s.WaitDelivered()
	if diff := cmp.Diff([]string{"urn:fn smn records m"}, f.events); diff != "" {
		t.Error(diff)
	}
}

func TestAccessPolicy(t *testing.T) {
	s, f := service(t)
	urn := topic(t, s, "APM")
	subscribe(t, s, urn, "functionstage", "urn:fn")
	texts := map[string]string{"default": "general", "functionstage": "special"}
	if err := s.PublishAs(t.Context(), "apm", urn, "s", texts); err != nil {
		t.Errorf("an allowed service: %v", err)
	}
	if err := s.PublishAs(t.Context(), "obs", urn, "s", texts); !errors.Is(err, smn.ErrPolicy) {
		t.Errorf("another service: %v, want a refusal", err)
	}
	s.WaitDelivered()
	if diff := cmp.Diff([]string{"urn:fn smn record special"}, f.events); diff != "" {
		t.Error(diff)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	s, _ := service(t)
	if _, err := s.Subscribe("urn:none", "functionstage", "x"); !errors.Is(err, smn.ErrNoTopic) {
		t.Errorf("unknown topic: %v", err)
	}
	if _, err := s.Subscribe(topic(t, s), "pigeon", "x"); !errors.Is(err, smn.ErrSetting) {
		t.Errorf("unknown protocol: %v", err)
	}
}

// TestHTTPSubscriber plays an endpoint that does what the documents ask: check the signature, confirm, then receive.
func TestHTTPSubscriber(t *testing.T) {
	s, _ := service(t)
	type push struct {
		kind, text string
		err        error
	}
	got := make(chan push, 10)
	failures := 2
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var body map[string]string
		if err := json.Unmarshal(raw, &body); err != nil {
			got <- push{err: err}
			return
		}
		if body["type"] == "Notification" && failures > 0 {
			failures--
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		err := checkSignature(r.Context(), body)
		if body["type"] == "SubscriptionConfirmation" && err == nil {
			resp, confirmErr := http.Get(body["subscribe_url"])
			if confirmErr == nil {
				resp.Body.Close()
			}
			err = confirmErr
		}
		got <- push{r.Header.Get("X-SMN-MESSAGE-TYPE"), body["message"], err}
	}))
	defer endpoint.Close()
	urn := topic(t, s)
	subscribe(t, s, urn, "http", endpoint.URL)
	if p := <-got; p.kind != "SubscriptionConfirmation" || p.err != nil {
		t.Fatalf("first push = %+v", p)
	}
	s.WaitDelivered()
	if subs := s.Subscriptions(urn); !subs[0].Confirmed {
		t.Fatal("not confirmed")
	}
	if err := s.Publish(t.Context(), urn, "subject", "text\nwith a line"); err != nil {
		t.Fatal(err)
	}
	if p := <-got; p.kind != "Notification" || p.text != "text\nwith a line" || p.err != nil {
		t.Errorf("push after two failures = %+v", p)
	}
	s.WaitDelivered()
}

func checkSignature(ctx context.Context, body map[string]string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, body["signing_cert_url"], nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return fmt.Errorf("no certificate at %s", body["signing_cert_url"])
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, k := range []string{"message", "message_id", "subject", "subscribe_url", "timestamp", "topic_urn", "type"} {
		if v, ok := body[k]; ok {
			b.WriteString(k + "\n" + v + "\n")
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	signature, err := base64.StdEncoding.DecodeString(body["signature"])
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature)
}
