package fakecloud_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	cce "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cce/v3"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cce/v3/model"

	"cce-oncall/infra/fakecloud"
	fakecce "cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
)

func addFunction(t *testing.T, s served, name string) {
	t.Helper()
	_, err := s.Functions.Create(functiongraph.Spec{
		Name: name, Handler: "bootstrap", Zip: testFunction(t), Timeout: 20 * time.Second, MemoryMB: 256, MaxInstances: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func demoCluster() fakecce.ClusterSpec { return fakecce.ClusterSpec{Name: "demo-recovery"} }

func addPool(t *testing.T, s served, cluster string) string {
	t.Helper()
	pool, err := s.CCE.AddPool(cluster, fakecce.PoolSpec{
		Name: "workers", Flavor: "c7.large.2", Nodes: []string{"node-1", "node-2"}, Autoscaling: fakecce.Autoscaling{Enable: true, Min: 1, Max: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func cceClient(t *testing.T, s served, c *basic.Credentials) *cce.CceClient {
	t.Helper()
	hc, err := cce.CceClientBuilder().WithEndpoint(s.url).WithCredential(c).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return cce.NewCceClient(hc)
}

func scaleTo(cluster, pool string, n int32) *model.ScaleNodePoolRequest {
	return &model.ScaleNodePoolRequest{ClusterId: cluster, NodepoolId: pool, Body: &model.ScaleNodePoolRequestBody{
		Kind: "NodePool", ApiVersion: "v3", Spec: &model.ScaleNodePoolSpec{DesiredNodeCount: n, ScaleGroups: []string{"default"}},
	}}
}

// slowMachines lets a test decide when a node is there.
type slowMachines struct {
	ready chan error
	mu    sync.Mutex
	log   []string
}

func (m *slowMachines) Add(ctx context.Context, pool fakecce.PoolInfo, _ string) error {
	m.note("add to " + pool.Name)
	select {
	case err := <-m.ready:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *slowMachines) Remove(_ context.Context, pool fakecce.PoolInfo, name string) error {
	if !strings.HasPrefix(name, "node-") {
		name = "new"
	}
	m.note("remove " + name + " of " + pool.Name)
	return nil
}

func (m *slowMachines) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, what)
}

func (m *slowMachines) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.log...)
}

func TestScaleNodePoolThroughSDK(t *testing.T) {
	machines := &slowMachines{ready: make(chan error)}
	s := serve(t, func(o *fakecloud.Options) { o.CCE.Machines = machines })
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	client := cceClient(t, s, adminKeys(t))
	show := func() (current, active, creating, target int32) {
		t.Helper()
		p, err := client.ShowNodePool(&model.ShowNodePoolRequest{ClusterId: cluster, NodepoolId: pool})
		if err != nil {
			t.Fatal(err)
		}
		return *p.Status.CurrentNode, *p.Status.ActiveNode, *p.Status.CreatingNode, *p.Spec.InitialNodeCount
	}
	answer, err := client.ScaleNodePool(scaleTo(cluster, pool, 3))
	if err != nil {
		t.Fatal(err)
	}
	if answer.HttpStatusCode != http.StatusAccepted {
		t.Errorf("status = %d, want 202", answer.HttpStatusCode)
	}
	if c, a, n, target := show(); c != 3 || a != 2 || n != 1 || target != 3 {
		t.Errorf("while installing: current %d active %d creating %d target %d, want 3 2 1 3", c, a, n, target)
	}
	if e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 3)))); e.StatusCode != 400 || e.ErrorCode != "CCE_CM.0004" {
		t.Errorf("the same target again: %d %s, want 400 CCE_CM.0004", e.StatusCode, e.ErrorCode)
	}
	if e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 4)))); e.StatusCode != 429 {
		t.Errorf("another target while one is under way: %d, want 429", e.StatusCode)
	}
	machines.ready <- nil
	eventually(t, "the node is active", func() bool { _, a, _, _ := show(); return a == 3 })

	if _, err := client.ScaleNodePool(scaleTo(cluster, pool, 0)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "0 deletes every node", func() bool { c, a, _, _ := show(); return c == 0 && a == 0 })
	want := map[string]int{"add to workers": 1, "remove new of workers": 1, "remove node-1 of workers": 1, "remove node-2 of workers": 1}
	got := map[string]int{}
	for _, l := range machines.seen() {
		got[l]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("machines (-want +got):\n%s", diff)
	}
}

