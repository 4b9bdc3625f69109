package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

var imageVersion = regexp.MustCompile(`:v?(\d+)\.(\d+)\.(\d+)`)

// oldestScaler is the first version of CCE's autoscaler add-on that knows node pools well enough to be relied on.
var oldestScaler = [3]int{1, 13, 8}

// clusterScaler says whether a workload is the cluster autoscaler.
func clusterScaler(w *workload) bool {
	n := w.target.Name
	return w.target.Namespace == "kube-system" && strings.Contains(n, "autoscaler") && !strings.Contains(n, "horizontal") && !strings.Contains(n, "vertical") && !strings.Contains(n, "dns")
}

// scalerPresence says, while pods wait for room and pools may grow, whether there is anything that would make them grow.
func (g *gather) scalerPresence(waiting []*workload) {
	v := g.v
	waiting = slices.DeleteFunc(slices.Clone(waiting), func(w *workload) bool { return !v.nodesHelp(w) })
	may := false
	for _, p := range v.Objects.NodePools {
		may = may || p.Autoscaling && (p.Max == 0 || p.Desired < p.Max)
	}
	if !may || len(waiting) == 0 || len(v.inSpace["kube-system"]) == 0 {
		return
	}
	t := v.clusterTarget()
	var scaler *workload
	for _, w := range v.inSpace["kube-system"] {
		if clusterScaler(w) {
			scaler = w
		}
	}
	affected := func(d *draft) {
		for _, w := range waiting {
			d.affects(w.target)
		}
	}
	if scaler == nil {
		d, _ := g.on(incident.AutoscalerNotInstalled, t)
		d.say("pods wait for room, a pool may grow, and no cluster autoscaler is installed", "有 Pod 等待资源、节点池可扩容，但未安装集群弹性伸缩插件").weigh(0.75).
			object(t, "no autoscaler among the %d workloads of kube-system", len(v.inSpace["kube-system"]))
		affected(d)
		return
	}
	for _, c := range scaler.containers() {
		m := imageVersion.FindStringSubmatch(c.Image)
		if m == nil || !older(m[1:], oldestScaler) {
			continue
		}
		d, _ := g.on(incident.AutoscalerTooOld, t)
		d.say(fmt.Sprintf("the cluster autoscaler (%s) is too old", scaler.target), fmt.Sprintf("集群弹性伸缩插件（%s）版本过低", scaler.target)).weigh(0.75).
			object(scaler.target, "containers[%s].image: %s; at least %d.%d.%d is needed", c.Name, c.Image, oldestScaler[0], oldestScaler[1], oldestScaler[2])
		affected(d)
	}
}

func older(have []string, want [3]int) bool {
	for i, s := range have {
		n, err := strconv.Atoi(s)
		if err != nil {
			return false
		}
		if n != want[i] {
			return n < want[i]
		}
	}
	return false
}

// nodesHelp says whether one more node like the largest would take a pod of the workload that waits.
func (v *view) nodesHelp(w *workload) bool {
	for _, p := range v.unplaced(w) {
		said := condition(p, corev1.PodScheduled).Message
		if !strings.Contains(said, "Insufficient cpu") && !strings.Contains(said, "Insufficient memory") && !strings.Contains(said, "Too many pods") {
			return false
		}
		for k, q := range requests(p) {
			if most, on := v.largest(k); on == "" || q.Cmp(most) > 0 {
				return false
			}
		}
	}
	return true
}
