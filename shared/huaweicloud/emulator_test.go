package huaweicloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/aom"
	fakecce "cce-oncall/infra/fakecloud/cce"
	fakects "cce-oncall/infra/fakecloud/cts"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// emulated is the emulated cloud, which shares no code with this package, and a session of one of its agencies.
type emulated struct {
	*fakecloud.Cloud
	session *Session
	cluster string
}

// emulate starts the cloud with one cluster and an agency that may do what it is given.
func emulate(t *testing.T, agency string, actions ...string) *emulated {
	t.Helper()
	cloud, err := fakecloud.New(fakecloud.Options{Clock: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(func() {
		server.Close()
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	cloud.SetBase(server.URL)
	cloud.IAM.AddAgency(agency, edge.Kubernetes{}, actions...)
	key, err := cloud.IAM.Issue(agency, testNow, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	addr := server.Listener.Addr().String()
	// All hosts are the one server, as the emulator wants it: names of services, buckets and clusters stay in the Host header.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	endpoints := map[string]string{}
	for _, s := range []string{AOMService, CCEService, CSMSService, CTSService, LTSService, OBSService, SMNService} {
		endpoints[s] = "http://" + s + ".cn-north-4.myhuaweicloud.com"
	}
	endpoints[CCEService] = server.URL // {id}.cce. is a gateway's name
	session := &Session{
		Region: cloud.Region, Project: cloud.Project, Transport: transport, Endpoints: endpoints,
		Credentials: func(context.Context) (Credentials, error) {
			return Credentials{AK: key.AccessKey, SK: key.SecretKey, Token: key.SecurityToken}, nil
		},
		Now:  func() time.Time { return testNow },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if err := session.Validate(); err != nil {
		t.Fatal(err)
	}
	e := &emulated{Cloud: cloud, session: session}
	e.cluster = cloud.CCE.AddCluster(fakecce.ClusterSpec{Name: "demo", Version: "v1.33", Flavor: "cce.s2.small"})
	return e
}

func TestEmulatedAlarms(t *testing.T) {
	e := emulate(t, "oncall-read", "aom:alarm:list", "aom:alarm:put", "aom:alarmRule:list", "aom:muteRule:list")
	a := &AOM{Session: e.session, Cluster: incident.Cluster{ID: e.cluster, Name: "demo"}}
	id := e.AOM.RaiseEvent(t.Context(), aom.KubernetesEvent{Cluster: e.cluster, ClusterName: "demo", Kind: "Pod", Namespace: "default", Name: "web-1", Reason: "FailedScheduling", Message: "0/2 nodes are available"})
	if err := e.AOM.SetRule([]byte(`{"alarm_rule_name":"container CPU","alarm_rule_enable":true,"alarm_rule_type":"metric","metric_alarm_spec":{"monitor_type":"promql","trigger_conditions":[{"metric_query_mode":"NATIVE_PROM","promql":"up > 80","promql_for":"1m","trigger_times":"3","trigger_interval":"15s","operator":">","thresholds":{"Critical":"80"}}]}}`)); err != nil {
		t.Fatal(err)
	}
	active, err := a.Alarms(t.Context(), true, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(active) != 1 || active[0].ID != id || active[0].Name != "FailedScheduling" || active[0].Cluster != e.cluster || active[0].Object.Name != "web-1" || active[0].Object.Namespace != "default" {
		t.Errorf("active %+v", active)
	}
	e.AOM.Clear(id)
	history, err := a.Alarms(t.Context(), false, time.Hour)
	if err != nil || len(history) != 1 || history[0].Active() {
		t.Errorf("history %+v, error %v", history, err)
	}
	rule, err := a.Rule(t.Context(), "container CPU")
	if err != nil || rule.Period != 15*time.Second || rule.For != time.Minute || rule.Threshold != "80" {
		t.Errorf("rule %+v, error %v", rule, err)
	}
	if _, err := a.Silences(t.Context()); err != nil {
		t.Errorf("silences: %v", err)
	}

	raised := alarm.Alarm{Name: "ServiceNoBackend", Severity: alarm.Major, Provider: "inspect", Cluster: e.cluster, ClusterName: "demo", Object: alarm.Object{Kind: "Service", Namespace: "default", Name: "web"}, FiredAt: testNow}
	if err := a.Raise(t.Context(), []alarm.Alarm{raised}); err != nil {
		t.Fatal(err)
	}
	active, err = a.Alarms(t.Context(), true, time.Hour)
	if err != nil || len(active) != 1 || active[0].Object != raised.Object {
		t.Fatalf("active %+v, error %v", active, err)
	}
	active[0].ClearedAt = testNow
	if err := a.Raise(t.Context(), active); err != nil {
		t.Fatal(err)
	}
	if active, err = a.Alarms(t.Context(), true, time.Hour); err != nil || len(active) != 0 {
		t.Errorf("active after it was cleared %+v, error %v", active, err)
	}
}

func TestEmulatedMetrics(t *testing.T) {
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("query") != `sum(up) by (pod)` {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"parse error"}`)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"pod":"a"},"values":[[1763795000,"1"]]}]}}`)
	}))
	defer prometheus.Close()
	e := emulate(t, "oncall-read", "aom:metric:list", "cce:addonInstance:list", "cce:addonInstance:get")
	e.AOM.SetInstance(aom.Instance{ID: "prom-1", Type: "CCE", URL: prometheus.URL})
	a := &AOM{Session: e.session, Instance: "prom-1"}
	got, err := a.Range(t.Context(), `sum(up) by (pod)`, testNow.Add(-time.Hour), testNow, time.Minute)
	if err != nil || len(got) != 1 || len(got[0].Points) != 1 {
		t.Errorf("series %v, error %v", got, err)
	}
	if _, err := a.Instant(t.Context(), `sum(`, testNow); !errors.Is(err, Invalid) || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("a wrong expression: %v", err)
	}
	a.Instance = "no such"
	if _, err := a.Instant(t.Context(), `up`, testNow); !errors.Is(err, NotFound) {
		t.Errorf("no instance: %v", err)
	}
}

func TestEmulatedNodePool(t *testing.T) {
	e := emulate(t, "oncall-write", "cce:nodepool:scale", "cce:nodepool:get", "cce:nodepool:getNodepool", "cce:nodepool:list", "cce:node:list", "cce:node:get", "cce:node:getNode", "cce:node:delete", "cce:cluster:get", "cce:cluster:getCluster")
	poolID, err := e.CCE.AddPool(e.cluster, fakecce.PoolSpec{Name: "workers", Flavor: "c7.large.2", Nodes: []string{"n1", "n2"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &CCE{Session: e.session, Cluster: e.cluster}
	target := func(want int) {
		t.Helper()
		if p, err := c.Pool(t.Context(), poolID); err != nil || p.Desired != want {
			t.Errorf("target %d, want %d, error %v", p.Desired, want, err)
		}
	}
	target(2)
	if err := c.Resize(t.Context(), poolID, 0); !errors.Is(err, Invalid) {
		t.Errorf("to none: %v", err)
	}
	if err := c.Resize(t.Context(), poolID, 1); !errors.Is(err, Conflict) {
		t.Errorf("to fewer: %v", err)
	}
	target(2)

	e.Faults.Add(edge.Fault{Action: "cce:nodepool:scale", Times: 1, Drop: true, After: true}) // it happens, and nobody hears of it
	if err := c.Resize(t.Context(), poolID, 3); err != nil {
		t.Errorf("lost answer: %v", err)
	}
	target(3)
	e.Faults.Add(edge.Fault{Action: "cce:nodepool:scale", Times: 1, Drop: true})
	e.Faults.Add(edge.Fault{Action: "cce:nodepool:scale", Times: 1, Status: 429, Code: "APIG.0308", RetryAfter: "1.5"})
	if err := c.Resize(t.Context(), poolID, 4); err != nil {
		t.Errorf("lost, then throttled: %v", err)
	}
	target(4)
	if err := c.scale(t.Context(), poolID, 4); !nothingToScale(err) {
		t.Errorf("the same target again: %v", err)
	}
	for _, dialect := range []string{"snake", "camel", "snakeLong"} {
		e.Faults.Add(edge.Fault{Action: "cce:nodepool:scale", Times: 1, Status: 400, Code: "CCE.01400008", Message: "Insufficient ECS quota", Dialect: dialect})
		if err := c.Resize(t.Context(), poolID, 5); !errors.Is(err, Exhausted) || !strings.Contains(err.Error(), "Insufficient ECS quota") {
			t.Errorf("%s: %v", dialect, err)
		}
	}
	if _, err := c.Pool(t.Context(), "no-such-pool"); !errors.Is(err, NotFound) {
		t.Errorf("no such pool: %v", err)
	}
	pools, err := c.Pools(t.Context())
	if err != nil || len(pools) != 1 || pools[0].Name != "workers" || pools[0].Flavor != "c7.large.2" {
		t.Errorf("pools %+v, error %v", pools, err)
	}
	nodes, err := c.Nodes(t.Context())
	if err != nil || len(nodes) < 2 {
		t.Fatalf("nodes %+v, error %v", nodes, err)
	}
	node, err := c.NodeOf(t.Context(), "", "n1")
	if err != nil || node.PoolName != "workers" {
		t.Errorf("node %+v, error %v", node, err)
	}
	e.Faults.Add(edge.Fault{Action: "cce:node:delete", Times: 1, Drop: true, After: true})
	if err := c.DeleteNode(t.Context(), node.ID, true); err != nil {
		t.Errorf("delete: %v", err)
	}
	status, err := c.Status(t.Context())
	if err != nil || status.Phase != "Available" || status.Name != "demo" {
		t.Errorf("status %+v, error %v", status, err)
	}
}

func TestEmulatedRefusals(t *testing.T) {
	e := emulate(t, "nobody")
	c := &CCE{Session: e.session, Cluster: e.cluster}
	if _, err := c.Pools(t.Context()); !errors.Is(err, Denied) {
		t.Errorf("no right: %v", err)
	}
	good := e.session.Credentials
	e.session.Credentials = func(ctx context.Context) (Credentials, error) {
		c, err := good(ctx)
		c.SK += "x"
		return c, err
	}
	_, err := c.Pools(t.Context())
	if !errors.Is(err, Denied) {
		t.Errorf("wrong key: %v", err)
	}
	used, _ := good(t.Context())
	for _, secret := range []string{used.AK, used.SK, used.Token, e.Project} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v shows %q", err, secret)
		}
	}
	e.session.Credentials = good
	e.session.Now = func() time.Time { return testNow.Add(time.Hour) }
	if _, err := c.Pools(t.Context()); !errors.Is(err, Denied) {
		t.Errorf("wrong clock: %v", err)
	}
}

func TestEmulatedAddons(t *testing.T) {
	e := emulate(t, "oncall-read", "cce:addonInstance:list", "cce:addonInstance:get")
	c := &CCE{Session: e.session, Cluster: e.cluster}
	if _, err := c.PromInstance(t.Context()); !errors.Is(err, NotFound) {
		t.Errorf("no add-on: %v", err)
	}
	if err := e.CCE.AddAddon(e.cluster, fakecce.Addon{Name: "cie-collector", Version: "3.10.1", Custom: map[string]any{"aom_instance_id": "prom-1"}}); err != nil {
		t.Fatal(err)
	}
	if id, err := c.PromInstance(t.Context()); err != nil || id != "prom-1" {
		t.Errorf("instance %q, error %v", id, err)
	}
}

func TestEmulatedTraces(t *testing.T) {
	e := emulate(t, "oncall-write", "cts:trace:list", "cce:nodepool:scale", "cce:nodepool:get", "cce:nodepool:getNodepool")
	poolID, err := e.CCE.AddPool(e.cluster, fakecce.PoolSpec{Name: "workers", Nodes: []string{"n1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := (&CCE{Session: e.session, Cluster: e.cluster}).Resize(t.Context(), poolID, 2); err != nil {
		t.Fatal(err)
	}
	for i := range 450 { // three pages
		e.CTS.Push(fakects.Trace{
			Service: "CCE", Name: "updateDeployments", ResourceType: "deployment", ResourceName: fmt.Sprintf("web-%03d", i), Code: "200", User: fakects.User{Name: "alice"},
			Time: testNow.Add(-time.Duration(i+1) * time.Second).UnixMilli(), Request: `{"metadata":{"namespace":"shop"},"spec":{"replicas":3}}`,
		})
	}
	changes, err := (&CTS{Session: e.session, Cluster: incident.Cluster{ID: e.cluster}, OwnPrincipals: []string{"oncall-write"}}).Since(t.Context(), testNow.Add(-time.Hour), testNow.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 450 {
		t.Fatalf("%d changes, want 450: our own scaling is none", len(changes))
	}
	first := changes[0]
	if first.Target.Name != "web-449" || first.Target.Namespace != "shop" || first.Target.Kind != "Deployment" || first.After != "replicas=3" || first.Actor != "alice" {
		t.Errorf("oldest change %+v", first)
	}
	all, err := (&CTS{Session: e.session}).Since(t.Context(), testNow.Add(-time.Hour), testNow.Add(time.Minute))
	if err != nil || len(all) != 451 || all[450].Verb != "scale" || all[450].After != "nodes=2" {
		t.Errorf("%d changes, last %+v, error %v", len(all), all[len(all)-1], err)
	}
}

func TestEmulatedSecretAndTopic(t *testing.T) {
	e := emulate(t, "oncall-read", "csms:secretVersion:get", "smn:topic:publish")
	e.KMS.PutSecret("lark", "first")
	e.KMS.PutSecret("lark", "second")
	if got, err := (&CSMS{Session: e.session}).Secret(t.Context(), "lark"); err != nil || got != "second" {
		t.Errorf("secret of %d bytes, error %v", len(got), err)
	}
	if _, err := (&CSMS{Session: e.session}).Secret(t.Context(), "absent"); err == nil || !strings.Contains(err.Error(), `"absent"`) {
		t.Errorf("absent secret: %v", err)
	}
	urn, err := e.SMN.CreateTopic("oncall", "On-call")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&SMN{Session: e.session}).Publish(t.Context(), urn, "subject", "正文"); err != nil {
		t.Fatal(err)
	}
	if m := e.SMN.Messages("oncall"); len(m) != 1 {
		t.Errorf("messages %+v", m)
	}
	if err := (&SMN{Session: e.session}).Publish(t.Context(), urn+"x", "subject", "m"); !errors.Is(err, NotFound) {
		t.Errorf("absent topic: %v", err)
	}
}

func TestEmulatedBucket(t *testing.T) {
	e := emulate(t, "oncall-write", "obs:*:*")
	e.OBS.CreateBucket("state", true)
	bucket := NewOBS(e.session, "state", OBSOptions{})
	body := bytes.Repeat([]byte{0, 1, '\r', '\n', 255}, 100<<10)
	key := "incidents/demo/2026/a b+c&d=é.jsonl.gz"
	if err := bucket.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	if stored, ok := e.OBS.Object("state", key); !ok || !bytes.Equal(stored, body) {
		t.Errorf("the store holds %d bytes of %d", len(stored), len(body))
	}
	if got, err := bucket.Get(t.Context(), key); err != nil || !bytes.Equal(got, body) {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
	e.Faults.Add(edge.Fault{Service: "obs", Method: http.MethodPut, Times: 1, Drop: true, After: true})
	if err := bucket.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Errorf("lost answer: %v", err)
	}
	if n := e.OBS.Versions("state", "k"); n != 1 {
		t.Errorf("%d versions of an object written once", n)
	}
	e.Faults.Add(edge.Fault{Service: "obs", Method: http.MethodPut, Times: 2, Status: 503})
	if err := bucket.Put(t.Context(), "k2", []byte("v")); err != nil {
		t.Errorf("busy twice: %v", err)
	}
	for i := range 1100 { // more than a page
		if err := bucket.Put(t.Context(), fmt.Sprintf("many/%04d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := bucket.List(t.Context(), "many/")
	if err != nil || len(keys) != 1100 || keys[1099] != "many/1099" {
		t.Errorf("%d keys, error %v", len(keys), err)
	}
	if _, err := bucket.Get(t.Context(), "absent"); !errors.Is(err, NotFound) {
		t.Errorf("absent: %v", err)
	}
	if _, err := NewOBS(e.session, "absent", OBSOptions{}).Get(t.Context(), "k"); err == nil || errors.Is(err, NotFound) {
		t.Errorf("absent bucket: %v", err)
	}
	if err := NewOBS(e.session, "state", OBSOptions{PathStyle: true}).Put(t.Context(), "k", nil); !errors.Is(err, Denied) {
		t.Errorf("by path: %v", err)
	}
	if d := cmp.Diff([]string{key}, first(bucket.List(t.Context(), "incidents/"))); d != "" {
		t.Error(d)
	}
}

func first[T any](v T, _ error) T { return v }
