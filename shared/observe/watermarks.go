package observe

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

// wholeCluster is the number of pods up to which the series of all of them are read: then there is nothing to choose.
const wholeCluster = 200

// perQuery is how many pods one query names. Queries travel in a URL, so a list of names has to be short.
const perQuery = 40

// metricCalls read the watermarks: of all nodes and claims, and of containers where the second pass looks or where they are hot.
func (l *look) metricCalls(ctx context.Context, in *suspects) []func(context.Context) {
	if l.b.Metrics == nil {
		l.missed("metrics", "metrics could not be read: no source is configured", true)
		return nil
	}
	selectors := []string{""}
	running := 0
	for _, p := range l.s.Objects.Pods {
		if p.Status.Phase == corev1.PodRunning {
			running++
		}
	}
	if running > wholeCluster {
		selectors = l.podSelectors(l.chosen(in, l.hotPods(ctx)))
	}
	var out []func(context.Context)
	for _, q := range queries {
		if q.about == ofIngress && len(l.s.Objects.Ingresses) == 0 || q.about == ofClaim && len(l.s.Objects.PersistentVolumeClaims) == 0 {
			continue
		}
		narrow := []string{""}
		if q.about == ofContainer || q.about == ofPod {
			narrow = selectors
		}
		for _, s := range narrow {
			for _, part := range l.stretches(q) {
				out = append(out, l.series(q, s, part))
			}
		}
	}
	return out
}

// chosen are the pods whose series are read: the suspects' and the hot ones.
func (l *look) chosen(in *suspects, hot [][2]string) []*corev1.Pod {
	seen := map[*corev1.Pod]bool{}
	var out []*corev1.Pod
	add := func(p *corev1.Pod) {
		if p != nil && !seen[p] && len(out) < l.limits.Pods {
			seen[p] = true
			out = append(out, p)
		}
	}
	hotShare := min(len(hot), l.limits.Pods/3)
	for _, h := range hot[:hotShare] {
		add(in.index.Pod(h[0], h[1]))
	}
	for _, p := range in.pods {
		add(p)
	}
	for _, h := range hot[hotShare:] {
		add(in.index.Pod(h[0], h[1]))
	}
	return out
}

// hotPods asks for the containers that are near a limit now, in one query for each kind of limit.
func (l *look) hotPods(ctx context.Context) [][2]string {
	var out [][2]string
	var calls []func(context.Context)
	for _, q := range queries {
		if q.hot == 0 {
			continue
		}
		calls = append(calls, func(ctx context.Context) {
			call, cancel := l.limited(ctx)
			defer cancel()
			expr := "topk(60, (" + l.promQL(q, "") + ") > " + strconv.FormatFloat(q.hot, 'f', -1, 64) + ")"
			found, err := l.b.Metrics.Range(call, expr, l.s.At, l.s.At, l.limits.Step)
			if err != nil {
				l.metricFailed(q.name, err)
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, s := range found {
				out = append(out, [2]string{s.Labels["namespace"], s.Labels["pod"]})
			}
		})
	}
	l.all(ctx, calls)
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0]+"/"+a[1], b[0]+"/"+b[1]) })
	return slices.Compact(out)
}

// podSelectors name the pods in as many selectors as it takes.
func (l *look) podSelectors(pods []*corev1.Pod) []string {
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return compareObjects(a, b) })
	var out []string
	for chunk := range slices.Chunk(pods, perQuery) {
		var spaces, names []string
		for _, p := range chunk {
			spaces, names = append(spaces, regexp.QuoteMeta(p.Namespace)), append(names, regexp.QuoteMeta(p.Name))
		}
		slices.Sort(spaces)
		slices.Sort(names)
		out = append(out, fmt.Sprintf("namespace=~%s,pod=~%s", quotePromQL(strings.Join(slices.Compact(spaces), "|")), quotePromQL(strings.Join(slices.Compact(names), "|"))))
	}
	return out
}

