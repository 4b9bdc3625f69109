package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Metrics evaluates PromQL over a range. Gaps are no points.
type Metrics interface {
	Range(ctx context.Context, promql string, from, to time.Time, step time.Duration) ([]Series, error)
}

// Logs searches the log service.
type Logs interface {
	Search(ctx context.Context, q LogQuery) ([]Log, error)
}

// Changes tells what people and other systems did, our own calls left out.
type Changes interface {
	Since(ctx context.Context, from, to time.Time) ([]Change, error)
}

// Pools lists the node pools of the cluster.
type Pools interface {
	Pools(ctx context.Context) ([]NodePool, error)
}

// LogQuery asks for the newest lines of a pod or of a workload's pods within a time, at most Limit of them.
type LogQuery struct {
	Namespace string
	Pod       string // or Workload
	Workload  string
	Container string // empty: all
	From, To  time.Time
	Limit     int
}

// Builder looks at a cluster in two passes: a cheap one over everything, one list of each kind in pages; then a deep one where
// something looks wrong or an alarm points: logs, metrics over time, history. Every source may be nil or fail.
type Builder struct {
	Kube    kubernetes.Interface
	Dynamic dynamic.Interface // nil: kinds without a type (see Custom) are not looked for
	Metrics Metrics
	Logs    Logs
	Changes Changes
	Pools   Pools
	Now     func() time.Time
	Limits  Limits
}

// Limits bound a look in size and time. Zero values are replaced by the defaults in parentheses.
type Limits struct {
	Page       int64         // objects of one page of a list (500)
	Parallel   int           // calls at the same time (6)
	Call       time.Duration // one call or page (20 s)
	Events     int           // events kept, the newest; warnings first (4000)
	EventPages int           // pages of events read (60)
	Window     time.Duration // age of events (3 h)
	Changes    time.Duration // age of changes (24 h)
	Metrics    time.Duration // length of series (1 h)
	Step       time.Duration // of series (1 min)
	Recent     time.Duration // of which samples are read closer together (10 min)
	Fine       time.Duration // step of the recent part: how often CCE's monitoring scrapes (15 s)
	Workloads  int           // workloads looked at in depth (40)
	Pods       int           // pods whose series are read (120)
	LogPods    int           // pods whose logs are read (40)
	LogLines   int64         // of each container (100)
	LogBytes   int64         // of each container (64 KiB)
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set64 := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set64(&l.Page, 500)
	set(&l.Parallel, 6)
	wait(&l.Call, 20*time.Second)
	set(&l.Events, 4000)
	set(&l.EventPages, 60)
	wait(&l.Window, 3*time.Hour)
	wait(&l.Changes, 24*time.Hour)
	wait(&l.Metrics, time.Hour)
	wait(&l.Step, time.Minute)
	wait(&l.Recent, 10*time.Minute)
	wait(&l.Fine, 15*time.Second)
	set(&l.Workloads, 40)
	set(&l.Pods, 120)
	set(&l.LogPods, 40)
	set64(&l.LogLines, 100)
	set64(&l.LogBytes, 64<<10)
	return l
}

// Build looks. It never fails: what could not be seen is in Gaps, in words, and by source in Unreadable. scope and alarms say where
// to look deeper, not where alone to look.
func (b *Builder) Build(ctx context.Context, cluster incident.Cluster, scope Scope, alarms []alarm.Alarm) *Snapshot {
	l := &look{
		b: b, limits: b.Limits.withDefaults(),
		s: &Snapshot{At: b.Now().UTC().Truncate(time.Second), Cluster: cluster, Scope: scope, Alarms: slices.Clone(alarms)},
	}
	l.slots = make(chan struct{}, l.limits.Parallel)
	l.scan(ctx)
	l.s.Sort()
	suspects := l.suspects()
	l.deepen(ctx, suspects)
	l.s.Sort()
	l.s.freeze()
	return l.s
}

// look is one run of a Builder.
type look struct {
	b      *Builder
	limits Limits
	s      *Snapshot
	slots  chan struct{}

	mu   sync.Mutex          // guards what several calls add to: s.Series, s.Logs, s.Changes, s.Gaps, s.Unreadable, and lost
	lost map[string][]string // reason → queries that failed for it
}

// all runs calls side by side, as many at a time as Limits allow, and waits for them.
func (l *look) all(ctx context.Context, calls []func(context.Context)) {
	var wg sync.WaitGroup
	for _, call := range calls {
		wg.Go(func() {
			l.slots <- struct{}{}
			defer func() { <-l.slots }()
			call(ctx)
		})
	}
	wg.Wait()
}

// limited gives one call its time.
func (l *look) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.limits.Call)
}

// missed notes what could not be seen: a sentence for people, and the source's name unless judgement can do without it.
func (l *look) missed(source, what string, needed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.gap(what)
	if needed && !slices.Contains(l.s.Unreadable, source) {
		l.s.Unreadable = append(l.s.Unreadable, source)
	}
}

// scan is the first pass: everything that one call or one list tells.
func (l *look) scan(ctx context.Context) {
	var calls []func(context.Context)
	if l.b.Kube == nil {
		l.missed("objects", "the cluster could not be read: no access is configured", true)
	} else {
		calls = append(calls, l.lists()...)
		if l.b.Dynamic != nil {
			calls = append(calls, l.custom)
		}
	}
	calls = append(calls, l.scanPools, l.scanChanges)
	l.all(ctx, calls)
	l.trimEvents()
	if l.b.Kube != nil && len(l.s.Objects.EndpointSlices) == 0 && len(l.s.Objects.Services) > 0 {
		l.endpoints()(ctx)
	}
}

func (l *look) scanPools(ctx context.Context) {
	if l.b.Pools == nil {
		return // said later, if the nodes turn out to belong to pools
	}
	ctx, cancel := l.limited(ctx)
	defer cancel()
	pools, err := l.b.Pools.Pools(ctx)
	if err != nil {
		l.missed("nodepools", "node pools could not be read: "+reason(err), false)
		return
	}
	l.s.Objects.NodePools = pools
}

func (l *look) scanChanges(ctx context.Context) {
	if l.b.Changes == nil {
		l.missed("changes", "changes made through the cloud could not be read: no source is configured", false)
		return
	}
	ctx, cancel := l.limited(ctx)
	defer cancel()
	changes, err := l.b.Changes.Since(ctx, l.s.At.Add(-l.limits.Changes), l.s.At)
	if err != nil {
		l.missed("changes", "changes made through the cloud could not be read: "+reason(err), false)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.Changes = append(l.s.Changes, changes...)
}

// deepen is the second pass.
func (l *look) deepen(ctx context.Context, in *suspects) {
	if l.b.Pools == nil && l.pooled() {
		l.missed("nodepools", "node pools could not be read: no source is configured", false)
	}
	l.dropConfigMapValues(in)
	l.history()
	calls := append(l.logCalls(in), l.metricCalls(ctx, in)...)
	calls = append(calls, l.revisionCalls(in)...)
	calls = append(calls, l.goneCalls(in)...)
	l.all(ctx, calls)
	l.settle()
}

func (l *look) pooled() bool {
	return slices.ContainsFunc(l.s.Objects.Nodes, func(n *corev1.Node) bool { return n.Labels[NodePoolLabel] != "" })
}

// quoted lists names for a sentence: the first few and how many more.
func quoted(names []string) string {
	const most = 3
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
