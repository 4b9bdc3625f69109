package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event writes one event for each object that matches "Kind/namespace/glob" or "Node/name".
func (w *world) event(e event3) {
	kind, rest, _ := strings.Cut(e.About, "/")
	ns, pattern, namespaced := strings.Cut(rest, "/")
	if !namespaced {
		ns, pattern = "", rest
	}
	var names []string
	for _, o := range w.objects {
		if field(o, "kind") == kind && (ns == "" || field(o, "metadata", "namespace") == ns) && glob(pattern, field(o, "metadata", "name")) {
			names = append(names, field(o, "metadata", "name"))
		}
	}
	if len(names) == 0 && !strings.ContainsAny(pattern, "*?[") {
		names = []string{pattern}
	}
	kindOf := e.Type
	if kindOf == "" {
		kindOf = "Warning"
	}
	ago, first := e.Ago, e.First
	if ago == "" {
		ago = "1m"
	}
	if first == "" {
		first = ago
	}
	for _, n := range names {
		space := ns
		if space == "" {
			space = "default"
		}
		w.objects = append(w.objects, tree{
			"apiVersion": "v1", "kind": "Event", "metadata": tree{"namespace": space, "name": fmt.Sprintf("%s.%x", n, len(w.objects))}, "involvedObject": tree{"kind": kind, "namespace": ns, "name": n},
			"reason": e.Reason, "message": e.Message, "type": kindOf, "count": max(e.Count, 1), "firstTimestamp": w.ago(first), "lastTimestamp": w.ago(ago),
		})
	}
}

func (w *world) timed(all []tree) []any {
	var out []any
	for _, c := range all {
		c = deep(c).(tree)
		c["at"] = w.ago(field(c, "ago"))
		delete(c, "ago")
		out = append(out, c)
	}
	return out
}

// alarms writes AOM event objects from a short form: name, severity, about (Kind/namespace/name), ago, cleared, message.
func (w *world) alarms() []any {
	var out []any
	for i, a := range w.moment.Alarms {
		if a["metadata"] != nil {
			out = append(out, a)
			continue
		}
		kind, rest, _ := strings.Cut(field(a, "about"), "/")
		ns, n, namespaced := strings.Cut(rest, "/")
		if !namespaced {
			ns, n = "", rest
		}
		if strings.ContainsAny(n, "*?") {
			for _, o := range w.objects {
				if field(o, "kind") == kind && field(o, "metadata", "namespace") == ns && glob(n, field(o, "metadata", "name")) {
					n = field(o, "metadata", "name")
					break
				}
			}
		}
		ms := func(s string) int64 {
			if s == "" {
				return 0
			}
			d, err := time.ParseDuration(s)
			if err != nil {
				w.t.Fatal(err)
			}
			return w.at.Add(-d).UnixMilli()
		}
		severity := field(a, "severity")
		if severity == "" {
			severity = "Major"
		}
		out = append(out, tree{
			"id": fmt.Sprintf("al-%d", i+1), "event_sn": fmt.Sprintf("sn-%d", i+1), "starts_at": ms(field(a, "ago")), "ends_at": ms(field(a, "cleared")),
			"metadata": tree{
				"event_name": field(a, "name"), "event_severity": severity, "event_type": "alarm", "resource_provider": "CCE", "resource_type": kind,
				"resource_id": fmt.Sprintf("clusterName=ferry-prod;clusterID=7c1f;kind=%s;namespace=%s;name=%s;uid=u-%d", kind, ns, n, i),
			},
			"annotations": tree{"message": field(a, "message")},
		})
	}
	return out
}

func (w *world) logs() []any {
	var out []any
	for _, l := range w.moment.Logs {
		lines := l.Lines
		for range max(0, l.Repeat-1) {
			lines = append(slices.Clone(lines), l.Lines...)
		}
		if l.Pods == "" {
			out = append(out, tree{"namespace": l.Namespace, "workload": l.Workload, "container": l.Container, "previous": l.Previous, "lines": lines})
			continue
		}
		for _, o := range w.objects {
			if field(o, "kind") == "Pod" && field(o, "metadata", "namespace") == l.Namespace && glob(l.Pods, field(o, "metadata", "name")) {
				out = append(out, tree{"namespace": l.Namespace, "pod": field(o, "metadata", "name"), "container": l.Container, "previous": l.Previous, "lines": lines})
			}
		}
	}
	return out
}

