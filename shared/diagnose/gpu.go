package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

var (
	gpuName   = regexp.MustCompile(`(?i)^(nvidia\.com/gpu|volcano\.sh/gpu-.*|huawei\.com/ascend.*|.*/npu)$`)
	gpuFault  = regexp.MustCompile(`(?i)\bXid\b|fallen off the bus|GPU (is |has been )?lost|uncorrectable ECC|double[- ]bit ECC|CUDA_ERROR_ECC|NVRM: .*(fault|error)|Unable to determine the device handle for GPU|npu.*(lost|fault|offline)`)
	gpuLabels = []string{"accelerator", "cce.io/accelerator", "nvidia.com/gpu.present", "accelerator/huawei-npu"}
)

// gpus looks at the accelerators of a node: cards that are counted and cannot be used, cards that the kernel or an application calls
// broken, and nodes made for cards on which nobody offers any.
func (g *gather) gpus(n *corev1.Node) {
	v := g.v
	t := nodeTarget(n.Name)
	begin := func(r incident.Reason) *draft {
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNode, n.Name)
			g.podsOf(d, n)
		}
		return d
	}
	offered := false
	for _, k := range sortedKeys(n.Status.Capacity) {
		if !gpuName.MatchString(string(k)) {
			continue
		}
		has, can := n.Status.Capacity[k], n.Status.Allocatable[k]
		offered = offered || !has.IsZero()
		if can.Cmp(has) < 0 && !can.IsZero() || can.IsZero() && !has.IsZero() && v.pluginRuns(n) {
			begin(incident.GPUCardUnavailable).object(t, "status.capacity %s %s, allocatable %s", k, has.String(), can.String())
		}
	}
	if !offered && v.wantsGPU(n) && nodeReady(n) == corev1.ConditionTrue && v.age(n.CreationTimestamp.Time) > 15*time.Minute {
		begin(incident.GPUDevicePluginNotReady).object(t, "labelled as a node with accelerators, and status.capacity offers none").weigh(0.9)
	}
	for _, e := range v.eventsOf(t) {
		if e.Type != corev1.EventTypeNormal && gpuFault.MatchString(e.Message) && v.happened(e, 2*time.Hour) {
			if d := begin(incident.GPUCardUnavailable); !d.wordy() {
				d.event(e).since(observe.FirstSeen(e))
			}
		}
	}
	if !offered && !v.wantsGPU(n) {
		return // what looks like a card's fault in an application's log is a word of its own there
	}
	for _, p := range v.idx.PodsOn(n.Name) {
		for _, l := range v.logsOf(v.owner[p]) {
			if l.Pod != p.Name {
				continue
			}
			for _, line := range l.Lines {
				if gpuFault.MatchString(line) {
					if d := begin(incident.GPUCardUnavailable); !d.wordy() {
						d.line(podTarget(p), l.Container, line).affectsPods(p)
					}
					break
				}
			}
		}
	}
}

// wantsGPU says whether a node was made for accelerators and a pod that waits wants one.
func (v *view) wantsGPU(n *corev1.Node) bool {
	made := false
	for _, k := range gpuLabels {
		val, ok := n.Labels[k]
		made = made || ok && val != "false"
	}
	if !made {
		return false
	}
	for _, w := range v.workloads {
		for _, p := range unreadyOf(w) {
			if p.Spec.NodeName != "" {
				continue
			}
			for k := range requests(p) {
				if gpuName.MatchString(string(k)) {
					return true
				}
			}
		}
	}
	return false
}

// pluginRuns says whether the device plugin of the node is ready: then it is a card that fails, not the plugin.
func (v *view) pluginRuns(n *corev1.Node) bool {
	for _, p := range v.idx.PodsOn(n.Name) {
		if system(p.Namespace) && podReady(p) && (strings.Contains(p.Name, "gpu") || strings.Contains(p.Name, "nvidia") || strings.Contains(p.Name, "npu") || strings.Contains(p.Name, "ascend")) {
			return true
		}
	}
	return false
}
