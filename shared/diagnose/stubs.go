package diagnose

import (
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	corev1 "k8s.io/api/core/v1"
)

func examineNodes(v *view) []incident.Finding       { return nil }
func examineStorage(v *view) []incident.Finding     { return nil }
func examineAutoscaling(v *view) []incident.Finding { return nil }
func examineLogs(v *view) []incident.Finding        { return nil }
func examineMetrics(v *view) []incident.Finding     { return nil }
func examineChanges(v *view) []incident.Finding     { return nil }
func ourOwn(c observe.Change) bool                  { return false }
func (v *view) degraded(w *workload) bool           { return false }
func (v *view) hot(w *workload) bool                { return false }
func (v *view) firstChangeOf(w *workload) *observe.Change {
	return nil
}
func (v *view) absorbChanges(all *[]incident.Finding) {}
func (v *view) seriesOf(metric string, w *workload) []observe.Series {
	return v.idx.SeriesOf(metric, w.target)
}
func (v *view) unreadable(word string) bool { return false }
func nodeReady(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}
