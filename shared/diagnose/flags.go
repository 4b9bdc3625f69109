package diagnose

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// Feature flags that make an application fail on purpose. A flag is only read where its form is known (the flagd schema: variants and
// a default), or where the name of a variable says that it provokes a fault; a name that merely mentions failures (maxFailures,
// failFast) says nothing.

var (
	faultWord = regexp.MustCompile(`(?i)fail(ure|ing|s)?$|fail(ure)?[A-Z_-]|leak|unreachable|high_?-?(cpu|load|memory)|flood|crash|chaos|fault|inject|manual_?gc|problems?$|errors?$|outage|delay|latency|slow|timeout$|corrupt`)
	faultEnv  = regexp.MustCompile(`(?i)(inject|simulate|chaos|provoke).{0,14}(fail|fault|err|latency|delay|crash|leak|load|cpu|slow)|(extra|artificial|added)_(latency|delay)|(latency|delay|fail(ure)?|fault|error|chaos)_?(inject|simulat|probability|rate_inject)`)
	offWord   = regexp.MustCompile(`(?i)^(|0|0\.0+|0%|0m?s|off|false|no|none|disabled|null)$`)
)

// flagFile is what is read of a flag definition.
type flagFile struct {
	Flags map[string]struct {
		State    string         `json:"state"`
		Default  string         `json:"defaultVariant"`
		Variants map[string]any `json:"variants"`
	} `json:"flags"`
}

// faultFlags finds flags and variables that provoke a fault and are switched on.
func (g *gather) faultFlags() {
	for _, m := range g.v.Objects.ConfigMaps {
		for _, k := range sortedKeys(m.Data) {
			if !strings.Contains(m.Data[k], "defaultVariant") {
				continue
			}
			var f flagFile
			if json.Unmarshal([]byte(m.Data[k]), &f) != nil {
				continue
			}
			for _, flag := range sortedKeys(f.Flags) {
				x := f.Flags[flag]
				if value := fmt.Sprint(orEmpty(x.Variants[x.Default])); x.State != "DISABLED" && faultWord.MatchString(flag) && !offWord.MatchString(value) && !offWord.MatchString(x.Default) {
					g.faultFlag(m, k, flag, x.Default)
				}
			}
		}
	}
	for _, w := range g.v.workloads {
		g.faultVariable(w)
		g.faultSettings(w)
	}
	g.experiments()
}

func (g *gather) faultFlag(m *corev1.ConfigMap, key, flag, variant string) {
	v, t := g.v, target("ConfigMap", m)
	struck := v.meantByFlag(m.Namespace, flag)
	strength := 0.75
	if len(struck) > 0 && (v.suffering(struck) || v.anySays(struck)) || v.changedLately(t) {
		strength = 1
	}
	d, fresh := g.on(incident.FaultFlagEnabled, t)
	if fresh {
		d.say(fmt.Sprintf("%s switches on %s, which provokes a fault", t, quoteTo(flag, 60)), fmt.Sprintf("%s 打开了制造故障的开关 %s", t, quoteTo(flag, 60))).weigh(strength).fact(FactKey, quoteTo(flag, 60))
	}
	d.object(t, "key %s: flag %s has defaultVariant %s", quoteTo(key, 60), quoteTo(flag, 60), quoteTo(variant, 40))
	for _, w := range struck {
		d.affects(w.target)
		for i, s := range v.signsOf(w) {
			if i < 2 && !d.wordy() {
				d.line(s.pod, s.container, s.line)
			}
		}
	}
	if c, ok := v.changeOf(t); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
}

func (v *view) anySays(ws []*workload) bool {
	for _, w := range ws {
		if len(v.signsOf(w)) > 0 {
			return true
		}
	}
	return false
}

var camel = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)

// meantByFlag are the workloads that a flag is called after: "paymentFailure" after payment, "adHighCpu" after ad.
func (v *view) meantByFlag(namespace, flag string) []*workload {
	parts := camel.FindAllString(flag, -1)
	for n := min(len(parts), 3); n > 0; n-- {
		head := plainName(strings.Join(parts[:n], ""))
		var out []*workload
		for _, w := range v.inSpace[namespace] {
			if n := plainName(w.target.Name); len(head) >= 2 && (n == head || len(head) >= 4 && strings.HasPrefix(n, head)) {
				out = append(out, w)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// faultVariable is a variable by which a workload is told to fail or to be slow.
func (g *gather) faultVariable(w *workload) {
	for _, c := range w.containers() {
		for _, e := range c.Env {
			if e.ValueFrom != nil || !faultEnv.MatchString(e.Name) || offWord.MatchString(e.Value) {
				continue
			}
			strength := 0.75
			if g.v.degraded(w) || len(g.v.signsOf(w)) > 0 || g.v.changedLately(w.target) {
				strength = 1
			}
			d, fresh := g.on(incident.FaultFlagEnabled, w.target)
			if fresh {
				d.say(fmt.Sprintf("env %s tells %s to misbehave", e.Name, w.target), fmt.Sprintf("%s 的环境变量 %s 开启了故障注入", w.target, e.Name)).weigh(strength).affects(w.target).
					fact(FactEnv, e.Name).fact(FactContainer, c.Name)
			}
			d.object(w.target, "containers[%s].env %s: %s", c.Name, e.Name, quoteTo(e.Value, 40))
		}
	}
}
