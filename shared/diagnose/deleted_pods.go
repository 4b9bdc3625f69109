package diagnose

import (
	"fmt"
	"strings"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// deletedPods is a workload whose pods were taken away and replaced without a release, a scaling, an eviction or a lost node, while its
// requests failed. Somebody, or something, deletes them.
func (g *gather) deletedPods(w *workload) {
	v := g.v
	set := w.currentSet()
	if set == nil || !v.degraded(w) || v.recent(set.CreationTimestamp.Time, 2*time.Hour) || v.changedLately(w.target) || len(v.idx.HPAsOf(w.target)) > 0 {
		return
	}
	young := 0
	for _, p := range w.live() {
		if v.recent(p.CreationTimestamp.Time, 30*time.Minute) {
			young++
		}
	}
	var gone []incident.Evidence
	for _, e := range v.Objects.Events {
		if e.Reason != "Killing" || e.InvolvedObject.Kind != "Pod" || e.InvolvedObject.Namespace != w.target.Namespace || !v.happened(e, 30*time.Minute) || strings.Contains(e.Message, "probe") {
			continue
		}
		if rest, ok := strings.CutPrefix(e.InvolvedObject.Name, set.Name+"-"); !ok || strings.Contains(rest, "-") || v.idx.Pod(e.InvolvedObject.Namespace, e.InvolvedObject.Name) != nil {
			continue
		}
		gone = append(gone, incident.Evidence{Source: incident.FromEvent, Statement: fmt.Sprintf("%s: %s", e.Reason, quote(e.Message)), Target: involved(e), At: observe.LastSeen(e).UTC()})
	}
	if young == 0 || len(gone) == 0 && young < len(w.live()) {
		return
	}
	strength := 0.65
	if len(gone) > 0 {
		strength = 0.85
	}
	d, _ := g.on(incident.PodsDeleted, w.target)
	d.weigh(strength).say(fmt.Sprintf("pods of %s were deleted and replaced: %d of %d are less than half an hour old, their revision is older", w.target, young, len(w.live())),
		fmt.Sprintf("%s 的 Pod 被删除并重建：%d/%d 个 Pod 创建不足半小时，而版本更早", w.target, young, len(w.live()))).affects(w.target).affectsPods(w.live()...).
		object(target("ReplicaSet", set), "created %s; %d pods are younger than 30 min", set.CreationTimestamp.UTC().Format(time.RFC3339), young)
	for i, e := range gone {
		if i < 3 {
			d.f.Evidence = append(d.f.Evidence, e)
		}
	}
	d.metric(w.target, v.degradedSince(w), "its requests suffer since").since(v.degradedSince(w))
}
