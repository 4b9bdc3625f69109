package diagnose

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
)

// examineNetwork is the network-failure-diagnoser.
func examineNetwork(v *view) []incident.Finding {
	g := v.gather()
	for _, s := range v.Objects.Services {
		if s.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		if len(s.Spec.Selector) > 0 {
			g.service(s)
		}
	}
	g.missingServices()
	g.wrongAddresses()
	g.unknownNames()
	g.ingresses()
	g.ingressHosts()
	g.routes()
	g.policies()
	g.dnsSettings()
	g.clusterDNS()
	g.corefile()
	g.mesh()
	g.loadBalancers()
	g.cloudMeters()
	g.cloudChanges()
	g.certificates()
	g.gatewayLogs()
	g.port53()
	g.apiUnreached()
	g.overlay()
	return g.done()
}

// service looks at whom a Service selects and at which port it reaches them.
func (g *gather) service(s *corev1.Service) {
	v := g.v
	ws := v.apps().behind[name{s.Namespace, s.Name}]
	selected := v.idx.Selected(s)
	if len(ws) == 0 && len(selected) == 0 {
		g.selectsNothing(s)
		return
	}
	others := g.foreign(s, ws)
	g.ports(s, slices.DeleteFunc(slices.Clone(ws), func(w *workload) bool { return slices.Contains(others, w) }))
	g.noReadyEndpoint(s, ws)
}

// selectsNothing is a Service whose selector matches no pod and no template. The workload it was meant for is the one whose labels
// come nearest.
func (g *gather) selectsNothing(s *corev1.Service) {
	v := g.v
	if len(v.inSpace[s.Namespace]) == 0 && v.unreadable("pods") {
		return
	}
	t := serviceTarget(s)
	w := v.meantBy(s)
	callers := v.apps().callersOf(s.Namespace, s.Name)
	routed := v.routedBy(s)
	change, changed := v.changeOf(t)
	strength := 0.0
	switch {
	case w != nil && (len(callers) > 0 || len(routed) > 0 || changed || v.asked(t)):
		strength = 1
	case w != nil:
		strength = 0.9
	case len(callers) > 0 || len(routed) > 0 || v.asked(t):
		strength = 0.7
	default:
		return // an orphan that nobody uses
	}
	d, _ := g.on(incident.ServiceSelectorMismatch, t)
	d.weigh(strength).say(fmt.Sprintf("the selector of %s matches no pods", t), fmt.Sprintf("%s 的选择器未匹配任何 Pod", t)).
		object(t, "spec.selector %s matches 0 pods", selectorText(s.Spec.Selector)).fact(FactService, s.Name).fact(FactSelector, selectorText(s.Spec.Selector))
	if w != nil {
		right := rightSelector(s, w)
		d.object(w.target, "pods carry %s", selectorText(w.label())).fact(FactWorkload, w.target.Kind+"/"+w.target.Name).fact(FactRightSelector, selectorText(right))
	} else {
		d.against("no workload of the namespace looks like the one it was meant for")
	}
	g.quoteBackends(d, s)
	g.quoteCallers(d, callers)
	if changed {
		d.change(change, "%s %s: %s → %s", change.Verb, change.Target, quote(change.Before), quote(change.After)).since(change.At)
	}
}

func (g *gather) quoteBackends(d *draft, s *corev1.Service) {
	if b, known := g.v.idx.Backends(s.Namespace, s.Name); known {
		ready := 0
		for _, x := range b {
			if x.Ready {
				ready++
			}
		}
		d.object(incident.Target{Kind: "Endpoints", Namespace: s.Namespace, Name: s.Name}, "%d addresses, %d ready", len(b), ready)
	}
}

// quoteCallers names who calls it, and what their logs say about it.
func (g *gather) quoteCallers(d *draft, callers []*workload) {
	for i, c := range callers {
		d.affects(c.target)
		if i < 3 {
			if line, ok := g.v.complaint(c, d.f.Target); ok {
				d.line(c.target, "", line)
			}
		}
	}
}

// complaint is a line in the logs of a caller about a Service.
func (v *view) complaint(c *workload, about incident.Target) (string, bool) {
	for _, s := range v.signsOf(c, signNoHost, signRefused, signTimeout, signUpstream, signError, signNotFound404) {
		ns, svc := v.hostService(s.host, c.target.Namespace)
		if ns == about.Namespace && svc == about.Name || s.host == "" && named(s.line, about.Name) {
			return s.line, true
		}
	}
	return "", false
}

