package huaweicloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/observe"
)

const poolID = "pool-1"

// pools is CCE's node pool with a target and what happens to calls that change it.
type pools struct {
	target, active int
	name           string
	scale          []func(p *pools, desired int) reply // call after call; the last stands for all that follow
	scaled         int
	failReads      bool
}

func (p *pools) answer(_ int, r *http.Request, body []byte) reply {
	base := "/api/v3/projects/" + testProject + "/clusters/" + testCluster + "/nodepools"
	switch {
	case r.Method == http.MethodGet && r.URL.Path == base+"/"+poolID:
		if p.failReads {
			return reply{status: http.StatusInternalServerError}
		}
		return reply{body: fmt.Sprintf(`{"metadata":{"uid":%q,"name":%q},"spec":{"initialNodeCount":%d},"status":{"activeNode":%d}}`, poolID, p.name, p.target, p.active)}
	case r.Method == http.MethodPost && r.URL.Path == base+"/"+poolID+"/operation/scale":
		var in struct {
			Kind string `json:"kind"`
			Spec struct {
				Desired *int     `json:"desiredNodeCount"`
				Groups  []string `json:"scaleGroups"`
			} `json:"spec"`
		}
		if json.Unmarshal(body, &in) != nil || in.Kind != "NodePool" || in.Spec.Desired == nil || len(in.Spec.Groups) != 1 || in.Spec.Groups[0] != "default" {
			return reply{status: http.StatusBadRequest, body: `{"errorCode":"CCE.01400001"}`}
		}
		do := p.scale[min(p.scaled, len(p.scale)-1)]
		p.scaled++
		return do(p, *in.Spec.Desired)
	}
	return reply{status: http.StatusNotFound, body: `{"error_code":"CCE_CM.0003"}`}
}

func accept(p *pools, desired int) reply {
	p.target = desired
	return reply{status: http.StatusAccepted}
}

func acceptAndVanish(p *pools, desired int) reply {
	p.target = desired
	return reply{drop: true}
}

func vanish(*pools, int) reply { return reply{drop: true} }

func answerWith(r reply) func(*pools, int) reply { return func(*pools, int) reply { return r } }

func TestResize(t *testing.T) {
	noTask := answerWith(reply{status: 400, body: `{"error_code":"CCE_CM.0004","error_msg":"No scale task needed with desired node count 3"}`})
	for _, tc := range []struct {
		name    string
		pool    pools
		desired int
		scale   []func(*pools, int) reply
		kind    Kind
		calls   int // that change something
		target  int // afterwards
	}{
		{"adds a node", pools{target: 2, active: 2}, 3, []func(*pools, int) reply{accept}, "", 1, 3},
		{"is asked for what it has", pools{target: 3, active: 2}, 3, []func(*pools, int) reply{accept}, "", 0, 3},
		{"refuses zero", pools{target: 2}, 0, []func(*pools, int) reply{accept}, Invalid, 0, 2},
		{"refuses less than zero", pools{target: 2}, -1, []func(*pools, int) reply{accept}, Invalid, 0, 2},
		{"refuses to go below the target", pools{target: 5, active: 2}, 3, []func(*pools, int) reply{accept}, Conflict, 0, 5},
		{"refuses to go below the ready nodes", pools{target: 2, active: 4}, 3, []func(*pools, int) reply{accept}, Conflict, 0, 2},
		{"refuses the default pool", pools{target: 2, name: "DefaultPool"}, 3, []func(*pools, int) reply{accept}, Invalid, 0, 2},
		{"takes no task needed as done", pools{target: 2}, 3, []func(*pools, int) reply{noTask}, "", 1, 2},
		{"takes another CCE_CM.0004 as wrong", pools{target: 2}, 3, []func(*pools, int) reply{answerWith(reply{status: 400, body: `{"error_code":"CCE_CM.0004","error_msg":"invalid scaleGroups"}`})}, Invalid, 1, 2},
		{"sees that a lost answer was a yes", pools{target: 2}, 3, []func(*pools, int) reply{acceptAndVanish}, "", 1, 3},
		{"repeats what did not arrive", pools{target: 2}, 3, []func(*pools, int) reply{vanish, accept}, "", 2, 3},
		{"gives up after two tries", pools{target: 2}, 3, []func(*pools, int) reply{vanish}, Unavailable, 2, 2},
		{"sees the second lost answer too", pools{target: 2}, 3, []func(*pools, int) reply{vanish, acceptAndVanish}, "", 2, 3},
		{"waits while throttled", pools{target: 2}, 3, []func(*pools, int) reply{answerWith(reply{status: 429}), accept}, "", 2, 3},
		{"is refused by a quota", pools{target: 2}, 3, []func(*pools, int) reply{answerWith(reply{status: 400, body: `{"errorCode":"CCE.01400008","errorMessage":"quota"}`})}, Exhausted, 1, 2},
		{"is denied", pools{target: 2}, 3, []func(*pools, int) reply{answerWith(reply{status: 403, body: `{"errorCode":"CCE.01403001"}`})}, Denied, 1, 2},
		{"does not lower what another raised meanwhile", pools{target: 2}, 3, []func(*pools, int) reply{func(p *pools, _ int) reply { p.target = 6; return reply{drop: true} }, accept}, Conflict, 1, 6},
		{"changes nothing it cannot read", pools{target: 2, failReads: true}, 3, []func(*pools, int) reply{accept}, Unavailable, 0, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.pool
			p.scale = tc.scale
			if p.name == "" {
				p.name = "workers"
			}
			var mu sync.Mutex // a call whose answer was lost may still be at work when the next one comes
			c := newCloud(t, func(n int, r *http.Request, body []byte) reply {
				mu.Lock()
				defer mu.Unlock()
				return p.answer(n, r, body)
			})
			err := (&CCE{Session: c.session(), Cluster: testCluster}).Resize(t.Context(), poolID, tc.desired)
			if KindOf(err) != tc.kind || (err == nil) != (tc.kind == "") {
				t.Errorf("error %v, want kind %q", err, tc.kind)
			}
			c.server.Close() // when every call is over
			if p.scaled != tc.calls || p.target != tc.target {
				t.Errorf("%d calls and target %d, want %d and %d", p.scaled, p.target, tc.calls, tc.target)
			}
		})
	}
}

