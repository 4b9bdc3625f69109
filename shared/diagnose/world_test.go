package diagnose

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// object is a Kubernetes object as a tree of fields.
type tree = map[string]any

// moment is what a scenario says of one moment, over the healthy world of testdata/world.yaml. Everything may be left out.
type moment struct {
	At         string   `json:"at"`
	Cluster    tree     `json:"cluster"`
	Nodes      []node   `json:"nodes"`
	Pools      []pool   `json:"pools"`
	Classes    []class3 `json:"classes"`
	Apps       []app    `json:"apps"`
	Ingresses  []route  `json:"ingresses"`
	Empty      bool     `json:"empty"`  // begin with nothing instead of the world
	Before     []tree   `json:"before"` // patches or new objects from which pods are derived; "released: 12m" makes a new revision
	Pods       []change `json:"pods"`   // what became of pods
	After      []tree   `json:"after"`  // patches of finished objects; "delete: true" takes them away
	Events     []event3 `json:"events"`
	Series     []curve  `json:"series"`
	Logs       []log3   `json:"logs"`
	Changes    []tree   `json:"changes"`
	Alarms     []tree   `json:"alarms"`
	Unreadable []string `json:"unreadable"`
	Question   string   `json:"question"`
	Scope      tree     `json:"scope"`
	NoBaseline bool     `json:"noBaseline"` // no healthy curves for the others
}

// world builds the case document of a scenario.
type world struct {
	t       testing.TB
	at      time.Time
	objects []tree
	moment  moment
	nodes   []string
	next    int
}

func readMoment(t testing.TB, data []byte) moment {
	t.Helper()
	var m moment
	if err := yaml.UnmarshalStrict(data, &m); err != nil {
		t.Fatalf("moment: %v", err)
	}
	return m
}

func buildCase(t testing.TB, base, m moment) []byte {
	t.Helper()
	if !m.Empty {
		m.Nodes, m.Pools = orElse(m.Nodes, base.Nodes), orElse(m.Pools, base.Pools)
		m.Classes = append(slices.Clone(base.Classes), m.Classes...)
		m.Ingresses = orElse(m.Ingresses, base.Ingresses)
		m.Events = append(slices.Clone(base.Events), m.Events...)
		apps := slices.Clone(base.Apps)
		for _, a := range m.Apps {
			apps = slices.DeleteFunc(apps, func(x app) bool { return x.Name == a.Name && x.Namespace == a.Namespace })
			apps = append(apps, a)
		}
		m.Apps = apps
	}
	if m.At == "" {
		m.At = base.At
	}
	if m.Cluster == nil {
		m.Cluster = base.Cluster
	}
	at, err := time.Parse(time.RFC3339, m.At)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, at: at, moment: m}
	w.build()
	doc := tree{
		"version": 1, "at": m.At, "cluster": m.Cluster, "question": m.Question, "objects": w.objects, "series": w.series(), "logs": w.logs(),
		"changes": w.timed(m.Changes), "alarms": w.alarms(), "unreadable": m.Unreadable,
	}
	if m.Scope != nil {
		doc["scope"] = m.Scope
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func orElse[T any](a, b []T) []T {
	if a != nil {
		return a
	}
	return b
}

func (w *world) ago(s string) string {
	if s == "" {
		return w.at.Format(time.RFC3339)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		w.t.Fatalf("span %q: %v", s, err)
	}
	return w.at.Add(-d).Format(time.RFC3339)
}

func (w *world) build() {
	m := w.moment
	spaces := map[string]bool{}
	for _, n := range m.Nodes {
		w.nodes = append(w.nodes, n.Name)
		w.objects = append(w.objects, w.node(n),
			tree{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": tree{"name": n.Name, "namespace": "kube-node-lease"}, "spec": tree{"holderIdentity": n.Name, "renewTime": w.at.Add(-6 * time.Second).Format("2006-01-02T15:04:05.000000Z07:00")}})
	}
	for _, p := range m.Pools {
		w.objects = append(w.objects, tree{
			"apiVersion": "v3", "kind": "NodePool", "metadata": tree{"name": p.Name, "uid": "pool-" + p.Name},
			"spec":   tree{"initialNodeCount": max(p.Wanted, p.Active), "autoscaling": tree{"enable": p.Autoscaling, "minNodeCount": p.Min, "maxNodeCount": p.Max}},
			"status": tree{"currentNode": p.Active, "conditions": p.Conditions},
		})
	}
	for _, c := range m.Classes {
		w.objects = append(w.objects, tree{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": tree{"name": c.Name}, "provisioner": c.Provisioner, "volumeBindingMode": c.Mode})
	}
	for _, a := range m.Apps {
		spaces[a.Namespace] = true
		w.app(a)
	}
	for _, s := range slices.Sorted(maps.Keys(spaces)) {
		w.objects = append(w.objects, tree{"apiVersion": "v1", "kind": "Namespace", "metadata": tree{"name": s, "labels": tree{"kubernetes.io/metadata.name": s}}, "status": tree{"phase": "Active"}})
	}
	for _, r := range m.Ingresses {
		w.objects = append(w.objects, ingress(r))
	}
	for _, p := range m.Before {
		w.patch(p)
	}
	for _, o := range slices.Clone(w.objects) {
		switch o["kind"] {
		case "Deployment", "StatefulSet", "DaemonSet":
			w.spread(o)
		}
	}
	for _, c := range m.Pods {
		w.become(c)
	}
	w.settle()
	for _, p := range m.After {
		w.patch(p)
	}
	for _, e := range m.Events {
		w.event(e)
	}
}