// hostService takes a host apart into namespace and Service name.
func (v *view) hostService(host, from string) (string, string) {
	if host == "" {
		return "", ""
	}
	u := use{caller: &workload{target: incident.Target{Namespace: from}}, address: address{host: host}}
	v.apps().resolve(&u)
	return u.namespace, u.service
}

// meantBy is the workload a Service was most likely made for: the one that shares most of the selector, is called like it, or serves
// its port, and that no other Service stands for. nil when none is near.
func (v *view) meantBy(s *corev1.Service) *workload {
	var best *workload
	bestScore := 0
	for _, w := range v.inSpace[s.Namespace] {
		if w.isJob() || w.template == nil {
			continue
		}
		score := 0
		for k, val := range s.Spec.Selector {
			switch have, ok := w.label()[k]; {
			case ok && have == val:
				score += 3
			case ok && (distance(have, val) <= 2 || len(val) >= 4 && len(have) >= 4 && (contained(have, val) || contained(val, have))):
				score += 2
			case v.labelValue(w, val):
				score += 2
			}
		}
		if w.target.Name == s.Name {
			score += 3
		}
		for _, val := range w.label() {
			if val == s.Name {
				score++
				break
			}
		}
		if score == 0 {
			continue
		}
		if servesAny(w, s) {
			score += 2
		}
		if len(v.apps().fronts[w]) == 0 {
			score++
		}
		if score > bestScore {
			best, bestScore = w, score
		}
	}
	if bestScore < 3 {
		return nil
	}
	return best
}

func (v *view) labelValue(w *workload, val string) bool {
	for _, x := range w.label() {
		if x == val {
			return true
		}
	}
	return false
}

func contained(a, b string) bool {
	return len(a) <= len(b) && (a == b || b[:len(a)] == a || b[len(b)-len(a):] == a)
}

// servesAny says whether a container of the workload declares a port that the Service targets.
func servesAny(w *workload, s *corev1.Service) bool {
	for _, sp := range s.Spec.Ports {
		for _, c := range w.containers() {
			if n := targetPort(sp); n.IntVal != 0 && hasPort(c.Ports, n.IntVal) || n.StrVal != "" && hasPortName(c.Ports, n.StrVal) {
				return true
			}
		}
	}
	return false
}

// rightSelector is a selector for the intended workload: the Service's own keys with the values of its pods; the keys that the pods
// do not carry at all are replaced by the workload's own selector.
func rightSelector(s *corev1.Service, w *workload) labels.Set {
	out := labels.Set{}
	for k := range s.Spec.Selector {
		if val, ok := w.label()[k]; ok {
			out[k] = val
		}
	}
	if len(out) == 0 {
		out = w.selects()
	}
	delete(out, hashKey)
	return out
}

// foreign is a Service that sends traffic to pods of another application; it returns those that it should not select.
func (g *gather) foreign(s *corev1.Service, ws []*workload) []*workload {
	v := g.v
	if len(ws) == 0 {
		return nil
	}
	t := serviceTarget(s)
	var meant, others []*workload
	w := v.meantBy(s)
	for _, x := range ws {
		if x == w || w == nil {
			meant = append(meant, x)
		} else {
			others = append(others, x)
		}
	}
	switch {
	case len(meant) == 0 && w != nil && w.target.Name == s.Name && len(v.apps().fronts[w]) == 0 && !sameApplication(w, ws[0]):
		// It selects others only, and what it is called after has no Service at all.
	case len(others) > 0 && w != nil && !sameApplication(w, others[0]) && !servesAllPorts(others[0], s) && servesAllPorts(w, s):
		// It selects its own and others that do not even serve its ports.
	case len(others) > 0 && w != nil && w.target.Name == s.Name && !sameApplication(w, others[0]) && v.changedLately(t):
	case len(others) > 0 && w != nil && w.target.Name == s.Name && v.haveTheirOwn(s, w, others):
		// A label that all share: every other that it selects is called like a Service of its own.
	default:
		return nil
	}
	if len(others) == 0 {
		others = ws
	}
	d, _ := g.on(incident.ServiceSelectsForeignPods, t)
	d.say(fmt.Sprintf("%s sends traffic to pods of %s", t, others[0].target), fmt.Sprintf("%s 的流量被发往 %s 的 Pod", t, others[0].target)).
		object(t, "spec.selector %s", selectorText(s.Spec.Selector)).weigh(0.9).fact(FactService, s.Name).fact(FactSelector, selectorText(s.Spec.Selector)).
		fact(FactWorkload, w.target.Kind+"/"+w.target.Name).fact(FactRightSelector, selectorText(ownSelector(s, w)))
	for _, x := range others {
		d.object(x.target, "its pods carry %s and image %s, and are selected", selectorText(x.label()), imagesOf(x))
	}
	d.object(w.target, "it is called like the Service and its pods carry %s", selectorText(w.label()))
	g.quoteCallers(d, v.apps().callersOf(s.Namespace, s.Name))
	if c, ok := v.changeOf(t); ok {
		d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
	}
	return others
}