func TestPools(t *testing.T) {
	c := newCloud(t, replies(reply{body: `{"items":[
		{"metadata":{"uid":"2","name":"z"},"spec":{"initialNodeCount":0},"status":{}},
		{"metadata":{"uid":"1","name":"a"},"spec":{"initialNodeCount":3,"autoscaling":{"enable":true,"minNodeCount":1,"maxNodeCount":5},
		 "nodeTemplate":{"flavor":"c7.large.2","k8sTags":{"zone":"a"},"taints":[{"key":"gpu","value":"1","effect":"NoSchedule"}]}},
		 "status":{"currentNode":3,"activeNode":2,"creatingNode":1,"phase":"Synchronized","conditions":[{"type":"Scalable","status":"False","reason":"SoldOut","message":"no stock"}]}}]}`}))
	got, err := (&CCE{Session: c.session(), Cluster: testCluster}).Pools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []observe.NodePool{
		{
			ID: "1", Name: "a", Desired: 3, Active: 2, Creating: 1, Min: 1, Max: 5, Autoscaling: true, Flavor: "c7.large.2",
			Labels: map[string]string{"zone": "a"}, Taints: []corev1.Taint{{Key: "gpu", Value: "1", Effect: corev1.TaintEffectNoSchedule}},
			Conditions: []observe.PoolCondition{{Type: "Scalable", Status: "False", Reason: "SoldOut", Message: "no stock"}},
		},
		{ID: "2", Name: "z"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pools (-want +got):\n%s", d)
	}
}

func TestPoolMustBeTheOneAskedFor(t *testing.T) {
	for _, body := range []string{``, `{}`, `{"metadata":{"uid":"another"}}`} {
		c := newCloud(t, replies(reply{body: body}))
		if _, err := (&CCE{Session: c.session(), Cluster: testCluster}).Pool(t.Context(), poolID); !errors.Is(err, Invalid) {
			t.Errorf("%q: error %v", body, err)
		}
	}
	c := newCloud(t, replies(reply{}))
	if _, err := (&CCE{Session: c.session(), Cluster: testCluster}).Pool(t.Context(), ""); !errors.Is(err, Invalid) || len(c.requests()) != 0 {
		t.Errorf("no id: error %v", err)
	}
}

func TestStatus(t *testing.T) {
	c := newCloud(t, replies(reply{body: `{"metadata":{"uid":"c","name":"demo","annotations":{"totalNodesNumber":"3","activeNodesNumber":"2"}},
		"spec":{"version":"v1.33","flavor":"cce.s2.small"},"status":{"phase":"Available","endpoints":[{"url":"https://10.0.0.1:5443","type":"Internal"},{"url":"https://1.2.3.4:5443","type":"External"}]}}`}))
	got, err := (&CCE{Session: c.session(), Cluster: testCluster}).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := ClusterStatus{ID: "c", Name: "demo", Phase: "Available", Version: "v1.33", Flavor: "cce.s2.small", Nodes: 3, Active: 2, Internal: "https://10.0.0.1:5443", External: "https://1.2.3.4:5443"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	if r := c.requests()[0]; r.path != "/api/v3/projects/"+testProject+"/clusters/"+testCluster || r.query != "detail=true" {
		t.Errorf("request %s?%s", r.path, r.query)
	}
}

func node(id, name, server, ip string) string {
	return fmt.Sprintf(`{"metadata":{"uid":%q,"name":%q,"ownerReferences":{"nodepoolID":"p","nodepoolName":"workers"}},"status":{"phase":"Active","serverId":%q,"privateIP":%q}}`, id, name, server, ip)
}

func TestNodeOf(t *testing.T) {
	list := `{"items":[` + strings.Join([]string{node("n1", "demo-1", "ecs-1", "10.0.0.1"), node("n2", "demo-2", "ecs-2", "10.0.0.2"), node("n3", "twin", "", "10.0.0.3"), node("n4", "twin", "", "10.0.0.4")}, ",") + `]}`
	for _, tc := range []struct {
		provider, name, id string
		kind               Kind
	}{
		{"ecs-2", "10.0.0.1", "n2", ""}, // the machine's id decides
		{"cce:///cn-north-4/ecs-1", "", "n1", ""},
		{"", "10.0.0.2", "n2", ""},
		{"ecs-9", "demo-1", "n1", ""},
		{"", "twin", "", Conflict},
		{"", "nobody", "", NotFound},
		{"", "", "", NotFound},
	} {
		c := newCloud(t, replies(reply{body: list}))
		got, err := (&CCE{Session: c.session(), Cluster: testCluster}).NodeOf(t.Context(), tc.provider, tc.name)
		if got.ID != tc.id || KindOf(err) != tc.kind {
			t.Errorf("%q %q: node %q, error %v", tc.provider, tc.name, got.ID, err)
		}
	}
}

func TestNodesPages(t *testing.T) {
	c := newCloud(t, func(_ int, r *http.Request, _ []byte) reply {
		first := r.URL.Query().Get("marker") == ""
		var items []string
		for i := range nodePage {
			if first {
				items = append(items, node(fmt.Sprintf("a%04d", i), "n", "", ""))
			}
		}
		if !first {
			items = []string{node("a1999", "n", "", ""), node("b", "n", "", "")}
		}
		return reply{body: `{"items":[` + strings.Join(items, ",") + `]}`}
	})
	got, err := (&CCE{Session: c.session(), Cluster: testCluster}).Nodes(t.Context())
	if err != nil || len(got) != nodePage+1 {
		t.Errorf("%d nodes, error %v", len(got), err)
	}
	if r := c.requests(); len(r) != 2 || !strings.Contains(r[1].query, "marker=a1999") {
		t.Errorf("requests %d", len(r))
	}
}

func TestDeleteNode(t *testing.T) {
	for _, tc := range []struct {
		name    string
		replies []reply
		kind    Kind
		calls   int
	}{
		{"goes", []reply{{body: `{"metadata":{"uid":"n1"},"status":{"jobID":"j"}}`}}, "", 1},
		{"is gone", []reply{{status: 404}}, "", 1},
		{"lost answer, going", []reply{{drop: true}, {body: `{"status":{"phase":"Deleting"}}`}}, "", 2},
		{"lost answer, gone", []reply{{drop: true}, {status: 404}}, "", 2},
		{"lost answer, still there", []reply{{drop: true}, {body: `{"status":{"phase":"Active"}}`}}, Unavailable, 2},
		{"denied", []reply{{status: 403}}, Denied, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, replies(tc.replies...))
			err := (&CCE{Session: c.session(), Cluster: testCluster}).DeleteNode(t.Context(), "n1", true)
			if KindOf(err) != tc.kind || len(c.requests()) != tc.calls {
				t.Errorf("error %v after %d calls", err, len(c.requests()))
			}
			if r := c.requests()[0]; r.method != http.MethodDelete || !strings.HasSuffix(r.path, "/nodes/n1") || r.query != "nodepoolScaleDown=NoScaleDown" {
				t.Errorf("request %s %s?%s", r.method, r.path, r.query)
			}
		})
	}
	c := newCloud(t, replies(reply{}))
	if err := (&CCE{Session: c.session(), Cluster: testCluster}).DeleteNode(t.Context(), "", false); !errors.Is(err, Invalid) || len(c.requests()) != 0 {
		t.Errorf("no id: error %v", err)
	}
}

