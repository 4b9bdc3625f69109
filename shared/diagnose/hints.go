package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// The thresholds of cost hints: what is used by less than idle is worth a look; a request of more than generous times the hour's peak
// keeps capacity from others.
const (
	idleCPU    = 0.30
	idleMemory = 0.40
	generous   = 3.0
	manyHints  = 6
)

// CostHints are places where the cluster pays for what it does not use, seen over the snapshot's window. They are hints: one hour is
// not a week, and what has no metrics is never called idle.
func CostHints(s *observe.Snapshot) []incident.Text {
	var out []incident.Text
	out = append(out, idleNodes(s)...)
	out = append(out, generousRequests(s)...)
	out = append(out, releasedVolumes(s)...)
	if len(out) > manyHints {
		out = out[:manyHints]
	}
	return out
}

func idleNodes(s *observe.Snapshot) []incident.Text {
	if len(s.Objects.Nodes) < 3 {
		return nil // spare capacity of the last two nodes is what keeps a node's failure harmless
	}
	var out []incident.Text
	for _, n := range s.Objects.Nodes {
		t := incident.Target{Kind: "Node", Name: n.Name}
		cpu, ok1 := highest(s, "node_cpu_usage_ratio", t)
		mem, ok2 := highest(s, "node_memory_usage_ratio", t)
		if ok1 && ok2 && cpu < idleCPU && mem < idleMemory {
			out = append(out, incident.Text{
				EN: fmt.Sprintf("Node %s never used more than %.0f %% of its CPU and %.0f %% of its memory: its pods may fit elsewhere.", n.Name, cpu*100, mem*100),
				ZH: fmt.Sprintf("节点 %s 的 CPU 峰值仅 %.0f%%、内存峰值仅 %.0f%%，其 Pod 可考虑迁移合并。", n.Name, cpu*100, mem*100),
			})
		}
	}
	return out
}

// highest is the highest point of an object's series over the whole window.
func highest(s *observe.Snapshot, metric string, t incident.Target) (float64, bool) {
	top, found := 0.0, false
	for _, line := range s.Index().SeriesOf(metric, t) {
		for _, p := range line.Points {
			if !found || p.Value > top {
				top, found = p.Value, true
			}
		}
	}
	return top, found
}

func generousRequests(s *observe.Snapshot) []incident.Text {
	type waste struct {
		target incident.Target
		asked  resource.Quantity
		peak   float64
	}
	var found []waste
	x := s.Index()
	for _, d := range s.Objects.Deployments {
		t := incident.Target{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name}
		asked := resource.Quantity{}
		for _, c := range d.Spec.Template.Spec.Containers {
			asked.Add(c.Resources.Requests[corev1.ResourceCPU])
		}
		perPod := asked.AsApproximateFloat64()
		peak, ok := highest(s, "container_cpu_usage_cores", t)
		if ok && len(x.PodsOf(t)) > 0 && perPod >= 0.5 && perPod > generous*peak {
			found = append(found, waste{t, asked, peak})
		}
	}
	slices.SortStableFunc(found, func(a, b waste) int { return b.asked.Cmp(a.asked) })
	var out []incident.Text
	for _, w := range found {
		name := strings.TrimPrefix(w.target.String(), "Deployment ")
		out = append(out, incident.Text{
			EN: fmt.Sprintf("%s requests %s CPU a pod and never used more than %.2f: the request keeps capacity from others.", name, w.asked.String(), w.peak),
			ZH: fmt.Sprintf("%s 每个 Pod 申请 %s CPU，峰值仅 %.2f，申请值偏高。", name, w.asked.String(), w.peak),
		})
	}
	return out
}

func releasedVolumes(s *observe.Snapshot) []incident.Text {
	var out []incident.Text
	for _, v := range s.Objects.PersistentVolumes {
		if v.Status.Phase == corev1.VolumeReleased {
			size := v.Spec.Capacity[corev1.ResourceStorage]
			out = append(out, incident.Text{
				EN: fmt.Sprintf("Volume %s (%s) is released and still paid for.", v.Name, size.String()),
				ZH: fmt.Sprintf("存储卷 %s（%s）已释放但仍在计费。", v.Name, size.String()),
			})
		}
	}
	return out
}