// series spells curves out, and gives every other application its healthy ones.
func (w *world) series() []any {
	var out []any
	if len(w.moment.Series) == 0 {
		return out
	}
	taken := map[string]bool{}
	for _, c := range w.moment.Series {
		base := tree{"__name__": c.Metric}
		if c.Namespace != "" {
			base["namespace"] = c.Namespace
		}
		if c.Container != "" {
			base["container"] = c.Container
		}
		add := func(key, value string) {
			l := deep(base).(tree)
			l[key] = value
			taken[c.Metric+"/"+c.Namespace+"/"+key+"/"+value] = true
			if key == "pod" {
				taken[c.Metric+"/"+c.Namespace+"/ofpod/"+value] = true
			}
			out = append(out, tree{"metric": l, "values": w.points(c.Shape, c.Span)})
		}
		switch {
		case c.Pods != "":
			for _, o := range w.objects {
				if field(o, "kind") == "Pod" && field(o, "metadata", "namespace") == c.Namespace && glob(c.Pods, field(o, "metadata", "name")) {
					add("pod", field(o, "metadata", "name"))
				}
			}
		case c.Pod != "":
			add("pod", c.Pod)
		case c.Workload != "":
			add("workload", c.Workload)
		case c.Node != "":
			add("node", c.Node)
		case c.Service != "":
			add("service", c.Service)
		case c.Claim != "":
			add("persistentvolumeclaim", c.Claim)
		}
	}
	if w.moment.NoBaseline {
		return out
	}
	for _, o := range w.objects {
		ns, n := field(o, "metadata", "namespace"), field(o, "metadata", "name")
		switch {
		case o["kind"] == "Pod" && ns == "ferry":
			for m, shape := range map[string]string{"container_cpu_limit_ratio": "0.22", "container_memory_limit_ratio": "0.48", "container_cpu_usage_cores": "0.11"} {
				if !taken[m+"/"+ns+"/pod/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "namespace": ns, "pod": n}, "values": w.points(shape, "")})
				}
			}
		case o["kind"] == "Deployment" && ns == "ferry":
			for m, shape := range map[string]string{"request_latency_p95_seconds": "0.042", "request_success_ratio": "0.9991", "request_rate": "35"} {
				if !taken[m+"/"+ns+"/workload/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "namespace": ns, "workload": n}, "values": w.points(shape, "")})
				}
			}
		case o["kind"] == "Node":
			for m, shape := range map[string]string{"node_cpu_usage_ratio": "0.31", "node_memory_usage_ratio": "0.55", "node_tcp_retransmits": "0.8"} {
				if !taken[m+"//node/"+n] {
					out = append(out, tree{"metric": tree{"__name__": m, "node": n}, "values": w.points(shape, "")})
				}
			}
		}
	}
	return out
}

// points draws a shape over a span (one hour by default), a sample a minute: "0.2" level, "0.2 -> 0.9 @20m" a step, "0.3 ~> 0.9" a
// slope, "0.4 -> gone @10m" samples that end. A small ripple is added, the same every time.
func (w *world) points(shape, span string) []any {
	over := time.Hour
	if span != "" {
		d, err := time.ParseDuration(span)
		if err != nil {
			w.t.Fatal(err)
		}
		over = d
	}
	step := over / 60
	shape, when, _ := strings.Cut(shape, "@")
	at := w.at.Add(-20 * time.Minute)
	if when = strings.TrimSpace(when); when != "" {
		d, err := time.ParseDuration(when)
		if err != nil {
			w.t.Fatal(err)
		}
		at = w.at.Add(-d)
	}
	value := func(s string) float64 {
		s = strings.TrimSpace(s)
		if s == "gone" || s == "nan" {
			return math.NaN()
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			w.t.Fatalf("shape %q: %v", shape, err)
		}
		return x
	}
	var from, to float64
	slope := false
	if a, b, ok := strings.Cut(shape, "->"); ok {
		from, to = value(a), value(b)
	} else if a, b, ok := strings.Cut(shape, "~>"); ok {
		from, to, slope = value(a), value(b), true
	} else {
		from = value(shape)
		to = from
	}
	var out []any
	for i := range 61 {
		t := w.at.Add(-over + time.Duration(i)*step)
		x := from
		switch {
		case slope:
			x = from + (to-from)*float64(i)/60
		case !t.Before(at):
			x = to
		}
		if math.IsNaN(x) {
			if shape == "nan" || strings.TrimSpace(shape) == "nan" {
				out = append(out, []any{t.Unix(), "NaN"})
			}
			continue
		}
		x *= 1 + 0.01*float64((i*7)%5-2)
		out = append(out, []any{t.Unix(), strconv.FormatFloat(x, 'g', 8, 64)})
	}
	return out
}