const kubeconfigJSON = `{"kind":"Config","apiVersion":"v1","clusters":[{"name":"internalCluster","cluster":{"server":"https://10.0.0.1:5443"}}],
	"users":[{"name":"user","user":{"client-key-data":"c2VjcmV0"}}],"contexts":[{"name":"internal","context":{"cluster":"internalCluster","user":"user"}}],"current-context":"external"}`

func TestKubeconfig(t *testing.T) {
	c := newCloud(t, replies(reply{drop: true}, reply{body: kubeconfigJSON}))
	cce := &CCE{Session: c.session(), Cluster: testCluster}
	got, err := cce.Kubeconfig(t.Context(), time.Minute, "internal")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Current string `json:"current-context"`
		Users   []any  `json:"users"`
	}
	if err := json.Unmarshal(got, &config); err != nil || config.Current != "internal" || len(config.Users) != 1 {
		t.Errorf("kubeconfig %s", got)
	}
	if body := c.requests()[1].body; body != `{"expire_at":"2026-11-22 07:16:00 +0000 UTC"}` {
		t.Errorf("body %s", body)
	}
	if _, err := cce.Kubeconfig(t.Context(), time.Hour, "external"); !errors.Is(err, Invalid) || strings.Contains(err.Error(), "c2VjcmV0") {
		t.Errorf("no external address: error %v", err)
	}
	for _, body := range []string{``, `{}`, `{"users":["x"],"contexts":"c2VjcmV0"}`} {
		c := newCloud(t, replies(reply{body: body}))
		if _, err := (&CCE{Session: c.session(), Cluster: testCluster}).Kubeconfig(t.Context(), time.Hour, ""); !errors.Is(err, Invalid) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%q: error %v", body, err)
		}
	}
}

