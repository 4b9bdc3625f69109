package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// Curves beside CPU and memory that tell what a workload suffers from by itself: what it reads and writes, what it holds open, how full
// its file system is, how long it collects garbage, and how often its containers start anew. Exporters name these in many ways, so
// metrics are known by the words in their names.

// piling is one such kind of curve.
type piling struct {
	metric *regexp.Regexp
	not    *regexp.Regexp // names that fit and mean something else
	reason incident.Reason
	times  float64 // how many times its former level the new one must be
	floor  float64 // a former level below this counts as this
	least  float64 // what the new level must reach
	en, zh string
}

var pilings = []piling{
	{
		metric: regexp.MustCompile(`(?i)(disk|fs|io|storage|blkio)_?.*(read|writ|io|iops|busy|util|wait|time)|iowait`),
		not:    regexp.MustCompile(`(?i)^node_|usage|latency|network|inode|ratio_total|requests?_`),
		reason: incident.ContainerDiskBusy, times: 5, floor: 0.01, en: "reads or writes %.0f times what it did", zh: "磁盘读写量升至原来的 %.0f 倍",
	},
	{
		metric: regexp.MustCompile(`(?i)socket|open_?(files|fds)|file_descriptors|(^|_)fds?($|_)|(tcp|open|active|established)_?conn|conn(ection)?s?_(count|active|open|total|current)|connections$|threads|goroutines`),
		not:    regexp.MustCompile(`(?i)^node_|limit|max|idle|waiting_total`),
		reason: incident.SocketsExhausted, times: 3, floor: 5, least: 100, en: "holds %.0f times what it held open", zh: "占用的连接/句柄/线程数升至原来的 %.0f 倍",
	},
	{
		metric: regexp.MustCompile(`(?i)(^|_)gc_.*(pause|time|duration|seconds)|gc_(pause|time|duration)|garbage_collect`),
		not:    regexp.MustCompile(`(?i)^node_|count$`),
		reason: incident.GarbageCollectionPauses, times: 3, floor: 0.02, least: 0.1, en: "spends %.0f times as long collecting garbage", zh: "GC 耗时升至原来的 %.0f 倍",
	},
}

// usage looks at these curves of one workload.
func (g *gather) usage(w *workload) {
	if w.isJob() || system(w.target.Namespace) {
		return
	}
	for i := range pilings {
		g.piled(&pilings[i], w)
	}
	g.filesystem(w)
	g.restartCounter(w)
}

func (g *gather) piled(k *piling, w *workload) {
	v := g.v
	for _, m := range v.idx.Metrics() {
		if strings.HasPrefix(m, "request_") || !k.metric.MatchString(m) || k.not.MatchString(m) {
			continue
		}
		for _, s := range v.seriesOf(m, w) {
			j, ok := v.step(perSecond(s))
			if !ok || j.after < k.least || j.ratio(k.floor) < k.times || v.busier(w, j.ratio(k.floor)) || v.answers(w) && !v.degraded(w) {
				continue
			}
			d, fresh := g.on(k.reason, w.target)
			if fresh {
				times := j.ratio(k.floor)
				d.say(w.target.String()+" "+fmt.Sprintf(k.en, times), w.target.String()+" "+fmt.Sprintf(k.zh, times)).affects(w.target).number(FactReplicas, int64(max(w.desired, 0)))
			}
			if !d.wordy() {
				d.metric(aboutSeries(w, s), j.at, "%s stepped from %.4g to %.4g", m, j.before, j.after).since(j.at)
			}
			g.suffers(d, w)
		}
	}
}

// aboutSeries is the pod that a series speaks of, or the workload.
func aboutSeries(w *workload, s observe.Series) incident.Target {
	if p := s.Labels["pod"]; p != "" {
		return incident.Target{Kind: "Pod", Namespace: w.target.Namespace, Name: p}
	}
	return w.target
}

// suffers cites what callers feel of it.
func (g *gather) suffers(d *draft, w *workload) {
	if d.wordy() {
		return
	}
	if j, m, ok := g.v.slow(w); ok {
		d.metric(w.target, j.at, "%s stepped from %.3g to %.3g", m, j.before, j.after)
	}
	if j, ok := g.v.failing(w); ok {
		d.metric(w.target, j.at, "request_success_ratio fell from %.3f to %.3f", j.before, j.after)
	}
}

// filesystem is a file system of containers that is nearly full and was filled lately.
func (g *gather) filesystem(w *workload) {
	v := g.v
	for _, s := range v.seriesOf("filesystem_usage_ratio", w) {
		level, ok := v.current(s)
		if !ok || level < nodeHigh {
			continue
		}
		d, fresh := g.on(incident.ContainerFilesystemFull, w.target)
		if fresh {
			d.say(fmt.Sprintf("the file system of %s is %.0f %% full", w.target, 100*level), fmt.Sprintf("%s 容器文件系统已用 %.0f%%", w.target, 100*level)).affects(w.target).fact(FactUsage, fmt.Sprintf("%.2f", level)).
				number(FactReplicas, int64(max(w.desired, 0)))
		}
		if first := s.Points[0].Value; !d.wordy() {
			d.metric(aboutSeries(w, s), v.At, "filesystem_usage_ratio %.2f (%.2f when the series begins)", level, first).since(heldSince(s, nodeHigh))
		}
	}
}

// restartCounter is a counter of restarts that rises where no pod was read that would tell why: more than once within an hour, or once
// with requests that fail since.
func (g *gather) restartCounter(w *workload) {
	v := g.v
	for _, p := range w.pods {
		for _, c := range p.Status.ContainerStatuses {
			if c.LastTerminationState.Terminated != nil || c.State.Waiting != nil {
				return // the object tells why
			}
		}
	}
	for _, s := range v.seriesOf("container_restarts_total", w) {
		n, first := restartsIn(s, v.ago(time.Hour))
		last, ok := s.Last()
		if !ok || !v.recent(last.At, lately) || n == 0 || n == 1 && !v.degraded(w) {
			continue
		}
		d, fresh := g.on(incident.AppExitError, w.target)
		if fresh {
			d.say(fmt.Sprintf("containers of %s restarted %d times within the hour; how they ended was not read", w.target, n), fmt.Sprintf("%s 的容器一小时内重启 %d 次，未读到退出原因", w.target, n)).
				weigh(0.95).affects(w.target).number(FactReplicas, int64(max(w.desired, 0)))
		}
		if !d.wordy() {
			d.metric(aboutSeries(w, s), first, "container_restarts_total rose by %d to %.0f", n, last.Value).since(first)
		}
		g.suffers(d, w)
	}
}

// restartsIn counts the rises of a counter since a time, and says when the first was.
func restartsIn(s observe.Series, since time.Time) (n int, first time.Time) {
	for i := 1; i < len(s.Points); i++ {
		a, b := s.Points[i-1], s.Points[i]
		if b.Value > a.Value && !b.At.Before(since) {
			if n == 0 {
				first = b.At
			}
			n += int(b.Value - a.Value)
		}
	}
	return n, first
}
