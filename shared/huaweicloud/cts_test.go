package huaweicloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/redact"
)

const otherCluster = "99999999-1111-2222-3333-444455556666"

// traceJSON is a CTS record with what differs from the usual.
func traceJSON(t *testing.T, id string, with map[string]any) string {
	t.Helper()
	record := map[string]any{
		"trace_id": id, "trace_name": "updateDeployments", "time": testNow.UnixMilli(), "code": "200", "resource_name": "web", "resource_type": "deployment",
		"user": map[string]any{"name": "alice"}, "service_type": "CCE", "trace_rating": "normal",
	}
	for k, v := range with {
		record[k] = v
	}
	b, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func since(t *testing.T, traces ...string) []observe.Change {
	t.Helper()
	c := newCloud(t, replies(reply{body: `{"traces":[` + strings.Join(traces, ",") + `],"meta_data":{"count":1,"marker":null}}`}))
	cts := &CTS{Session: c.session(), Cluster: incident.Cluster{ID: testCluster}, OwnPrincipals: []string{"oncall-write", "0123456789abcdef0123456789abcdef"}}
	got, err := cts.Since(t.Context(), testNow.Add(-time.Hour), testNow)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTraces(t *testing.T) {
	target := func(kind, namespace, name string) incident.Target {
		return incident.Target{Cluster: testCluster, Kind: kind, Namespace: namespace, Name: name}
	}
	secretive := `{"metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"app","image":"repo/app:v2","env":[{"name":"PASSWORD","value":"hunter22secret"}]}]}}},"data":{"k":"` + testSK + `"}}`
	for _, tc := range []struct {
		name string
		with map[string]any
		want observe.Change
	}{
		{"a rollout", map[string]any{"request": secretive, "response": secretive}, observe.Change{Actor: "alice", Verb: "update", Target: target("Deployment", "shop", "web"), After: "replicas=3, app image=repo/app:v2"}},
		{"a body in a body", map[string]any{"request": strconv.Quote(secretive)}, observe.Change{Actor: "alice", Verb: "update", Target: target("Deployment", "shop", "web"), After: "replicas=3, app image=repo/app:v2"}},
		{"a body cut off", map[string]any{"request": secretive[:60], "resource_url": "/clusters/" + testCluster + "/namespaces/shop/deployments/web"}, observe.Change{Actor: "alice", Verb: "update", Target: target("Deployment", "shop", "web")}},
		{"a secret", map[string]any{"trace_name": "createSecrets", "request": `{"metadata":{"name":"db","namespace":"shop"},"data":{"password":"` + testSK + `"}}`}, observe.Change{Actor: "alice", Verb: "create", Target: target("Secret", "shop", "db")}},
		{"a node pool", map[string]any{"trace_name": "scaleNodePool", "resource_type": "nodepool", "resource_name": "workers", "request": `{"spec":{"desiredNodeCount":0}}`}, observe.Change{Actor: "alice", Verb: "scale", Target: target("NodePool", "", "workers"), After: "nodes=0"}},
		{"autoscaling bounds", map[string]any{"trace_name": "updateNodePool", "resource_name": "workers", "request": `{"spec":{"initialNodeCount":2,"autoscaling":{"enable":true,"minNodeCount":1,"maxNodeCount":4}}}`}, observe.Change{Actor: "alice", Verb: "update", Target: target("NodePool", "", "workers"), After: "nodes=2, autoscaling=true, minNodes=1, maxNodes=4"}},
		{"words that do not say it", map[string]any{"trace_name": "claimNodePool", "resource_name": "workers"}, observe.Change{Actor: "alice", Verb: "delete", Target: target("NodePool", "", "workers")}},
		{"an upper-case verb", map[string]any{"trace_name": "SyncNodePool", "resource_name": "workers"}, observe.Change{Actor: "alice", Verb: "sync", Target: target("NodePool", "", "workers")}},
		{"an add-on", map[string]any{"trace_name": "updateAddonInstance", "resource_name": "coredns", "request": `{"spec":{"version":"1.30.6"}}`}, observe.Change{Actor: "alice", Verb: "update", Target: target("AddonInstance", "", "coredns"), After: "version=1.30.6"}},
		{"nothing that is known", map[string]any{"trace_name": "frobnicate", "resource_type": "thing", "resource_name": "", "resource_id": "id-1"}, observe.Change{Actor: "alice", Verb: "frobnicate", Target: target("thing", "", "id-1")}},
		{"numbers as text", map[string]any{"time": strconv.FormatInt(testNow.UnixMilli(), 10), "code": 200}, observe.Change{Actor: "alice", Verb: "update", Target: target("Deployment", "", "web")}},
		{"an agency", map[string]any{"user": map[string]any{"principal_urn": "sts::1234:assumed-agency:ci/session"}}, observe.Change{Actor: "ci/session", Verb: "update", Target: target("Deployment", "", "web")}},
		{"secrets in names", map[string]any{"resource_name": "sk=" + testSK, "user": map[string]any{"name": testAK}}, observe.Change{Actor: "[redacted]", Verb: "update", Target: target("Deployment", "", "sk=[redacted]")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.At, tc.want.Source = testNow, "cts"
			got := since(t, traceJSON(t, "1", tc.with))
			if d := cmp.Diff([]observe.Change{tc.want}, got); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			text := fmt.Sprint(got)
			silent(t, text)
			if strings.Contains(text, "hunter22secret") {
				t.Errorf("%s shows a value", text)
			}
		})
	}
}

func TestTracesLeftOut(t *testing.T) {
	for name, with := range map[string]map[string]any{
		"a failed call":              {"code": "403"},
		"a reading":                  {"read_only": true},
		"a reading by name":          {"trace_name": "showCluster"},
		"no name":                    {"trace_name": ""},
		"our agency":                 {"user": map[string]any{"name": "oncall-write/execute-1"}},
		"our agency by URN":          {"user": map[string]any{"name": "session", "principal_urn": "sts::1234:assumed-agency:oncall-write/s"}},
		"our agency by id":           {"user": map[string]any{"principal_id": "0123456789abcdef0123456789abcdef:session"}},
		"another cluster by body":    {"request": `{"cluster_id":"` + otherCluster + `"}`},
		"another cluster by address": {"resource_url": "/api/v3/projects/p/clusters/" + otherCluster + "/nodepools/x"},
		"another cluster itself":     {"resource_type": "cluster", "resource_id": otherCluster, "trace_name": "clusterUpgrade"},
	} {
		if got := since(t, traceJSON(t, "1", with)); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, with := range map[string]map[string]any{
		"a name that begins like ours": {"user": map[string]any{"name": "oncall-write-too"}},
		"our cluster among others":     {"request": `{"cluster_id":"` + otherCluster + `"}`, "resource_url": "/clusters/" + testCluster + "/x"},
		"our cluster itself":           {"resource_type": "cluster", "resource_id": testCluster, "trace_name": "clusterUpgrade"},
	} {
		if got := since(t, traceJSON(t, "1", with)); len(got) != 1 {
			t.Errorf("%s was left out", name)
		}
	}
}

func TestTracesPage(t *testing.T) {
	c := newCloud(t, func(_ int, r *http.Request, _ []byte) reply {
		switch r.URL.Query().Get("next") {
		case "":
			return reply{body: `{"traces":[` + traceJSON(t, "3", map[string]any{"time": 3000}) + `,` + traceJSON(t, "2", map[string]any{"time": 2000}) + `],"meta_data":{"marker":"2"}}`}
		case "2":
			return reply{body: `{"traces":[` + traceJSON(t, "2", map[string]any{"time": 2000}) + `,` + traceJSON(t, "1", map[string]any{"time": 1000}) + `],"meta_data":{"marker":"1"}}`}
		}
		return reply{body: `{"traces":[],"meta_data":{"marker":""}}`}
	})
	from := testNow.Add(-30 * 24 * time.Hour) // longer ago than CTS remembers
	got, err := (&CTS{Session: c.session()}).Since(t.Context(), from, testNow)
	if err != nil {
		t.Fatal(err)
	}
	var at []int64
	for _, g := range got {
		at = append(at, g.At.UnixMilli())
	}
	if d := cmp.Diff([]int64{1000, 2000, 3000}, at); d != "" {
		t.Errorf("times (-want +got):\n%s", d)
	}
	want := fmt.Sprintf("from=%d&limit=200&service_type=CCE&to=%d&trace_type=system", testNow.Add(-7*24*time.Hour).UnixMilli(), testNow.UnixMilli())
	if r := c.requests()[0]; r.method != http.MethodGet || r.path != "/v3/"+testProject+"/traces" || r.query != want {
		t.Errorf("request %s %s?%s", r.method, r.path, r.query)
	}
}

func TestTracesWithoutEnd(t *testing.T) {
	c := newCloud(t, func(n int, _ *http.Request, _ []byte) reply {
		return reply{body: fmt.Sprintf(`{"traces":[%s],"meta_data":{"marker":"m%d"}}`, traceJSON(t, strconv.Itoa(n), nil), n)}
	})
	got, err := (&CTS{Session: c.session()}).Since(t.Context(), testNow.Add(-time.Hour), testNow)
	if !errors.Is(err, Invalid) || len(got) != tracePages {
		t.Errorf("%d changes, error %v", len(got), err)
	}
}

func TestTracesOfNoTime(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	cts := &CTS{Session: c.session()}
	for _, from := range []time.Time{testNow, testNow.Add(time.Second)} {
		if _, err := cts.Since(t.Context(), from, testNow); !errors.Is(err, Invalid) {
			t.Errorf("error %v", err)
		}
	}
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(`{"trace_name":"updateDeployments","request":"{\"spec\":{\"replicas\":3}}","user":{"name":"a"}}`)
	f.Add(`{"trace_name":"Ä","time":"x","user":{"principal_urn":":"},"request":"\"\""}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var x trace
		if json.Unmarshal([]byte(raw), &x) != nil {
			return
		}
		got := x.change(testCluster, redact.New(testSK))
		for name, part := range map[string]string{"actor": got.Actor, "verb": got.Verb, "after": got.After, "kind": got.Target.Kind, "namespace": got.Target.Namespace, "name": got.Target.Name} {
			if utf8.RuneCountInString(part) > maxAfter || strings.ContainsFunc(part, unicode.IsControl) {
				t.Errorf("%s %q is too long or no line", name, part)
			}
		}
	})
}
