package diagnose

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// formerValue is what the same variable held in the revision before, "" when unknown or unchanged.
func (v *view) formerValue(u use) string {
	key := cmpOr(u.portKey, u.key)
	now, ok := envOf(u.caller.containers(), u.container, key)
	if !ok {
		return ""
	}
	if u.portKey != "" {
		if host, has := envOf(u.caller.containers(), u.container, u.key); has {
			for _, s := range u.caller.sets {
				if old, ok := envOf(s.Spec.Template.Spec.Containers, u.container, u.key); ok && old != host {
					return old
				}
			}
		}
	}
	for _, s := range u.caller.sets {
		if old, ok := envOf(s.Spec.Template.Spec.Containers, u.container, key); ok && old != now {
			return old
		}
	}
	return ""
}

func envOf(cs []corev1.Container, containerName, key string) (string, bool) {
	for _, c := range cs {
		if c.Name != containerName {
			continue
		}
		for _, e := range c.Env {
			if e.Name == key && e.ValueFrom == nil {
				return e.Value, true
			}
		}
	}
	return "", false
}

// suffering says whether one of the workloads is visibly not well: unready, ending, slow or failing. What it writes into its log is
// judged by who it speaks of.
func (v *view) suffering(ws []*workload) bool {
	for _, w := range ws {
		if len(unreadyOf(w)) > 0 {
			return true
		}
		for _, p := range w.live() {
			for _, c := range p.Status.ContainerStatuses {
				if t := c.LastTerminationState.Terminated; t != nil && t.ExitCode != 0 && v.stillMatters(container{pod: p, status: c}, t) {
					return true
				}
			}
		}
		if v.degraded(w) {
			return true
		}
	}
	return false
}

func (v *view) firstComplaint(callers []*workload, about incident.Target) (*workload, string) {
	for _, c := range callers {
		if line, ok := v.complaint(c, about); ok {
			return c, line
		}
	}
	return nil, ""
}

// changeOf is the newest change of an object within half a day, our own calls left out.
func (v *view) changeOf(t incident.Target) (observe.Change, bool) {
	all := v.idx.ChangesOf(t)
	for i := len(all) - 1; i >= 0; i-- {
		if v.recent(all[i].At, early) && !ourOwn(all[i]) {
			return all[i], true
		}
	}
	return observe.Change{}, false
}

func (v *view) changedLately(t incident.Target) bool {
	_, ok := v.changeOf(t)
	return ok
}

func (v *view) deletionOf(t incident.Target) (observe.Change, bool) {
	c, ok := v.changeOf(t)
	return c, ok && strings.Contains(strings.ToLower(c.Verb), "delete")
}

// mentions says whether a change speaks of a setting.
func mentions(c observe.Change, words ...string) bool {
	for _, w := range words {
		if w != "" && (strings.Contains(c.Before, w) || strings.Contains(c.After, w)) {
			return true
		}
	}
	return false
}