// haveTheirOwn says whether every one of the others is another application that stands behind a Service called like it.
func (v *view) haveTheirOwn(s *corev1.Service, w *workload, others []*workload) bool {
	return !slices.ContainsFunc(others, func(o *workload) bool {
		own := v.idx.Service(s.Namespace, o.target.Name)
		return own == nil || own == s || sameApplication(w, o) || !slices.Contains(v.apps().behind[name{own.Namespace, own.Name}], o)
	})
}

// ownSelector is the selector of the workload itself, which selects nothing else.
func ownSelector(s *corev1.Service, w *workload) labels.Set {
	if out := w.selects(); len(out) > 0 {
		return out
	}
	return rightSelector(s, w)
}

// selects are the equalities of a workload's own selector.
func (w *workload) selects() labels.Set {
	out := labels.Set{}
	if w.selector == nil {
		return out
	}
	if r, ok := w.selector.Requirements(); ok {
		for _, x := range r {
			if vals := x.Values().List(); len(vals) == 1 {
				out[x.Key()] = vals[0]
			}
		}
	}
	return out
}

// sameApplication says whether two workloads are versions of one thing: a canary runs the same image.
func sameApplication(a, b *workload) bool {
	if a == b {
		return true
	}
	for _, x := range a.containers() {
		for _, y := range b.containers() {
			if repository(x.Image) == repository(y.Image) {
				return true
			}
		}
	}
	return false
}

func servesAllPorts(w *workload, s *corev1.Service) bool {
	for _, sp := range s.Spec.Ports {
		ok := false
		declared := false
		n := targetPort(sp)
		for _, c := range w.containers() {
			declared = declared || len(c.Ports) > 0
			ok = ok || n.IntVal != 0 && hasPort(c.Ports, n.IntVal) || n.StrVal != "" && hasPortName(c.Ports, n.StrVal)
		}
		if !ok && declared {
			return false
		}
	}
	return true
}

func imagesOf(w *workload) string {
	var out []string
	for _, c := range w.containers() {
		out = append(out, c.Image)
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "unknown"
	}
	return quoteTo(out[0], 100)
}

// noReadyEndpoint is the symptom of a Service whose pods are all unready.
func (g *gather) noReadyEndpoint(s *corev1.Service, ws []*workload) {
	v := g.v
	ready, young := 0, false
	for _, w := range ws {
		ready += w.readyCount()
		for _, p := range w.live() {
			young = young || v.age(p.CreationTimestamp.Time) < v.grace(p)
		}
	}
	if b, known := v.idx.Backends(s.Namespace, s.Name); known && len(ws) > 0 {
		n := 0
		for _, x := range b {
			if x.Ready {
				n++
			}
		}
		if n > 0 {
			return
		}
	}
	if ready > 0 || young || s.Spec.PublishNotReadyAddresses {
		return
	}
	t := serviceTarget(s)
	callers := v.apps().callersOf(s.Namespace, s.Name)
	for _, w := range ws {
		if w.desired == 0 && len(callers) == 0 && !v.asked(t) && len(v.routedBy(s)) == 0 {
			return // rests by intent
		}
	}
	d, _ := g.on(incident.ServiceNoReadyEndpoint, t)
	d.say(fmt.Sprintf("%s has no ready endpoint", t), fmt.Sprintf("%s 没有就绪后端", t)).object(t, "spec.selector %s selects pods, none is ready", selectorText(s.Spec.Selector)).fact(FactService, s.Name)
	for _, w := range ws {
		d.affects(w.target)
	}
	g.quoteBackends(d, s)
}
