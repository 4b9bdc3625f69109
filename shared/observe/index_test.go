package observe

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

const indexCase = `{"version":1,"at":"2026-11-22T07:00:00Z","objects":[
 {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"}},
 {"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-9","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"9"},"ownerReferences":[{"kind":"Deployment","name":"web","controller":true}]}},
 {"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-10","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"10"},"ownerReferences":[{"kind":"Deployment","name":"web","controller":true}]}},
 {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"nightly-1","namespace":"shop","ownerReferences":[{"kind":"CronJob","name":"nightly","controller":true}]}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-10-a","namespace":"shop","labels":{"app":"web","tier":"front"},"ownerReferences":[{"kind":"ReplicaSet","name":"web-10","controller":true}]},"spec":{"nodeName":"n1","volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"data"}}]}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"gone-5d8f7c9b6-x","namespace":"shop","labels":{"app":"gone","pod-template-hash":"5d8f7c9b6"},"ownerReferences":[{"kind":"ReplicaSet","name":"gone-5d8f7c9b6","controller":true}]},"spec":{"nodeName":"n1"}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"nightly-1-z","namespace":"shop","ownerReferences":[{"kind":"Job","name":"nightly-1","controller":true}]}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"alone","namespace":"shop"}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"static-n1","namespace":"kube-system","ownerReferences":[{"kind":"Node","name":"n1","controller":true}]},"spec":{"nodeName":"n1"}},
 {"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"app":"web"}}},
 {"apiVersion":"v1","kind":"Service","metadata":{"name":"none","namespace":"shop"},"spec":{}},
 {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web-x","namespace":"shop","labels":{"kubernetes.io/service-name":"web"}},"ports":[{"name":"http","port":8080}],"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false},"targetRef":{"kind":"Pod","name":"web-10-a"}},{"addresses":["10.0.0.2"]}]},
 {"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"old","namespace":"shop"},"subsets":[{"notReadyAddresses":[{"ip":"10.0.0.9","targetRef":{"kind":"Pod","namespace":"shop","name":"alone"}}],"ports":[{"port":80}]}]},
 {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":"shop"},"spec":{"volumeName":"pv-1"}},
 {"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"pv-1"}},
 {"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"cce.cloud.com/cce-nodepool":"pool"}}},
 {"apiVersion":"v3","kind":"NodePool","metadata":{"name":"pool"},"spec":{"initialNodeCount":1}},
 {"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"web-hpa","namespace":"shop"},"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"web"}}},
 {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"all","namespace":"shop"},"spec":{"selector":{}}},
 {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"no-selector","namespace":"shop"},"spec":{}},
 {"apiVersion":"v1","kind":"Event","metadata":{"name":"late"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"alone"},"reason":"Late","lastTimestamp":"2026-11-22T06:59:00Z"},
 {"apiVersion":"v1","kind":"Event","metadata":{"name":"early"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"alone"},"reason":"Early","eventTime":"2026-11-22T06:58:00.000000Z"},
 {"apiVersion":"v1","kind":"Event","metadata":{"name":"node","namespace":"default"},"involvedObject":{"kind":"Node","namespace":"default","name":"n1"},"reason":"NodeNotReady"}],
"series":[
 {"metric":{"__name__":"m","namespace":"shop","pod":"web-10-a","node":"n1"},"values":[[1,"1"],[2,"2"],[3,"3"]]},
 {"metric":{"__name__":"m","namespace":"shop","workload":"web"},"values":[[1,"9"]]},
 {"metric":{"__name__":"m","namespace":"other","pod":"web-10-a"},"values":[]},
 {"metric":{"__name__":"n","node":"n1"},"values":[]}],
"logs":[{"namespace":"shop","pod":"web-10-a","lines":["p"]},{"namespace":"shop","workload":"Deployment/web","lines":["w"]}],
"changes":[
 {"at":"2026-11-22T06:40:00Z","source":"cts","target":{"kind":"ReplicaSet","namespace":"shop","name":"web-10"}},
 {"at":"2026-11-22T06:50:00Z","source":"cts","target":{"kind":"ConfigMap","namespace":"shop","name":"conf"}},
 {"at":"2026-11-22T06:55:00Z","source":"cts","target":{"kind":"ConfigMap","namespace":"other","name":"conf"}},
 {"at":"2026-11-22T01:00:00Z","source":"cts","target":{"kind":"Deployment","namespace":"shop","name":"web"}}]}`

