package diagnose

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/observe"
)

// Where no series tells the share of a limit that a container uses, it is computed from what it uses and the limit in its template.
var shareOf = map[string]struct {
	used     string
	resource corev1.ResourceName
}{
	"container_cpu_limit_ratio":    {"container_cpu_usage_cores", corev1.ResourceCPU},
	"container_memory_limit_ratio": {"container_memory_working_set_bytes", corev1.ResourceMemory},
}

// ratios are the series of a metric of the table above, computed; none when the metric is not of the table or the limit is unknown.
// They are named after what they were computed from, so that evidence cites what was read.
func (v *view) ratios(metric string, w *workload) []observe.Series {
	x, ok := shareOf[metric]
	if !ok {
		return nil
	}
	k := ratioKey{metric, w}
	if out, done := v.computed[k]; done {
		return out
	}
	var out []observe.Series
	for _, s := range v.idx.SeriesOf(x.used, w.target) {
		limit := limitFor(w, s.Labels["container"], x.resource)
		if limit <= 0 {
			continue
		}
		r := observe.Series{Labels: maps.Clone(s.Labels), Points: make([]observe.Point, 0, len(s.Points))}
		r.Labels["__name__"] = x.used + " / limit"
		for _, p := range s.Points {
			r.Points = append(r.Points, observe.Point{At: p.At, Value: p.Value / limit})
		}
		out = append(out, r)
	}
	v.computed[k] = out
	return out
}

type ratioKey struct {
	metric string
	w      *workload
}

// limitFor is the limit of one container, or of the only one when a series names none; 0 when it is unlimited.
func limitFor(w *workload, container string, r corev1.ResourceName) float64 {
	all := w.containers()
	for _, c := range all {
		if c.Name == container || container == "" && len(all) == 1 {
			if q, ok := c.Resources.Limits[r]; ok {
				return q.AsApproximateFloat64()
			}
		}
	}
	return 0
}