// promQL puts the selector into a query. Every query names the cluster: one Prometheus instance may hold several.
func (l *look) promQL(q query, narrow string) string {
	var parts []string
	if id := l.s.Cluster.ID; id != "" {
		parts = append(parts, "cluster="+quotePromQL(id))
	}
	if narrow != "" {
		parts = append(parts, narrow)
	}
	if len(parts) == 0 {
		parts = append(parts, `__name__!=""`)
	}
	return strings.ReplaceAll(q.expr, "$S", strings.Join(parts, ","))
}

func quotePromQL(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	return strconv.Quote(s)
}

// stretch is a part of the time that series cover.
type stretch struct {
	from, to time.Time
	step     time.Duration
}

// stretches are what is read of a query: the time before, the recent part with samples closer together (at one a minute, an alarm that
// fired within its rule's minute could not be told from a spike, nor a recovery from a pause), and the same hour of the day before.
func (l *look) stretches(q query) []stretch {
	at, recent := l.s.At, l.s.At.Add(-l.limits.Recent)
	out := []stretch{{at.Add(-l.limits.Metrics), recent, l.limits.Step}, {recent, at, l.limits.Fine}}
	if q.daily {
		day := at.Add(-24 * time.Hour)
		out = append(out, stretch{day.Add(-l.limits.Metrics), day, l.limits.Step})
	}
	return out
}

// series reads one stretch of one query.
func (l *look) series(q query, narrow string, part stretch) func(context.Context) {
	return func(ctx context.Context) {
		call, cancel := l.limited(ctx)
		defer cancel()
		found, err := l.b.Metrics.Range(call, l.promQL(q, narrow), part.from, part.to, part.step)
		if err != nil {
			l.metricFailed(q.name, err)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range found {
			if points := slices.DeleteFunc(s.Points, gapFill); len(points) > 0 {
				l.s.Series = append(l.s.Series, Series{Labels: seriesName(q, s.Labels), Points: points})
			}
		}
	}
}

// gapFill says whether a sample only stands where none is: AOM fills with -1, and nothing here is negative.
func gapFill(p Point) bool { return math.IsNaN(p.Value) || p.Value == -1 }

// seriesName are the labels a series has in a snapshot. A label that the scraper had to move aside speaks of the object.
func seriesName(q query, labels map[string]string) map[string]string {
	out := map[string]string{"__name__": q.name}
	for k, v := range labels {
		if v == "" || k == "__name__" || strings.HasPrefix(k, "exported_") {
			continue
		}
		if moved := labels["exported_"+k]; moved != "" {
			v = moved
		}
		out[k] = v
	}
	for k, v := range labels {
		if plain, moved := strings.CutPrefix(k, "exported_"); moved && v != "" {
			out[plain] = v
		}
	}
	return out
}

// metricFailed notes a query that could not be answered. All that fail for one reason make one sentence in the end; see settle.
func (l *look) metricFailed(name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = map[string][]string{}
	}
	why := reason(err)
	l.lost[why] = append(l.lost[why], name)
}

// settle puts together what the second pass brought: series of the same name and labels from two days are one, and failures of
// queries are told by their reason.
func (l *look) settle() {
	for _, why := range sortedKeys(l.lost) {
		l.missed("metrics", fmt.Sprintf("metrics could not be read (%s): %s", quoted(l.lost[why]), why), true)
	}
	at := map[string]int{}
	out := l.s.Series[:0]
	for _, s := range l.s.Series {
		k := s.order()
		if i, have := at[k]; have {
			out[i].Points = append(out[i].Points, s.Points...)
			continue
		}
		at[k] = len(out)
		out = append(out, s)
	}
	l.s.Series = out
	for i := range out {
		slices.SortStableFunc(out[i].Points, comparePoints)
		out[i].Points = slices.CompactFunc(out[i].Points, func(a, b Point) bool { return a.At.Equal(b.At) })
	}
	if l.b.Metrics != nil && len(l.lost) == 0 && len(out) == 0 && len(l.s.Objects.Nodes) > 0 {
		l.missed("metrics", "metrics could not be read: Prometheus holds none of this cluster", true)
	}
}

// spell writes a duration in words.
func spell(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