func names(pods []*corev1.Pod) string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return strings.Join(out, " ")
}

func TestIndexAnswers(t *testing.T) {
	x := mustRead(t, indexCase).Index()
	web := incident.Target{Cluster: "c1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	top := func(pod string) string { return x.WorkloadOf(x.Pod("shop", pod)).String() }
	revisions := ""
	for _, rs := range x.ReplicaSetsOf("shop", "web") {
		revisions += rs.Name + " "
	}
	reasons := func(t incident.Target) (out string) {
		for _, e := range x.EventsOf(t) {
			out += e.Reason + " "
		}
		return out
	}
	values := func(all []Series) (out string) {
		for _, s := range all {
			if p, ok := s.Last(); ok {
				out += fmt.Sprint(p.Value, " ")
			}
		}
		return out
	}
	backends, known := x.Backends("shop", "web")
	old, _ := x.Backends("shop", "old")
	_, unknown := x.Backends("shop", "none")
	logs, changes := "", ""
	for _, l := range x.LogsOf(web) {
		logs += l.Lines[0]
	}
	for _, c := range x.ChangesNear(web, time.Hour) {
		changes += c.Target.String() + "; "
	}
	got := map[string]string{
		"owned by a ReplicaSet": top("web-10-a"), "owned by a ReplicaSet that is gone": top("gone-5d8f7c9b6-x"),
		"owned by a Job": top("nightly-1-z"), "owned by nobody": top("alone"),
		"static":             x.WorkloadOf(x.Pod("kube-system", "static-n1")).String(),
		"pods of Deployment": names(x.PodsOf(web)), "pods of CronJob": names(x.PodsOf(incident.Target{Kind: "CronJob", Namespace: "shop", Name: "nightly"})),
		"pods of Service": names(x.PodsOf(incident.Target{Kind: "Service", Namespace: "shop", Name: "web"})), "pods on node": names(x.PodsOn("n1")),
		"pods without labels asked": names(x.PodsLabelled("shop", nil)), "both labels": names(x.PodsLabelled("shop", map[string]string{"app": "web", "tier": "front"})),
		"one label wrong": names(x.PodsLabelled("shop", map[string]string{"app": "web", "tier": "back"})),
		"top of HPA":      x.TopOf(incident.Target{Kind: "HorizontalPodAutoscaler", Namespace: "shop", Name: "web-hpa"}).String(), "top of ReplicaSet": x.TopOf(incident.Target{Kind: "ReplicaSet", Namespace: "shop", Name: "web-9"}).String(),
		"revisions": revisions, "pod events": reasons(incident.Target{Kind: "Pod", Namespace: "shop", Name: "alone"}), "node events": reasons(incident.Target{Kind: "Node", Name: "n1"}),
		"services": x.ServicesOfWorkload(web)[0].Name, "backends": fmt.Sprint(known, len(backends), backends[1].Pod.String(), backends[1].Ready, backends[0].Ready, backends[0].Ports[0].Port),
		"old endpoints": fmt.Sprint(old[0].Pod.String(), old[0].Ready, old[0].Ports[0]), "unknown backends": fmt.Sprint(unknown),
		"hpas": fmt.Sprint(len(x.HPAsOf(web))), "budgets": fmt.Sprint(len(x.PDBsOf(x.Pod("shop", "alone")))),
		"volume": x.VolumeOf(x.ClaimsOf(x.Pod("shop", "web-10-a"))["data"]).Name, "pool": x.PoolOf(x.Node("n1")).Name,
		"series of workload": values(x.SeriesOf("m", web)), "series of pod": values(x.SeriesOf("m", incident.Target{Kind: "Pod", Namespace: "shop", Name: "web-10-a"})),
		"series of node": fmt.Sprint(len(x.SeriesOf("n", incident.Target{Kind: "Node", Name: "n1"}))), "series by label": values(x.Series("m", map[string]string{"workload": "web"})),
		"between": fmt.Sprint(len(x.SeriesOf("m", incident.Target{Kind: "Pod", Namespace: "shop", Name: "web-10-a"})[0].Between(time.Unix(2, 0), time.Unix(3, 0)))),
		"logs":    logs, "changes near": changes, "changes of": fmt.Sprint(len(x.ChangesOf(web, web))),
	}
	want := map[string]string{
		"owned by a ReplicaSet": "Deployment shop/web", "owned by a ReplicaSet that is gone": "Deployment shop/gone",
		"owned by a Job": "CronJob shop/nightly", "owned by nobody": "Pod shop/alone", "static": "Pod kube-system/static-n1",
		"pods of Deployment": "web-10-a", "pods of CronJob": "nightly-1-z", "pods of Service": "web-10-a", "pods on node": "static-n1 gone-5d8f7c9b6-x web-10-a",
		"pods without labels asked": "", "both labels": "web-10-a", "one label wrong": "", "top of HPA": "Deployment shop/web", "top of ReplicaSet": "Deployment shop/web",
		"revisions": "web-9 web-10 ", "pod events": "Early Late ", "node events": "NodeNotReady ",
		"services": "web", "backends": "true 2Pod shop/web-10-afalse true 8080", "old endpoints": "Pod shop/alonefalse { 80 TCP}", "unknown backends": "false",
		"hpas": "1", "budgets": "1", "volume": "pv-1", "pool": "pool",
		"series of workload": "9 3 ", "series of pod": "3 ", "series of node": "1", "series by label": "9 ", "between": "2", "logs": "wp",
		"changes near": "ReplicaSet shop/web-10; ConfigMap shop/conf; ", "changes of": "1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestIndexIsBuiltOnceAndNeverLent(t *testing.T) {
	s := mustRead(t, indexCase)
	var wg sync.WaitGroup
	all := make([]*Index, 8)
	for i := range all {
		wg.Go(func() { all[i] = s.Index() })
	}
	wg.Wait()
	for _, x := range all {
		if x != all[0] {
			t.Fatal("two indexes of one snapshot")
		}
	}
	c := *s
	c.Objects.Pods = nil
	if c.Index().Pod("shop", "alone") != nil {
		t.Error("the index of a copy answers for the original")
	}
}

// bigCase is a snapshot of pods in Deployments of ten, a Service each, on a node per hundred.
func bigCase(pods int) *Snapshot {
	s := &Snapshot{At: time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)}
	yes := true
	for i := range pods {
		app := fmt.Sprintf("app-%d", i/10)
		p := &corev1.Pod{}
		p.Namespace, p.Name = "load", fmt.Sprintf("%s-7d9f8c6b5-%05d", app, i)
		p.Labels = map[string]string{"app": app, "pod-template-hash": "7d9f8c6b5"}
		p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{Kind: "ReplicaSet", Name: app + "-7d9f8c6b5", Controller: &yes})
		p.Spec.NodeName = fmt.Sprintf("node-%d", i/100)
		s.Objects.Pods = append(s.Objects.Pods, p)
		if i%10 == 0 {
			v := &corev1.Service{}
			v.Namespace, v.Name, v.Spec.Selector = "load", app, map[string]string{"app": app}
			s.Objects.Services = append(s.Objects.Services, v)
		}
	}
	s.Sort()
	return s
}

func BenchmarkIndex5000Pods(b *testing.B) {
	s := bigCase(5000)
	b.ReportAllocs()
	for b.Loop() {
		newIndex(s)
	}
}

func BenchmarkReadCase5000Pods(b *testing.B) {
	data, err := bigCase(5000).WriteCase()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadCase(data); err != nil {
			b.Fatal(err)
		}
	}
}
