package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineChanges is the change-impact-analyzer.
func examineChanges(v *view) []incident.Finding {
	g := v.gather()
	for _, w := range v.workloads {
		g.release(w)
		g.toldRelease(w)
	}
	g.recorded()
	g.networkChanges()
	g.nodeChanges()
	return g.done()
}

// ourUser marks our own calls in the audit log and CTS; the executor writes under this name.
const ourUser = "cce-oncall"

// ourOwn says whether a change was made by this agent, or by a controller that only follows a person's change.
func ourOwn(c observe.Change) bool {
	a := strings.ToLower(c.Actor)
	return strings.Contains(a, ourUser) || strings.HasPrefix(a, "system:serviceaccount:kube-system:") || strings.HasPrefix(a, "system:kube-") || strings.HasPrefix(a, "system:node:")
}

// release looks at the newest revision of a Deployment: what it changed, and whether the failing pods are exactly its own.
func (g *gather) release(w *workload) {
	v := g.v
	now, old := w.currentSet(), w.formerSet()
	if now == nil || old == nil {
		return
	}
	failing := v.failingPods(w)
	degraded := v.degraded(w)
	broken := v.brokenInside(w)
	if len(failing) == 0 && !degraded && len(broken) == 0 {
		return
	}
	onset := v.onsetOf(w, failing)
	at := v.releasedAt(w, now)
	if len(failing) == 0 && !degraded && !v.recent(at, 2*time.Hour) {
		return
	}
	if at.IsZero() || !onset.IsZero() && (at.After(onset.Add(late)) || at.Before(onset.Add(-2*time.Hour))) {
		return
	}
	inNew, elsewhere := 0, 0
	for _, p := range failing {
		if p.Labels[hashKey] == now.Labels[hashKey] && now.Labels[hashKey] != "" || ownedBy(p, now.Name) {
			inNew++
		} else {
			elsewhere++
		}
	}
	if elsewhere > 0 {
		return
	}
	diff := templateDiff(&old.Spec.Template, &now.Spec.Template)
	if len(diff) == 0 {
		return
	}
	d, _ := g.on(incident.ChangeWorkloadRelease, w.target)
	d.say(fmt.Sprintf("%s fails since revision %d (%s)", w.target, revision(now), quoteTo(diff[0], 100)), fmt.Sprintf("%s 自版本 %d 起异常（%s）", w.target, revision(now), quoteTo(diff[0], 100))).
		weigh(0.85).since(at).affects(w.target).affectsPods(failing...).fact(FactFromRevision, fmt.Sprint(revision(now))).fact(FactDiff, quoteTo(strings.Join(diff, "; "), 2*longest))
	d.add(incident.FromChange, at, target("ReplicaSet", now), "revision %d, %s: %s", revision(now), distanceText(at, onset), quote(strings.Join(diff, "; ")))
	if len(failing) > 0 {
		d.object(w.target, "%d failing pods, all of revision %d", inNew, revision(now))
	}
	if degraded {
		d.metric(w.target, at, "its metrics stepped up after the release")
	}
	for i, s := range broken {
		if i < 2 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if healthyOnce(old) {
		d.fact(FactRollback, fmt.Sprint(revision(old))).object(target("ReplicaSet", old), "revision %d, the one before", revision(old))
	}
	if c, ok := v.changeOf(w.target); ok {
		d.change(c, "%s %s%s", c.Verb, c.Target, byWhom(c))
	}
}

// byWhom names the actor where the source knew one.
func byWhom(c observe.Change) string {
	if c.Actor == "" {
		return ""
	}
	return " by " + quoteTo(c.Actor, 60)
}

func distanceText(at, onset time.Time) string {
	if onset.IsZero() {
		return "released " + at.UTC().Format(time.RFC3339)
	}
	if onset.Before(at) {
		return "released with the trouble"
	}
	return "released " + spanEN(onset.Sub(at)) + " before the trouble"
}

func ownedBy(p *corev1.Pod, set string) bool {
	return slices.ContainsFunc(p.OwnerReferences, func(r metav1.OwnerReference) bool { return r.Name == set })
}

// formerSet is the revision before the current one.
func (w *workload) formerSet() *appsv1.ReplicaSet {
	if len(w.sets) < 2 {
		return nil
	}
	return w.sets[1]
}

// releasedAt is when a revision began to be rolled out: when its ReplicaSet was made. A revision that was rolled back to has an older
// ReplicaSet, and then its newest pod tells.
func (v *view) releasedAt(w *workload, s *appsv1.ReplicaSet) time.Time {
	at := s.CreationTimestamp.Time
	if f := w.formerSet(); f != nil && f.CreationTimestamp.After(at) {
		for _, p := range w.pods {
			if ownedBy(p, s.Name) && p.CreationTimestamp.After(at) {
				at = p.CreationTimestamp.Time
			}
		}
	}
	return at
}

// healthyOnce says whether a revision is known to have served: it was kept with pods, or scaled down in an orderly rollout. One that
// never had a ready pod while it still has pods was not.
func healthyOnce(s *appsv1.ReplicaSet) bool {
	return s.Status.ReadyReplicas > 0 || s.Status.Replicas == 0
}

// failingPods are the pods that are not ready for longer than a start takes, or keep ending.
func (v *view) failingPods(w *workload) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range w.live() {
		waits := false
		for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			if x := c.State.Waiting; x != nil && x.Reason != "ContainerCreating" && x.Reason != "PodInitializing" && x.Reason != "" {
				waits = true
			}
			if t := c.LastTerminationState.Terminated; t != nil && t.ExitCode != 0 && v.stillMatters(container{pod: p, status: c}, t) {
				waits = true
			}
		}
		if waits || !podReady(p) && v.age(p.CreationTimestamp.Time) > v.grace(p) {
			out = append(out, p)
		}
	}
	return out
}

