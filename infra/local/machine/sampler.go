package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	scalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
)

const (
	sampleEvery  = 3 * time.Second
	historyEvery = 15 * time.Second
	history      = time.Hour
	recent       = 2 * time.Minute // of the history, as dense as what follows: a rate over two densities saws, and a rule's "for" begins anew
)

// sampler measures the cluster as its metrics agent does: every few seconds it looks at the live objects and the load, and writes
// under the names CCE has.
type sampler struct {
	cluster, name string // label values
	url           string // of the PromQL engine
	loads         *Loads
	client        *http.Client

	pods        corelisters.PodLister
	nodes       corelisters.NodeLister
	deployments appslisters.DeploymentLister
	replicaSets appslisters.ReplicaSetLister
	stateful    appslisters.StatefulSetLister
	daemons     appslisters.DaemonSetLister
	scalers     scalinglisters.HorizontalPodAutoscalerLister

	mu       sync.Mutex
	counters map[string]float64           // by series, for what only grows
	shown    map[string]map[string]string // series of the last frame
	gauges   map[string]sample            // what a scenario adds
	now      map[string]map[string]usage  // for the metrics API
	last     time.Time
	muted    bool
}

// sample is one value of one series.
type sample struct {
	metric map[string]string
	value  float64
}

func newSampler(ctx context.Context, opt Options, client kubernetes.Interface, url string, loads *Loads) (*sampler, error) {
	f := informers.NewSharedInformerFactory(client, 0)
	s := &sampler{
		cluster: opt.ClusterID, name: opt.ClusterName, url: url, loads: loads, client: &http.Client{Timeout: 20 * time.Second},
		pods: f.Core().V1().Pods().Lister(), nodes: f.Core().V1().Nodes().Lister(), deployments: f.Apps().V1().Deployments().Lister(),
		replicaSets: f.Apps().V1().ReplicaSets().Lister(), stateful: f.Apps().V1().StatefulSets().Lister(),
		daemons: f.Apps().V1().DaemonSets().Lister(), scalers: f.Autoscaling().V2().HorizontalPodAutoscalers().Lister(),
		counters: map[string]float64{}, shown: map[string]map[string]string{}, gauges: map[string]sample{},
	}
	f.Start(ctx.Done())
	for kind, ok := range f.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return nil, fmt.Errorf("watch %v: %w", kind, ctx.Err())
		}
	}
	return s, nil
}

// past writes the hour before now, as if everything that runs had been running: charts and baselines need a past.
func (s *sampler) past(ctx context.Context, now time.Time) error {
	values := map[string][][2]any{}
	metrics := map[string]map[string]string{}
	step := historyEvery
	for at := now.Add(-history); at.Before(now); at = at.Add(step) {
		if now.Sub(at) <= recent {
			step = sampleEvery
		}
		for _, x := range s.frame(at) {
			k := seriesKey(x.metric)
			metrics[k] = x.metric
			values[k] = append(values[k], point(at, x.value))
		}
	}
	var out []written
	for _, k := range slices.Sorted(maps.Keys(metrics)) {
		out = append(out, written{metrics[k], values[k]})
	}
	return s.write(ctx, out)
}

// run samples until ctx ends. Trouble is told to complain and tried again at the next turn.
func (s *sampler) run(ctx context.Context, complain func(error)) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		if err := s.once(ctx, time.Now()); err != nil && ctx.Err() == nil {
			complain(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// once writes one frame, and ends the series of what is gone, as a scrape does.
func (s *sampler) once(ctx context.Context, at time.Time) error {
	s.mu.Lock()
	muted := s.muted
	s.mu.Unlock()
	if muted {
		return nil
	}
	frame := s.frame(at)
	seen := map[string]map[string]string{}
	var out []written
	for _, x := range frame {
		seen[seriesKey(x.metric)] = x.metric
		out = append(out, written{x.metric, [][2]any{point(at, x.value)}})
	}
	for k, metric := range s.shown {
		if seen[k] == nil {
			out = append(out, written{metric, [][2]any{{float64(at.UnixMilli()) / 1000, "stale"}}})
		}
	}
	s.shown = seen
	return s.write(ctx, out)
}

// written is a series as the engine takes it.
type written struct {
	Metric map[string]string `json:"metric"`
	Values [][2]any          `json:"values"`
}

func point(at time.Time, v float64) [2]any {
	return [2]any{float64(at.UnixMilli()) / 1000, strconv.FormatFloat(v, 'g', -1, 64)}
}

func (s *sampler) write(ctx context.Context, series []written) error {
	if len(series) == 0 {
		return nil
	}
	body, err := json.Marshal(series)
	if err != nil {
		return fmt.Errorf("encode samples: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/ingest", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("address the PromQL engine: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // the status says enough without it
		return fmt.Errorf("write samples: %s: %s", resp.Status, text)
	}
	return nil
}

func seriesKey(metric map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(metric)) {
		b.WriteString(k + "\x00" + metric[k] + "\x00")
	}
	return b.String()
}

// workload is the namespace/name of what runs a pod: the Deployment rather than its ReplicaSet.
func (s *sampler) workload(p *corev1.Pod) string {
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return podKey(p)
	}
	if owner.Kind == "ReplicaSet" {
		if rs, err := s.replicaSets.ReplicaSets(p.Namespace).Get(owner.Name); err == nil {
			if d := metav1.GetControllerOf(rs); d != nil {
				return p.Namespace + "/" + d.Name
			}
		}
	}
	return p.Namespace + "/" + owner.Name
}

// world is what is measured, each kind sorted.
type world struct {
	pods  []*corev1.Pod
	nodes []*corev1.Node
}

func (s *sampler) world() (world, error) {
	var w world
	var err error
	if w.pods, err = s.pods.List(labels.Everything()); err != nil {
		return w, err
	}
	if w.nodes, err = s.nodes.List(labels.Everything()); err != nil {
		return w, err
	}
	slices.SortFunc(w.pods, func(a, b *corev1.Pod) int { return strings.Compare(podKey(a), podKey(b)) })
	slices.SortFunc(w.nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return w, nil
}

// use is what every container used at the last frame, by pod.
func (s *sampler) use() map[string]map[string]usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}
