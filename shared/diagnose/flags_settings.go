package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
)

var (
	// chaosKey is a name that can only mean a fault made on purpose.
	chaosKey = regexp.MustCompile(`(?i)(^|[_.-])chaos([_.-]?(monkey|mode|enabled?|on|active|switch|latency|delay|error|fail|kill|assault)|$)|fault[_.-]?inject|inject(ed)?[_.-]?(fault|error|fail|latency|delay)|simulate[_.-]?(outage|crash|fail|error|slow|timeout|latency)|(error|fail(ure)?)[_.-]?injection|latency[_.-]?injection|(artificial|added|extra)[_.-]?(latency|delay)`)
	// settingValue is one "key: value" or "key=value" of a file.
	settingValue = regexp.MustCompile(`^\s*["']?([A-Za-z][\w.-]{2,60})["']?\s*[:=]\s*["']?([^"',#]{0,60}?)["']?,?\s*$`)
	experiment   = regexp.MustCompile(`^(\w+Chaos|ChaosEngine|ChaosBlade|ChaosExperiment|Disruption)$`)
)

// faultSettings are switches in the ConfigMaps of a workload, as variables or as lines of a file, that make it fail on purpose. Only what
// cannot mean anything else counts, and only while its main switch is not off.
func (g *gather) faultSettings(w *workload) {
	v := g.v
	if w.template == nil {
		return
	}
	w.references(func(kind, n, _ string, _ bool) {
		m := v.configs[name{w.target.Namespace, n}]
		if kind != "ConfigMap" || m == nil {
			return
		}
		on := faultsIn(m)
		if len(on) == 0 {
			return
		}
		t := target("ConfigMap", m)
		strength := 0.75
		if v.suffering([]*workload{w}) || len(v.signsOf(w)) > 0 || v.changedLately(t) || v.asked(w.target) || v.complainedOf(w) {
			strength = 1
		}
		d, fresh := g.on(incident.FaultFlagEnabled, t)
		if fresh {
			d.say(fmt.Sprintf("%s tells %s to misbehave: %s", t, w.target, quoteTo(on[0], 80)), fmt.Sprintf("%s 对 %s 开启了故障注入：%s", t, w.target, quoteTo(on[0], 80))).fact(FactKey, quoteTo(on[0], 60))
			for _, x := range on {
				if !d.wordy() {
					d.object(t, "%s", quoteTo(x, 120))
				}
			}
			if c, ok := v.changeOf(t); ok {
				d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
			}
		}
		d.weigh(max(d.strength, strength)).affects(w.target)
	})
}

// faultsIn are the switches of a ConfigMap that make a fault, nil where one of them is a main switch that is off.
func faultsIn(m *corev1.ConfigMap) []string {
	var on []string
	take := func(key, value string) (off bool) {
		if !chaosKey.MatchString(key) {
			return false
		}
		if offWord.MatchString(strings.TrimSpace(value)) {
			return strings.HasSuffix(strings.ToLower(key), "enabled") || strings.HasSuffix(strings.ToLower(key), "enable")
		}
		on = append(on, key+": "+value)
		return false
	}
	for _, k := range sortedKeys(m.Data) {
		if !strings.Contains(m.Data[k], "\n") && take(k, m.Data[k]) {
			return nil
		}
		for _, line := range strings.SplitN(m.Data[k], "\n", maxConfigLines) {
			if x := settingValue.FindStringSubmatch(line); x != nil && x[2] != "" && take(x[1], x[2]) {
				return nil
			}
		}
	}
	slices.Sort(on)
	return slices.Compact(on)
}

// complainedOf says whether a caller of the workload complains of it.
func (v *view) complainedOf(w *workload) bool {
	for _, k := range v.apps().fronts[w] {
		if s := v.idx.Service(k.namespace, k.name); s != nil {
			if c, _ := v.firstComplaint(v.apps().callersOf(k.namespace, k.name), serviceTarget(s)); c != nil {
				return true
			}
		}
	}
	return false
}

// experiments are objects of the tools that make faults on purpose, while they run and hit something. Their kinds are those of the
// tools' own APIs (Chaos Mesh, LitmusChaos, ChaosBlade).
func (g *gather) experiments() {
	v := g.v
	for _, u := range v.Objects.Other {
		group, _, _ := strings.Cut(u.GetAPIVersion(), "/")
		if !experiment.MatchString(u.GetKind()) || !strings.Contains(strings.ToLower(group+u.GetKind()), "chaos") || over(u) {
			continue
		}
		t := ownerOf(u)
		struck := v.struckBy(u)
		if len(struck) == 0 {
			continue
		}
		strength := 0.8
		if v.suffering(struck) || v.anySays(struck) || slices.ContainsFunc(struck, v.complainedOf) {
			strength = 1
		}
		d, _ := g.on(incident.FaultFlagEnabled, t)
		d.weigh(strength).say(fmt.Sprintf("%s makes a fault in %s on purpose", t, struck[0].target), fmt.Sprintf("%s 正在对 %s 注入故障", t, struck[0].target)).since(recentTime(v, u)).
			object(t, "%s %s, made at %s", u.GetKind(), quoteTo(cmpOr(textAt(u.Object, "spec", "action"), "experiment"), 60), u.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z"))
		for _, w := range struck {
			d.affects(w.target)
		}
	}
}

// over says whether an experiment has ended or is paused.
func over(u *unstructured.Unstructured) bool {
	if u.GetAnnotations()["experiment.chaos-mesh.org/pause"] == "true" || u.GetDeletionTimestamp() != nil {
		return true
	}
	if s := textAt(u.Object, "spec", "engineState"); s == "stop" {
		return true
	}
	if s := textAt(u.Object, "status", "engineStatus"); s == "completed" || s == "stopped" {
		return true
	}
	if s := textAt(u.Object, "status", "experiment", "desiredPhase"); s == "Stop" {
		return true
	}
	for _, c := range listAt(u.Object, "status", "conditions") {
		if text(c["type"]) == "AllRecovered" && text(c["status"]) == "True" {
			return true
		}
	}
	return false
}

// struckBy are the workloads that the selector of an experiment takes.
func (v *view) struckBy(u *unstructured.Unstructured) []*workload {
	labels, _, err := unstructured.NestedStringMap(u.Object, "spec", "selector", "labelSelectors")
	if err != nil {
		labels = nil
	}
	if l := textAt(u.Object, "spec", "appinfo", "applabel"); l != "" {
		if k, x, ok := strings.Cut(l, "="); ok {
			labels = map[string]string{k: x}
		}
	}
	spaces, _, err := unstructured.NestedStringSlice(u.Object, "spec", "selector", "namespaces")
	if err != nil || len(spaces) == 0 {
		spaces = []string{cmpOr(textAt(u.Object, "spec", "appinfo", "appns"), u.GetNamespace())}
	}
	var out []*workload
	for _, w := range v.workloads {
		if !slices.Contains(spaces, w.target.Namespace) {
			continue
		}
		fits := true
		for k, x := range labels {
			fits = fits && w.label()[k] == x
		}
		if fits {
			out = append(out, w)
		}
	}
	return out
}