// second drops a result that a test does not need.
func second[T any](_ T, err error) error { return err }

func TestScaleThatCannotWork(t *testing.T) {
	machines := &slowMachines{ready: make(chan error, 1)}
	s := serve(t, func(o *fakecloud.Options) { o.CCE.Machines = machines })
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	client := cceClient(t, s, adminKeys(t))
	condition := func() string {
		t.Helper()
		p, err := client.ShowNodePool(&model.ShowNodePoolRequest{ClusterId: cluster, NodepoolId: pool})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range *p.Status.Conditions {
			if c.Type.Value() == "Scalable" {
				return *c.Status + " " + *c.Reason
			}
		}
		return ""
	}
	if err := s.CCE.SetPoolLimit(cluster, pool, &fakecce.Limit{Max: 2}); err != nil {
		t.Fatal(err)
	}
	e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 3))))
	if e.StatusCode != 400 || e.ErrorCode != "CCE.01400008" {
		t.Errorf("over quota: %d %q %s", e.StatusCode, e.ErrorCode, e.ErrorMessage)
	}
	if err := s.CCE.SetPoolLimit(cluster, pool, &fakecce.Limit{Max: 2, Async: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ScaleNodePool(scaleTo(cluster, pool, 3)); err != nil {
		t.Errorf("an asynchronous check refuses at once: %v", err)
	}
	if got := condition(); got != "False ResourceInsufficient" {
		t.Errorf("Scalable = %q, want False ResourceInsufficient", got)
	}
	if err := s.CCE.SetPoolLimit(cluster, pool, nil); err != nil {
		t.Fatal(err)
	}
	machines.ready <- errors.New("Ecs.0314 keypair not found")
	if _, err := client.ScaleNodePool(scaleTo(cluster, pool, 3)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the failed install shows", func() bool { return condition() == "False UnexpectedError" })
}

func TestReplaceNodeThroughSDK(t *testing.T) {
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	client := cceClient(t, s, adminKeys(t))
	nodes, err := client.ListNodes(&model.ListNodesRequest{ClusterId: cluster})
	if err != nil {
		t.Fatal(err)
	}
	victim := (*nodes.Items)[0]
	keep := model.GetDeleteNodeRequestNodepoolScaleDownEnum().NO_SCALE_DOWN
	gone, err := client.DeleteNode(&model.DeleteNodeRequest{ClusterId: cluster, NodeId: *victim.Metadata.Uid, NodepoolScaleDown: &keep})
	if err != nil {
		t.Fatal(err)
	}
	job, err := client.ShowJob(&model.ShowJobRequest{JobId: *gone.Status.JobID})
	if err != nil {
		t.Fatal(err)
	}
	if *job.Spec.Type != "DeleteNode" {
		t.Errorf("job = %s", *job.Spec.Type)
	}
	eventually(t, "the pool replaced the node", func() bool {
		names, err := s.CCE.Nodes(cluster, pool, "Active")
		return err == nil && len(names) == 2 && names[0] != *victim.Metadata.Name && names[1] != *victim.Metadata.Name
	})
}

func TestReadAgencyMayNotWrite(t *testing.T) {
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	reader := cceClient(t, s, agencyKeys(t, s, wall(), "reader", "cce:*:get*", "cce:*:list*"))
	if _, err := reader.ShowNodePool(&model.ShowNodePoolRequest{ClusterId: cluster, NodepoolId: pool}); err != nil {
		t.Errorf("reading is refused: %v", err)
	}
	e := refusal(t, second(reader.ScaleNodePool(scaleTo(cluster, pool, 3))))
	if e.StatusCode != 403 || !strings.Contains(e.ErrorMessage, "cce:nodepool:scale") || e.RequestId == "" {
		t.Errorf("writing answers %d %s (request %q), want 403 naming cce:nodepool:scale", e.StatusCode, e.ErrorMessage, e.RequestId)
	}
	if names, err := s.CCE.Nodes(cluster, pool, ""); err != nil || len(names) != 2 {
		t.Errorf("nodes = %v, %v", names, err)
	}
}

func TestWrongCredentials(t *testing.T) {
	now := newClock()
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	s.IAM.AddAgency("agency", edge.Kubernetes{}, "*")
	issued, err := s.IAM.Issue("agency", wall(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := s.IAM.Issue("agency", wall().Add(-2*time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		keys *basic.Credentials
	}{
		{"unknown key", keys(t, "NOBODY", "x", "")},
		{"wrong secret", keys(t, fakecloud.DefaultAdminKey, "wrong", "")},
		{"temporary key without its token", keys(t, issued.AccessKey, issued.SecretKey, "")},
		{"temporary key with another token", keys(t, issued.AccessKey, issued.SecretKey, "other")},
		{"expired", keys(t, expired.AccessKey, expired.SecretKey, expired.SecurityToken)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := refusal(t, second(cceClient(t, s, tt.keys).ShowCluster(&model.ShowClusterRequest{ClusterId: cluster})))
			if e.StatusCode != 401 || e.ErrorCode != "APIGW.0301" {
				t.Errorf("answer = %d %s, want 401 APIGW.0301", e.StatusCode, e.ErrorCode)
			}
		})
	}
	t.Run("clock far off", func(t *testing.T) {
		late := serve(t, func(o *fakecloud.Options) { o.Clock = now.now })
		e := refusal(t, second(cceClient(t, late, adminKeys(t)).ListClusters(&model.ListClustersRequest{})))
		if e.StatusCode != 401 {
			t.Errorf("answer = %d, want 401", e.StatusCode)
		}
	})
}

func TestFaults(t *testing.T) {
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	client := cceClient(t, s, adminKeys(t))
	target := func() int32 {
		t.Helper()
		p, err := client.ShowNodePool(&model.ShowNodePoolRequest{ClusterId: cluster, NodepoolId: pool})
		if err != nil {
			t.Fatal(err)
		}
		return *p.Spec.InitialNodeCount
	}
	s.Faults.Add(edge.Fault{Service: "cce", Action: "cce:nodepool:scale", Times: 1, Status: 429, Code: "APIGW.0308", RetryAfter: "56.818"})
	if e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 3)))); e.StatusCode != 429 || target() != 2 {
		t.Errorf("throttled: %d, target %d; want 429 and an untouched 2", e.StatusCode, target())
	}
	s.Faults.Add(edge.Fault{Service: "cce", Action: "cce:nodepool:scale", Times: 1, After: true, Drop: true})
	if err := second(client.ScaleNodePool(scaleTo(cluster, pool, 3))); err == nil || target() != 3 {
		t.Errorf("a lost answer: error %v, target %d; want an error and the scale done", err, target())
	}
	s.Faults.Add(edge.Fault{Service: "cce", Method: "GET", Skip: 1, Times: 1, Status: 500, Code: "CCE.01500001", Dialect: "camel"})
	target()
	if e := refusal(t, second(client.ListNodePools(&model.ListNodePoolsRequest{ClusterId: cluster}))); e.StatusCode != 500 {
		t.Errorf("the second call answers %d, want 500", e.StatusCode)
	}
	if left := s.Faults.List(); len(left) != 0 {
		t.Errorf("faults left: %+v", left)
	}
	if calls := s.Journal.Find("cce", "POST", "/operation/scale"); len(calls) != 2 {
		t.Errorf("%d scale calls in the journal, want 2", len(calls))
	}
}

func TestWriteThrottle(t *testing.T) {
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	client := cceClient(t, s, adminKeys(t))
	for range 10 {
		if e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 2)))); e.StatusCode != 400 {
			t.Fatalf("within the budget: %d, want 400", e.StatusCode)
		}
	}
	if e := refusal(t, second(client.ScaleNodePool(scaleTo(cluster, pool, 2)))); e.StatusCode != 429 || e.ErrorCode != "APIGW.0308" {
		t.Errorf("the eleventh write in a minute: %d %s, want 429 APIGW.0308", e.StatusCode, e.ErrorCode)
	}
}