func TestPromInstance(t *testing.T) {
	list := `{"items":[{"metadata":{"uid":"a1","name":"coredns"},"spec":{"addonTemplateName":"coredns"}},{"metadata":{"uid":"a2","name":"cie-collector"},"spec":{}}]}`
	for name, tc := range map[string]struct {
		list, show, want string
		kind             Kind
	}{
		"nested in values": {list, `{"spec":{"values":{"custom":{"aom_instance_id":"prom-7"}}}}`, "prom-7", ""},
		"in values":        {list, `{"spec":{"values":{"prom_instance_id":"prom-8"}}}`, "prom-8", ""},
		"custom":           {list, `{"spec":{"custom":{"aom_id":"prom-9"},"values":{"aom_instance_id":"not this"}}}`, "prom-9", ""},
		"names none":       {list, `{"spec":{"values":{"custom":{"aom_instance_id":""}}}}`, "", NotFound},
		"no add-on":        {`{"items":[]}`, ``, "", NotFound},
	} {
		c := newCloud(t, func(_ int, r *http.Request, _ []byte) reply {
			if r.URL.Query().Get("cluster_id") != testCluster {
				return reply{status: http.StatusBadRequest}
			}
			if r.URL.Path == "/api/v3/addons/a2" {
				return reply{body: tc.show}
			}
			return reply{body: tc.list}
		})
		got, err := (&CCE{Session: c.session(), Cluster: testCluster}).PromInstance(t.Context())
		if got != tc.want || KindOf(err) != tc.kind {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}
