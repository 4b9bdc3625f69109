package remediate

import (
	"fmt"
	"slices"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// What the scheduler takes a container for, in scoring, that requests nothing (pkg/scheduler/util DefaultMilliCPURequest,
// DefaultMemoryRequest).
var (
	smallCPU    = apiresource.MustParse("100m")
	smallMemory = apiresource.MustParse("200Mi")
)

// question is one pod asking for a node: what is worked out once before every node is looked at.
type question struct {
	w        *world
	pod      *corev1.Pod
	whole    string // why no node will do, whatever it is
	requests map[corev1.ResourceName]int64
	required nodeaffinity.RequiredNodeAffinity
	spread   []spreadRule
	affinity affinityState
	claims   []claim
}

func (w *world) question(p *corev1.Pod) *question {
	q := &question{w: w, pod: p, requests: requestsOf(p), required: nodeaffinity.GetRequiredNodeAffinity(p)}
	q.claims, q.whole = w.volumes.claimsOf(p)
	if q.whole == "" {
		q.spread, q.whole = w.spreadRules(p, corev1.DoNotSchedule)
	}
	if q.whole == "" {
		q.affinity, q.whole = w.affinityState(p)
	}
	return q
}

// against is why a node turns the pod away, empty when it does not. The first filter that objects speaks; the order is that of
// the default scheduler profile.
func (q *question) against(n *place) []string {
	for _, filter := range []func(*place) []string{
		q.againstUnschedulable, q.againstName, q.againstTaints, q.againstLabels, q.againstPorts, q.againstRequests,
		q.againstVolumes, q.againstSpread, q.againstPods,
	} {
		if reasons := filter(n); len(reasons) > 0 {
			return reasons
		}
	}
	return nil
}

func (q *question) againstUnschedulable(n *place) []string {
	taint := corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	if n.node.Spec.Unschedulable && !corev1helpers.TolerationsTolerateTaint(logr.Discard(), q.pod.Spec.Tolerations, &taint, false) {
		return []string{"node(s) were unschedulable"}
	}
	return nil
}

func (q *question) againstName(n *place) []string {
	if q.pod.Spec.NodeName != "" && q.pod.Spec.NodeName != n.node.Name {
		return []string{"node(s) didn't match the requested node name"}
	}
	return nil
}

// againstTaints names the taint, as schedulers up to 1.33 do; the newest say only that there is one.
func (q *question) againstTaints(n *place) []string {
	taint, found := corev1helpers.FindMatchingUntoleratedTaint(logr.Discard(), n.node.Spec.Taints, q.pod.Spec.Tolerations, keepsOut, false)
	if found {
		return []string{fmt.Sprintf("node(s) had untolerated taint {%s: %s}", taint.Key, taint.Value)}
	}
	return nil
}

func keepsOut(t *corev1.Taint) bool {
	return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
}

func (q *question) againstLabels(n *place) []string {
	if ok, err := q.required.Match(n.node); err != nil || !ok {
		return []string{"node(s) didn't match Pod's node affinity/selector"}
	}
	return nil
}

func (q *question) againstPorts(n *place) []string {
	for _, want := range hostPorts(q.pod) {
		for _, p := range n.pods {
			if slices.ContainsFunc(hostPorts(p), want.clashes) {
				return []string{"node(s) didn't have free ports for the requested pod ports"}
			}
		}
	}
	return nil
}

func (q *question) againstRequests(n *place) []string {
	var reasons []string
	if int64(len(n.pods))+1 > n.room[corev1.ResourcePods] {
		reasons = append(reasons, "Too many pods")
	}
	for _, name := range sortedNames(q.requests) {
		if want := q.requests[name]; want > 0 && want > n.room[name]-n.used[name] {
			reasons = append(reasons, "Insufficient "+string(name))
		}
	}
	return reasons
}

func sortedNames(m map[corev1.ResourceName]int64) []corev1.ResourceName {
	names := make([]corev1.ResourceName, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// hostPort is a port that a pod takes on its node.
type hostPort struct {
	ip       string
	protocol corev1.Protocol
	port     int32
}

const everyIP = "0.0.0.0"

func (a hostPort) clashes(b hostPort) bool {
	return a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || a.ip == everyIP || b.ip == everyIP)
}

// hostPorts are the ports of a pod's containers, and of the init containers that run beside them.
func hostPorts(p *corev1.Pod) []hostPort {
	var out []hostPort
	containers := slices.Clone(p.Spec.Containers)
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, c)
		}
	}
	for _, c := range containers {
		for _, port := range c.Ports {
			hp := hostPort{ip: port.HostIP, protocol: port.Protocol, port: port.HostPort}
			if hp.port == 0 && p.Spec.HostNetwork {
				hp.port = port.ContainerPort // what the API server makes of it
			}
			if hp.port <= 0 {
				continue
			}
			if hp.ip == "" {
				hp.ip = everyIP
			}
			if hp.protocol == "" {
				hp.protocol = corev1.ProtocolTCP
			}
			out = append(out, hp)
		}
	}
	return out
}

func priorityOf(p *corev1.Pod) int32 { return corev1helpers.PodPriority(p) }
