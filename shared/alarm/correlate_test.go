package alarm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a topology made of maps.
type world struct {
	owners map[Object]Object
	nodes  map[Object][]string
	pools  map[string]string
}

func (w world) Owner(o Object) (Object, bool) { up, ok := w.owners[o]; return up, ok }
func (w world) Nodes(o Object) []string       { return w.nodes[o] }
func (w world) Pool(node string) string       { return w.pools[node] }

func object(kind, namespace, name string) Object {
	return Object{Kind: kind, Namespace: namespace, Name: name}
}

// shop is a small cluster: web (two pods on n1 and n2) behind a Service, db-0 on n1, and a pool of both nodes.
func shop() world {
	web, db := object("Deployment", "shop", "web"), object("StatefulSet", "shop", "db")
	w := world{owners: map[Object]Object{}, nodes: map[Object][]string{}, pools: map[string]string{"n1": "pool-a", "n2": "pool-a", "n3": "pool-b"}}
	for pod, node := range map[string]string{"web-7d9f8c6b5-x2k4v": "n1", "web-7d9f8c6b5-z9w8t": "n2"} {
		w.owners[object("Pod", "shop", pod)] = web
		w.nodes[object("Pod", "shop", pod)] = []string{node}
	}
	w.owners[object("Pod", "shop", "db-0")] = db
	w.nodes[object("Pod", "shop", "db-0")] = []string{"n1"}
	w.nodes[web], w.nodes[db] = []string{"n1", "n2"}, []string{"n1"}
	w.owners[object("Service", "shop", "web")] = web
	w.owners[object("HorizontalPodAutoscaler", "shop", "web-hpa")] = web
	w.owners[object("Node", "", "10.0.0.1")] = object("Node", "", "n1")
	return w
}

var serial = 0

// fire is an alarm that fires some minutes after noon.
func fire(name string, o Object, minute float64) Alarm {
	serial++
	if o.Kind == "Node" {
		o.Node = o.Name
	}
	return Alarm{
		ID: fmt.Sprintf("id-%s-%s-%s", name, o.Name, o.Container), SN: fmt.Sprintf("sn-%06d", serial), Name: name, Cluster: "c-1", Object: o, Severity: Major,
		FiredAt: noon.Add(time.Duration(minute * float64(time.Minute))),
	}
}

func clear(a Alarm, minute float64) Alarm {
	a.ClearedAt = noon.Add(time.Duration(minute * float64(time.Minute)))
	return a
}