func (v *view) onsetOf(w *workload, failing []*corev1.Pod) time.Time {
	var t time.Time
	for _, p := range failing {
		at := p.CreationTimestamp.Time
		if c := condition(p, corev1.PodReady); c != nil && c.Status != corev1.ConditionTrue && c.LastTransitionTime.After(at) {
			at = c.LastTransitionTime.Time
		}
		if t.IsZero() || at.Before(t) {
			t = at
		}
	}
	if at := v.degradedSince(w); t.IsZero() && !at.IsZero() {
		t = at
	}
	return t
}

// recorded reads the changes of configuration and policy that somebody made shortly before workloads that use them began to fail.
func (g *gather) recorded() {
	v := g.v
	for _, c := range v.Changes {
		if ourOwn(c) || !v.recent(c.At, 6*time.Hour) {
			continue
		}
		r := changeReason(c.Target)
		if r == "" || strings.HasPrefix(strings.ToLower(c.Verb), "get") || strings.HasPrefix(strings.ToLower(c.Verb), "list") {
			continue
		}
		victims := v.victimsOf(c)
		if len(victims) == 0 {
			continue
		}
		d, fresh := g.on(r, incident.Target{Kind: c.Target.Kind, Namespace: c.Target.Namespace, Name: c.Target.Name})
		if fresh {
			d.say(fmt.Sprintf("%s was changed (%s) and %s fails since", c.Target, quoteTo(c.Verb, 40), victims[0].target), fmt.Sprintf("%s 被修改（%s），随后 %s 异常", c.Target, quoteTo(c.Verb, 40), victims[0].target)).weigh(0.9)
		}
		d.since(c.At).change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After))
		for _, w := range victims {
			d.affects(w.target)
			if !d.wordy() {
				at := v.degradedSince(w)
				if failing := v.failingPods(w); len(failing) > 0 {
					at = v.onsetOf(w, failing)
				}
				d.object(w.target, "uses it, and began to fail %s after the change", spanEN(at.Sub(c.At)))
			}
		}
	}
}

func changeReason(t incident.Target) incident.Reason {
	switch t.Kind {
	case "ConfigMap", "Secret":
		if t.Namespace == "kube-system" {
			return incident.ChangeGlobalConfig
		}
		return incident.ChangeConfig
	case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding":
		return incident.ChangeSecurityPolicy
	}
	return ""
}

// victimsOf are the workloads that use what was changed, and began to fail within two hours after.
func (v *view) victimsOf(c observe.Change) []*workload {
	var out []*workload
	for _, w := range v.inSpace[c.Target.Namespace] {
		uses := c.Target.Kind == "ConfigMap" && w.template != nil && w.uses("ConfigMap", c.Target.Name) || c.Target.Kind == "Secret" && w.template != nil && w.uses("Secret", c.Target.Name) ||
			strings.Contains(c.Target.Kind, "Role") && v.says(w, signForbidden)
		failing := v.failingPods(w)
		if c.Target.Kind == "ConfigMap" && len(failing) == 0 && (uses || v.callsReader(w, c.Target)) {
			if at := v.degradedSince(w); !at.IsZero() && !at.Before(c.At.Add(-time.Minute)) && at.Before(c.At.Add(30*time.Minute)) {
				out = append(out, w)
			}
			continue
		}
		if !uses || len(failing) == 0 {
			continue
		}
		if at := v.onsetOf(w, failing); !at.Before(c.At.Add(-time.Minute)) && at.Before(c.At.Add(2*time.Hour)) {
			out = append(out, w)
		}
	}
	return out
}

// callsReader says whether a workload calls one that uses a ConfigMap: flags and rules are handed out by a service of their own.
func (v *view) callsReader(w *workload, m incident.Target) bool {
	for k := range v.apps().callees[w] {
		for _, b := range v.apps().behind[k] {
			if b != w && b.template != nil && b.uses("ConfigMap", m.Name) && b.target.Namespace == m.Namespace {
				return true
			}
		}
	}
	return false
}

// firstChangeOf is the newest recorded change of a workload.
func (v *view) firstChangeOf(w *workload) *observe.Change {
	if c, ok := v.changeOf(w.target); ok {
		return &c
	}
	return nil
}

// absorbChanges gives what is known of a release or a configuration change to the findings that say what exactly is wrong with the
// same workload: they keep their name, and gain the change as evidence and the revision to go back to.
func (v *view) absorbChanges(all *[]incident.Finding) {
	for _, c := range *all {
		if c.Reason != incident.ChangeWorkloadRelease {
			continue
		}
		for i := range *all {
			f := &(*all)[i]
			if f.Reason == c.Reason || f.Target != c.Target || symptom(f.Reason) || incident.Info(f.Reason).Domain == incident.ChangeDomain {
				continue
			}
			keep := f.Summary
			changeOnly := c
			changeOnly.Evidence = slices.DeleteFunc(slices.Clone(c.Evidence), func(e incident.Evidence) bool { return e.Source != incident.FromChange })
			strength := strengthOf(*f)
			*f = join(*f, changeOnly)
			f.Summary = keep
			f.Confidence = confidence(strength, f.Evidence, f.Counter)
		}
	}
}
