package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// daemonWords tell which part of a node a DaemonSet of the platform is.
var daemonWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)kube-?proxy`), incident.KubeProxyDown},
	{regexp.MustCompile(`(?i)yangtse|canal|calico|flannel|cilium|weave|kindnet|cni|terway|kube-router|antrea|ovn`), incident.CNIDown},
	{regexp.MustCompile(`(?i)csi`), incident.CSIPluginDown},
	{regexp.MustCompile(`(?i)nvidia-device-plugin|gpu-device-plugin|nvidia-driver|gpu-manager|ascend`), incident.GPUDevicePluginNotReady},
}

// nodeDaemons looks at the platform's own DaemonSets, node by node.
func (g *gather) nodeDaemons() {
	v := g.v
	for _, w := range v.workloads {
		if w.target.Kind != "DaemonSet" || !system(w.target.Namespace) && w.target.Namespace != "kube-flannel" && w.target.Namespace != "calico-system" {
			continue
		}
		r := incident.Reason("")
		for _, x := range daemonWords {
			if x.re.MatchString(w.target.Name) {
				r = x.reason
				break
			}
		}
		g.daemon(w, r)
	}
}

// daemon says on which ready nodes a daemon does not run. When it runs nowhere, the DaemonSet is to blame, not every node.
func (g *gather) daemon(w *workload, r incident.Reason) {
	v := g.v
	type state struct {
		pod *corev1.Pod
		why string
	}
	down := map[string]state{}
	up := 0
	for _, p := range w.pods {
		if p.Spec.NodeName == "" || p.DeletionTimestamp != nil {
			continue
		}
		if podReady(p) {
			if v.restartsLately(p) >= 3 {
				g.restartingDaemon(w, p)
			}
			up++
			continue
		}
		if v.age(p.CreationTimestamp.Time) < 2*time.Minute {
			continue
		}
		down[p.Spec.NodeName] = state{p, fmt.Sprintf("pod %s: phase %s, not ready", p.Name, p.Status.Phase)}
	}
	ds, _ := w.object.(*appsv1.DaemonSet)
	for _, n := range v.Objects.Nodes {
		if _, bad := down[n.Name]; bad || nodeReady(n) != corev1.ConditionTrue || ds == nil || v.age(n.CreationTimestamp.Time) < 5*time.Minute {
			continue
		}
		if !v.runsOn(w, n) && v.meantFor(ds, n) && (up > 0 || ds.Status.DesiredNumberScheduled == 0) && v.coversAll(w) {
			down[n.Name] = state{nil, "no pod of it on this node"}
		}
	}
	if r == "" || len(down) == 0 {
		return
	}
	if up == 0 && len(v.Objects.Nodes) > 1 || ds != nil && ds.Status.DesiredNumberScheduled == 0 && len(v.Objects.Nodes) > 0 {
		d, _ := g.on(r, w.target)
		d.say(fmt.Sprintf("%s runs on no node: %s", w.target, incident.Info(r).Title.EN), fmt.Sprintf("%s 未在任何节点运行：%s", w.target, incident.Info(r).Title.ZH)).affects(w.target)
		if ds != nil {
			d.object(w.target, "status.desiredNumberScheduled %d, numberReady %d", ds.Status.DesiredNumberScheduled, ds.Status.NumberReady)
			if len(ds.Spec.Template.Spec.NodeSelector) > 0 {
				d.object(w.target, "spec.template.spec.nodeSelector: %s", quote(selectorText(ds.Spec.Template.Spec.NodeSelector)))
			}
		}
		return
	}
	for _, n := range sortedKeys(down) {
		s := down[n]
		if node := v.idx.Node(n); node != nil && nodeReady(node) != corev1.ConditionTrue {
			continue // the node speaks for it
		}
		t := nodeTarget(n)
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s (%s)", t, i.Title.EN, w.target.Name), fmt.Sprintf("%s：%s（%s）", t, i.Title.ZH, w.target.Name)).weigh(0.95).fact(FactNode, n)
			if node := v.idx.Node(n); node != nil {
				g.podsOf(d, node)
			}
		}
		d.object(w.target, "%s", s.why).affects(w.target)
		if s.pod != nil {
			d.affectsPods(s.pod)
			if c := condition(s.pod, corev1.PodReady); c != nil {
				d.since(c.LastTransitionTime.Time)
			}
			d.event(v.lastEvent(podTarget(s.pod), v.ago(2*time.Hour), "BackOff", "Failed", "Unhealthy"))
		}
	}
}

func (v *view) runsOn(w *workload, n *corev1.Node) bool {
	for _, p := range v.idx.PodsOn(n.Name) {
		if v.owner[p] == w {
			return true
		}
	}
	return false
}

// meantFor says whether a DaemonSet wants to run on a node, by its labels and taints.
func (v *view) meantFor(d *appsv1.DaemonSet, n *corev1.Node) bool {
	p := &corev1.Pod{Spec: d.Spec.Template.Spec}
	if d.Status.DesiredNumberScheduled > 0 && (!matchesSelector(p, n) || !matchesAffinity(p, n)) {
		return false
	}
	for i := range n.Spec.Taints {
		t := &n.Spec.Taints[i]
		if t.Effect != corev1.TaintEffectPreferNoSchedule && !builtinTaint(t.Key) && !tolerated(p, t) {
			return false
		}
	}
	return true
}

// coversAll says whether pods of the DaemonSet were read at all, or it says itself that it has none.
func (v *view) coversAll(w *workload) bool {
	d, ok := w.object.(*appsv1.DaemonSet)
	return ok && (len(w.pods) > 0 || d.Status.DesiredNumberScheduled == 0) && !v.unreadable("pods")
}

func (v *view) restartsLately(p *corev1.Pod) int32 {
	n := int32(0)
	for _, c := range p.Status.ContainerStatuses {
		if t := c.LastTerminationState.Terminated; t != nil && v.recent(t.FinishedAt.Time, 30*time.Minute) {
			n += c.RestartCount
		}
	}
	return n
}

func (g *gather) restartingDaemon(w *workload, p *corev1.Pod) {
	t := nodeTarget(p.Spec.NodeName)
	d, fresh := g.on(incident.CoreDaemonRestarting, t)
	if fresh {
		d.say(fmt.Sprintf("system pods of %s restart again and again", t), fmt.Sprintf("%s 的系统组件频繁重启", t)).weigh(0.8).fact(FactNode, p.Spec.NodeName)
	}
	if !d.wordy() {
		d.affectsPods(p).object(podTarget(p), "restartCount %d, last end within 30 minutes (%s)", g.v.restartsLately(p), w.target.Name)
	}
}

// planeParts are the static pods of a control plane that the cluster itself runs.
var planeParts = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}

// controlPlane looks at the parts of a control plane that can be seen.
func (g *gather) controlPlane() {
	v := g.v
	parts := map[string]map[string]*corev1.Pod{}
	for _, p := range v.Objects.Pods {
		if p.Namespace != "kube-system" {
			continue
		}
		for _, part := range planeParts {
			if rest, ok := strings.CutPrefix(p.Name, part+"-"); ok && (part != "etcd" || v.owner[p].target.Kind == "Pod") {
				if parts[rest] == nil {
					parts[rest] = map[string]*corev1.Pod{}
				}
				parts[rest][part] = p
			}
		}
	}
	for _, host := range sortedKeys(parts) {
		seen := parts[host]
		if seen["kube-apiserver"] == nil {
			continue
		}
		for _, part := range planeParts {
			p := seen[part]
			if p != nil && (podReady(p) || v.age(p.CreationTimestamp.Time) < 2*time.Minute) {
				continue
			}
			if p == nil && (part == "etcd" || part == "kube-apiserver" || len(seen) < 2) {
				continue
			}
			r := incident.ControlPlaneComponentUnhealthy
			if part == "kube-scheduler" {
				r = incident.SchedulerDown
			}
			t := incident.Target{Kind: "Pod", Namespace: "kube-system", Name: part + "-" + host}
			d, _ := g.on(r, t)
			d.say(fmt.Sprintf("%s of the control plane does not work", part), fmt.Sprintf("控制面组件 %s 异常", part)).weigh(0.95)
			if p == nil {
				d.object(t, "no such pod, although kube-apiserver-%s runs", host)
				continue
			}
			d.object(t, "phase %s, not ready", p.Status.Phase).affectsPods(p).event(v.lastEvent(t, v.ago(2*time.Hour), "BackOff", "Unhealthy", "Failed"))
			if c := condition(p, corev1.PodReady); c != nil {
				d.since(c.LastTransitionTime.Time)
			}
		}
	}
}