// outline is what a test compares: root, alarms, and what was folded.
func outline(groups []Group) []string {
	var out []string
	for _, g := range groups {
		var names []string
		for _, a := range g.Alarms {
			names = append(names, a.Name)
		}
		slices.Sort(names)
		line := strings.TrimSpace(g.Root.Kind+" "+g.Root.path()) + ": " + strings.Join(names, " ")
		for _, f := range g.Folded {
			line += " <" + strings.TrimSpace(f.Object.Kind+" "+f.Object.path()) + ">"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func TestCorrelate(t *testing.T) {
	node := func(n string) Object { return object("Node", "", n) }
	pod := func(p string) Object { return object("Pod", "shop", p) }
	const web1, web2 = "web-7d9f8c6b5-x2k4v", "web-7d9f8c6b5-z9w8t"
	for _, c := range []struct {
		name   string
		alarms []Alarm
		want   []string
	}{
		{"none", nil, nil},
		{
			"container, pod, workload, Service and HPA are one",
			[]Alarm{
				fire("ContainerCPUHigh", Object{Kind: "Pod", Namespace: "shop", Name: web1, Container: "app", Node: "n1"}, 0), fire("Unhealthy", pod(web2), 1),
				fire("DeploymentReplicasMismatch", object("Deployment", "shop", "web"), 2), fire("UpdateLoadBalancerFailed", object("Service", "shop", "web"), 3),
				fire("FailedGetResourceMetric", object("HorizontalPodAutoscaler", "shop", "web-hpa"), 3),
			},
			[]string{"Deployment shop/web: ContainerCPUHigh DeploymentReplicasMismatch FailedGetResourceMetric Unhealthy UpdateLoadBalancerFailed"},
		},
		{
			"two unrelated faults in the same minute stay two",
			[]Alarm{fire("FailedPullImage", pod(web1), 0), fire("ClaimLost", object("PersistentVolumeClaim", "shop", "data"), 0)},
			[]string{"Deployment shop/web: FailedPullImage", "PersistentVolumeClaim shop/data: ClaimLost"},
		},
		{
			"an image that cannot be pulled is no effect of a dead node",
			[]Alarm{fire("NodeNotReady", node("n1"), 0), fire("FailedPullImage", pod(web1), 0.5), fire("Unhealthy", pod("db-0"), 0.5)},
			[]string{"Deployment shop/web: FailedPullImage", "Node n1: NodeNotReady Unhealthy <StatefulSet shop/db>"},
		},
		{
			"effects of a dead node, one of them reported first",
			[]Alarm{
				fire("Unhealthy", pod(web1), -2), fire("NodeNotReady", node("n1"), 0), fire("KUBELETIsDown", node("10.0.0.1"), 0), fire("PodPhaseAbnormal", pod("db-0"), 10),
				fire("StatefulSetReplicasMismatch", object("StatefulSet", "shop", "db"), 6), fire("own rule", pod("db-0"), 3),
			},
			[]string{"Node n1: KUBELETIsDown NodeNotReady PodPhaseAbnormal StatefulSetReplicasMismatch Unhealthy own rule <Deployment shop/web> <StatefulSet shop/db>"},
		},
		{
			"what began long before the node died is no effect",
			[]Alarm{fire("BackOffStart", pod("db-0"), -20), fire("NodeNotReady", node("n1"), 0)},
			[]string{"Node n1: NodeNotReady", "StatefulSet shop/db: BackOffStart"},
		},
		{
			"effects that outlive their cause stand for themselves",
			[]Alarm{clear(fire("NodeNotReady", node("n1"), 0), 5), fire("BackOffStart", pod("db-0"), 2), clear(fire("Unhealthy", pod(web1), 2), 4), fire("own rule", object("Cluster", "", "c-1"), 30)},
			[]string{"Cluster c-1: own rule", "Node n1: NodeNotReady Unhealthy <Deployment shop/web>", "StatefulSet shop/db: BackOffStart"},
		},
		{
			"two nodes of one pool went together, the third is another pool's and later",
			[]Alarm{fire("NodeNotReady", node("n1"), 0), fire("NodeNotReady", node("n2"), 1), fire("NodeNotReady", node("n3"), 20)},
			[]string{"Node n3: NodeNotReady", "NodePool pool-a: NodeNotReady NodeNotReady <Node n2>"},
		},
		{
			"two nodes of different pools may be two troubles",
			[]Alarm{fire("NodeNotReady", node("n1"), 0), fire("NodeNotReady", node("n3"), 0)},
			[]string{"Node n1: NodeNotReady", "Node n3: NodeNotReady"},
		},
		{
			"different troubles of two nodes of one pool",
			[]Alarm{fire("NTPProblem", node("n1"), 0), fire("DiskReadonly", node("n2"), 0)},
			[]string{"Node n1: NTPProblem", "Node n2: DiskReadonly"},
		},
		{
			"pods wait because the pool cannot grow; one that waits for another reason does not belong",
			[]Alarm{
				func() Alarm {
					a := fire("FailedScheduling", pod(web1), 0)
					a.Message = "0/3 nodes: 3 Insufficient cpu."
					return a
				}(),
				func() Alarm {
					a := fire("FailedScheduling", pod("db-0"), 0)
					a.Message = "3 node(s) didn't match Pod's node affinity/selector."
					return a
				}(),
				fire("NodePoolSoldOut", object("NodePool", "", "pool-a"), 1), fire("TriggeredScaleUp", pod(web1), 0.5),
			},
			[]string{"Deployment shop/web: TriggeredScaleUp", "NodePool pool-a: FailedScheduling NodePoolSoldOut <Deployment shop/web>", "StatefulSet shop/db: FailedScheduling"},
		},
		{
			"a control plane that is down loses its nodes; a crash has its own cause",
			[]Alarm{fire("Cluster status is Unavailable", object("Cluster", "", "c-1"), 0), fire("NodeNotReady", node("n1"), 1), fire("Unhealthy", pod("db-0"), 2), fire("BackOffStart", pod(web2), 1)},
			[]string{"Cluster c-1: Cluster status is Unavailable NodeNotReady Unhealthy <Node n1> <StatefulSet shop/db>", "Deployment shop/web: BackOffStart"},
		},
		{
			"CCE's housekeeping explains nothing",
			[]Alarm{fire("Failed to delete the key pair of master", object("Cluster", "", "c-1"), 0), fire("FailedScheduling", pod(web1), 0)},
			[]string{"Cluster c-1: Failed to delete the key pair of master", "Deployment shop/web: FailedScheduling"},
		},
		{
			"an earlier trouble of the same object is another episode",
			[]Alarm{clear(fire("BackOffStart", pod("db-0"), -90), -80), fire("BackOffStart", pod("db-0"), 0)},
			[]string{"StatefulSet shop/db: BackOffStart", "StatefulSet shop/db: BackOffStart"},
		},
		{
			"names tell the workload of what the cluster no longer has",
			[]Alarm{
				fire("BackOffStart", object("Pod", "old", "api-5d8f7c9b6d-q7w2x"), 0), fire("DeploymentReplicasMismatch", object("Deployment", "old", "api"), 1), fire("Unhealthy", object("Pod", "old", "queue-2"), 0),
				fire("Unhealthy", object("Pod", "old", "blue-green"), 0), fire("BackOffStart", object("Pod", "old", "nightly-29384756-bq7w2"), 0), fire("BackOffStart", object("Pod", "old", "agent-bq7w2"), 0),
				fire("Unhealthy", object("Pod", "old", "agent-x9w8t"), 0), fire("FailedCreate", object("Job", "old", "nightly-29384756"), 0),
			},
			[]string{
				"CronJob old/nightly: BackOffStart FailedCreate", "Deployment old/api: BackOffStart DeploymentReplicasMismatch", "Pod old/blue-green: Unhealthy", "StatefulSet old/queue: Unhealthy",
				"Workload old/agent: BackOffStart Unhealthy",
			},
		},
		{
			"a lone pod with a generated name is named as it is",
			[]Alarm{fire("BackOffStart", object("Pod", "old", "agent-bq7w2"), 0)},
			[]string{"Pod old/agent-bq7w2: BackOffStart"},
		},
		{
			"alarms of nothing that is known meet by name",
			[]Alarm{{ID: "1", Name: "odd"}, {ID: "2", Name: "odd"}, {ID: "3", Name: "other"}},
			[]string{": odd odd", ": other"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, outline(Correlate(c.alarms, shop(), Options{}))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestCorrelateCounts(t *testing.T) {
	o := object("Pod", "shop", "db-0")
	quiet := clear(fire("Unhealthy", o, 2), 3)
	quiet.Severity = Critical
	a, b := fire("BackOffStart", o, 0), quiet
	a.ClusterName = "demo"
	again := a
	again.ClearedAt = noon.Add(time.Minute) // the same occurrence, read again when it had cleared
	groups := Correlate([]Alarm{a, b, again, b}, shop(), Options{})
	if len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	g := groups[0]
	type result struct {
		Key, Cluster, Name string
		Alarms, Active     int
		Severity           Severity
		Urgency            Urgency
		Opens              bool
		First, Last        time.Time
	}
	want := result{"c-1/workload/shop/db", "c-1", "demo", 2, 0, Critical, Page, false, noon, noon.Add(3 * time.Minute)}
	if d := cmp.Diff(want, result{g.Key, g.Cluster, g.ClusterName, len(g.Alarms), g.Active, g.Severity, g.Urgency, g.Opens(), g.FirstAt, g.LastAt}); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if want := "StatefulSet shop/db: Container crashes and is restarted with growing delay ×1, A probe of the pod failed ×1 (0 active of 2 alarms, since 2026-11-22 12:00:00 UTC)"; g.Summary != want {
		t.Errorf("summary %q", g.Summary)
	}
	if !strings.Contains(g.SummaryZH, "共 2 条告警") {
		t.Errorf("summary %q", g.SummaryZH)
	}
	if groups := Correlate([]Alarm{a}, nil, Options{}); !groups[0].Opens() || groups[0].Severity != Major {
		t.Errorf("an active alarm: %+v", groups[0])
	}
	if groups := Correlate([]Alarm{fire("TriggeredScaleUp", o, 0)}, nil, Options{}); groups[0].Opens() {
		t.Error("a notice opens an incident")
	}
}

func TestSerialNumberUsedAgainIsNotLost(t *testing.T) {
	first := clear(fire("BackOffStart", object("Pod", "shop", "db-0"), 0), 1)
	second := first
	second.FiredAt, second.ClearedAt = noon.Add(2*time.Minute), time.Time{}
	g := Correlate([]Alarm{second, first}, nil, Options{})[0]
	if g.Active != 1 || len(g.Alarms) != 2 {
		t.Errorf("%d alarms, %d active", len(g.Alarms), g.Active)
	}
}

func TestFlappingIsOneGroupThatCounts(t *testing.T) {
	n := object("Node", "", "n1")
	var alarms []Alarm
	for i := range 4 {
		a := fire("NodeNotReady", n, float64(10*i))
		if i < 3 {
			a = clear(a, float64(10*i+5))
		}
		alarms = append(alarms, a)
	}
	groups := Correlate(alarms, shop(), Options{})
	if len(groups) != 1 || !groups[0].Flapping || groups[0].Active != 1 || len(groups[0].Alarms) != 4 {
		t.Fatalf("%+v", outline(groups))
	}
	if groups[0].Urgency != Page || !groups[0].Opens() {
		t.Errorf("a node that comes and goes is taken for noise: %+v", groups[0])
	}
	if g := Correlate(alarms[:2], shop(), Options{}); g[0].Flapping {
		t.Error("two firings are no flapping")
	}
	for i := range alarms {
		alarms[i].ClearedAt = time.Time{}
	}
	if g := Correlate(alarms, shop(), Options{}); g[0].Flapping {
		t.Error("firing without clearing is no flapping")
	}
}

func TestSilences(t *testing.T) {
	w := Window{Name: "upgrade", From: noon.Add(-time.Hour), To: noon.Add(time.Hour), Clusters: []string{"demo"}, Namespaces: []string{"shop"}, Names: []string{"调度失败##FailedScheduling"}}
	a := fire("FailedScheduling", object("Pod", "shop", "db-0"), 0)
	a.ClusterName = "demo"
	for _, c := range []struct {
		name   string
		alarms []Alarm
		now    time.Time
		want   string
	}{
		{"covered", []Alarm{a}, noon, "upgrade"},
		{"after its end", []Alarm{a}, noon.Add(time.Hour), ""},
		{"before its beginning", []Alarm{a}, noon.Add(-2 * time.Hour), ""},
		{"another alarm of the object is not covered", []Alarm{a, fire("Unhealthy", a.Object, 0)}, noon, ""},
		{"another alarm that has cleared does not matter", []Alarm{a, clear(fire("Unhealthy", a.Object, 0), 1)}, noon, "upgrade"},
		{"another namespace", []Alarm{fire("FailedScheduling", object("Pod", "other", "db-0"), 0)}, noon, ""},
	} {
		g := Correlate(c.alarms, shop(), Options{Now: c.now, Silences: []Silence{w.Silence()}})[0]
		if g.Silenced != c.want || g.Opens() != (c.want == "") {
			t.Errorf("%s: silenced by %q, opens %v; want %q", c.name, g.Silenced, g.Opens(), c.want)
		}
	}
}

// deadSwitch is what a cluster reports when a switch takes a third of its nodes away.
func deadSwitch(nodes, alarms int) ([]Alarm, world) {
	w := world{owners: map[Object]Object{}, nodes: map[Object][]string{}, pools: map[string]string{}}
	var out []Alarm
	for i := range nodes {
		n := fmt.Sprintf("node-%03d", i)
		w.pools[n] = fmt.Sprintf("pool-%d", i%3)
		out = append(out, fire("NodeNotReady", object("Node", "", n), float64(i)/float64(nodes)*2))
	}
	names := []string{"Unhealthy", "PodPhaseAbnormal", "NodeNotReady", "AttachVolumeFailed", "FailedScheduling", "DeploymentReplicasMismatch"}
	for i := len(out); i < alarms; i++ {
		app := fmt.Sprintf("app-%d", i%700)
		p := object("Pod", fmt.Sprintf("team-%d", i%7), fmt.Sprintf("%s-7d9f8c6b5-%05d", app, i))
		top := object("Deployment", p.Namespace, app)
		w.owners[p] = top
		name := names[i%len(names)]
		if name == "FailedScheduling" { // the pod that replaces a lost one runs nowhere
			a := fire(name, p, 3)
			a.Message = "0/300 nodes are available: 100 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 200 Insufficient memory."
			out = append(out, a)
			continue
		}
		w.nodes[p] = []string{fmt.Sprintf("node-%03d", i%nodes)}
		if name == "DeploymentReplicasMismatch" {
			w.nodes[top] = append(w.nodes[top], w.nodes[p]...)
			p = top
		}
		a := fire(name, p, 1+float64(i%300)/100)
		a.ID = a.SN
		out = append(out, a)
	}
	return out, w
}

func TestOneDeadSwitchIsOneIncident(t *testing.T) {
	alarms, w := deadSwitch(100, 10000)
	unrelated := fire("FailedPullImage", object("Pod", "team-9", "lonely-0"), 1)
	groups := Correlate(append(alarms, unrelated), w, Options{})
	if len(groups) != 2 {
		t.Fatalf("%d groups: %.300v", len(groups), outline(groups))
	}
	g := groups[0]
	if len(g.Alarms) != 10000 || g.Root.Kind != "Cluster" || g.Key != "c-1/Node//node-000" || len(g.Folded) < 100 {
		t.Errorf("%d alarms, root %+v, key %s, %d folded", len(g.Alarms), g.Root, g.Key, len(g.Folded))
	}
	if o := outline(groups[1:]); o[0] != "StatefulSet team-9/lonely: FailedPullImage" {
		t.Errorf("the unrelated fault: %v", o)
	}
	without := Correlate(append(alarms, unrelated), nil, Options{})
	if len(without) != 2 {
		t.Errorf("without topology: %d groups: %.300v", len(without), outline(without))
	}
}

func TestManyWorkloadsWithOneTroubleAreOne(t *testing.T) {
	var pulls, quota, crashes []Alarm
	for i := range 12 {
		pulls = append(pulls, fire("FailedPullImage", object("Pod", fmt.Sprintf("team-%d", i%3), fmt.Sprintf("app%d-0", i)), float64(i)/10))
		quota = append(quota, fire("FailedCreate", object("StatefulSet", "shop", fmt.Sprintf("app%d", i)), float64(i)/10))
		crashes = append(crashes, fire("BackOffStart", object("Pod", "shop", fmt.Sprintf("app%d-0", i)), float64(i)/10))
	}
	for _, c := range []struct {
		name   string
		alarms []Alarm
		groups int
		root   Object
	}{
		{"a registry that is gone", pulls, 1, object("Cluster", "", "c-1")},
		{"seven of them may be chance", pulls[:7], 7, Object{}},
		{"a quota that is used up", quota, 1, object("Namespace", "", "shop")},
		{"crashes have many causes", crashes, 12, Object{}},
	} {
		got := Correlate(c.alarms, nil, Options{})
		if len(got) != c.groups || c.groups == 1 && got[0].Root != c.root {
			t.Errorf("%s: %v", c.name, outline(got))
		}
	}
}

// TestOrderAndRepetitionChangeNothing is the property that makes two diagnoses of one trouble agree.
func TestOrderAndRepetitionChangeNothing(t *testing.T) {
	alarms, w := deadSwitch(5, 300)
	base := shop()
	for k, v := range base.owners {
		w.owners[k] = v
	}
	for i := range 40 {
		alarms = append(alarms, clear(fire("ContainerCPUHigh", object("Pod", "shop", "web-7d9f8c6b5-x2k4v"), float64(i*2)), float64(i*2+1)), fire("own rule", Object{}, float64(i)))
	}
	want := Correlate(alarms, w, Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		mixed := slices.Clone(alarms)
		for range 100 {
			mixed = append(mixed, alarms[random.IntN(len(alarms))])
		}
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if d := cmp.Diff(want, Correlate(mixed, w, Options{})); d != "" {
			t.Fatalf("(-in order +mixed)\n%s", d)
		}
	}
}

func TestKeyStaysWhenMoreComes(t *testing.T) {
	alarms, w := deadSwitch(20, 400)
	slices.SortFunc(alarms, func(a, b Alarm) int { return a.FiredAt.Compare(b.FiredAt) })
	first := Correlate(alarms[:1], w, Options{})[0]
	for n := 50; n <= len(alarms); n += 50 {
		g := Correlate(alarms[:n], w, Options{})[0]
		if g.Key != first.Key || !g.FirstAt.Equal(first.FirstAt) {
			t.Fatalf("after %d alarms the key is %s, first %s; it was %s, %s", n, g.Key, g.FirstAt, first.Key, first.FirstAt)
		}
	}
	pod := fire("Unhealthy", object("Pod", "shop", "db-0"), -1)
	alone := Correlate([]Alarm{pod}, shop(), Options{})[0]
	folded := Correlate([]Alarm{pod, fire("NodeNotReady", object("Node", "", "n1"), 0)}, shop(), Options{})[0]
	if !slices.Contains(folded.Keys, alone.Key) {
		t.Errorf("an incident opened as %s cannot be found under %v", alone.Key, folded.Keys)
	}
}

func TestIncidentID(t *testing.T) {
	id := IncidentID("c-1", "k", noon)
	if len(id) != 25 || !strings.HasPrefix(id, "20261122-") {
		t.Errorf("id %q", id)
	}
	for _, other := range []string{IncidentID("c-2", "k", noon), IncidentID("c-1", "l", noon), IncidentID("c-1", "k", noon.Add(time.Second))} {
		if other == id {
			t.Error("two incidents share an id")
		}
	}
	if IncidentID("c-1", "k", noon.In(cst)) != id {
		t.Error("the id depends on the time zone")
	}
}

func TestRoute(t *testing.T) {
	rules := []Routing{
		{Chat: "payments", Owners: []string{"payments"}},
		{Chat: "shop", Namespaces: []string{"shop"}, Severities: []Severity{Critical, Major}},
		{Chat: "night", Urgencies: []Urgency{Page}, Clusters: []string{"demo"}},
	}
	group := func(ns string, s Severity, u Urgency) Group {
		return Group{Root: object("Deployment", ns, "web"), Severity: s, Urgency: u, ClusterName: "demo", Alarms: []Alarm{{}}}
	}
	tagged := group("x", Minor, Ticket)
	tagged.Alarms[0].Labels = map[string]string{"owner": "payments"}
	for _, c := range []struct {
		name   string
		g      Group
		labels map[string]string
		want   string
	}{
		{"owner of the workload", group("shop", Critical, Page), map[string]string{"team": "payments"}, "payments"},
		{"owner in the rule's tag", tagged, nil, "payments"},
		{"namespace and severity", group("shop", Major, Ticket), nil, "shop"},
		{"not severe enough for its namespace", group("shop", Minor, Page), nil, "night"},
		{"nothing fits", group("x", Minor, Ticket), nil, ""},
		{"a namespace itself", Group{Root: object("Namespace", "", "shop"), Severity: Major}, nil, "shop"},
	} {
		if got := Route(rules, c.g, c.labels); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzCorrelate feeds whatever parses as events, in both directions.
func FuzzCorrelate(f *testing.F) {
	f.Add([]byte(eventJSON + "\n" + strings.Replace(eventJSON, "FailedScheduling", "NodeNotReady", 1) + "\n{}"))
	f.Add([]byte(`{"metadata":{"event_name":"NodeNotReady","node":"n1"},"starts_at":1795330800000}` + "\n" + `{"metadata":{"event_name":"Unhealthy","pod":"web-7d9f8c6b5-x2k4v","nameSpace":"shop"},"starts_at":1,"ends_at":99999999999999}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var alarms []Alarm
		for line := range bytes.Lines(data) {
			if a, err := ParseEvent(line); err == nil && len(alarms) < 50 {
				alarms = append(alarms, a)
			}
		}
		forth := Correlate(alarms, shop(), Options{})
		slices.Reverse(alarms)
		if d := cmp.Diff(forth, Correlate(append(alarms, alarms...), shop(), Options{})); d != "" {
			t.Fatalf("order or repetition matters\n%s", d)
		}
		keys := map[string]bool{}
		for _, g := range forth {
			if keys[g.Key] || len(g.Alarms) == 0 || g.Key != g.Keys[0] {
				t.Fatalf("group %+v", g)
			}
			keys[g.Key] = true
		}
	})
}

func BenchmarkCorrelate100000(b *testing.B) {
	alarms, w := deadSwitch(300, 100000)
	b.ReportAllocs()
	for b.Loop() {
		if groups := Correlate(alarms, w, Options{}); len(groups) != 1 {
			b.Fatalf("%d groups", len(groups))
		}
	}
	b.ReportMetric(float64(len(alarms)*b.N)/b.Elapsed().Seconds(), "alarms/s")
}

func BenchmarkCorrelateUnrelated100000(b *testing.B) {
	var alarms []Alarm
	for i := range 100000 {
		alarms = append(alarms, fire("Unhealthy", object("Pod", fmt.Sprintf("ns-%d", i%50), fmt.Sprintf("app-%d-7d9f8c6b5-x2k4v", i%20000)), float64(i%600)))
	}
	b.ReportAllocs()
	for b.Loop() {
		Correlate(alarms, nil, Options{})
	}
	b.ReportMetric(float64(len(alarms)*b.N)/b.Elapsed().Seconds(), "alarms/s")
}

func BenchmarkParseEvent(b *testing.B) {
	b.SetBytes(int64(len(eventJSON)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEvent([]byte(eventJSON)); err != nil {
			b.Fatal(err)
		}
	}
}
