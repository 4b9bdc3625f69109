package machine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// frame is one moment being written down.
type frame struct {
	s       *sampler
	at      time.Time
	elapsed float64 // seconds since the frame before
	use     map[string]map[string]usage
	out     []sample
}

// frame measures everything at a moment; counters go on from the frame before.
func (s *sampler) frame(at time.Time) []sample {
	w, err := s.world()
	if err != nil {
		return nil // a lister of a started informer does not fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &frame{s: s, at: at, use: s.loads.measure(w.pods, s.workload, at)}
	if !s.last.IsZero() {
		f.elapsed = max(at.Sub(s.last).Seconds(), 0)
	}
	s.last, s.now = at, f.use
	for _, p := range w.pods {
		f.pod(p)
	}
	for _, n := range w.nodes {
		f.node(n, w.pods)
	}
	f.workloads()
	for _, k := range sortedKeys(s.gauges) {
		f.out = append(f.out, s.gauges[k])
	}
	return f.out
}

// add writes a gauge. Labels come in pairs; an empty value is no label.
func (f *frame) add(name string, value float64, pairs ...string) {
	f.out = append(f.out, sample{f.metric(name, pairs), value})
}

// grow writes a counter that has grown by so much a second.
func (f *frame) grow(name string, rate float64, pairs ...string) {
	metric := f.metric(name, pairs)
	k := seriesKey(metric)
	f.s.counters[k] += rate * f.elapsed
	f.out = append(f.out, sample{metric, f.s.counters[k]})
}

func (f *frame) metric(name string, pairs []string) map[string]string {
	m := map[string]string{"__name__": name, "cluster": f.s.cluster, "cluster_name": f.s.name}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
}

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var phases = []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown}

func (f *frame) pod(p *corev1.Pod) {
	ns, pod, node := p.Namespace, p.Name, p.Spec.NodeName
	kind, owner := "", ""
	if c := metav1.GetControllerOf(p); c != nil {
		kind, owner = c.Kind, c.Name
	}
	f.add("kube_pod_info", 1, "namespace", ns, "pod", pod, "node", node, "uid", string(p.UID), "created_by_kind", kind, "created_by_name", owner,
		"host_ip", p.Status.HostIP, "pod_ip", p.Status.PodIP)
	f.add("kube_pod_created", float64(p.CreationTimestamp.Unix()), "namespace", ns, "pod", pod)
	for _, phase := range phases {
		f.add("kube_pod_status_phase", yes(p.Status.Phase == phase), "namespace", ns, "pod", pod, "phase", string(phase))
	}
	f.add("kube_pod_status_ready", yes(podReady(p)), "namespace", ns, "pod", pod, "condition", "true")
	for _, c := range p.Spec.Containers {
		f.container(p, c)
	}
	for _, c := range p.Status.ContainerStatuses {
		f.add("kube_pod_container_status_restarts_total", float64(c.RestartCount), "namespace", ns, "pod", pod, "container", c.Name)
		f.add("kube_pod_container_status_ready", yes(c.Ready), "namespace", ns, "pod", pod, "container", c.Name)
		if waiting := c.State.Waiting; waiting != nil {
			f.add("kube_pod_container_status_waiting_reason", 1, "namespace", ns, "pod", pod, "container", c.Name, "reason", waiting.Reason)
		}
		if ended := c.LastTerminationState.Terminated; ended != nil {
			f.add("kube_pod_container_status_last_terminated_reason", 1, "namespace", ns, "pod", pod, "container", c.Name, "reason", ended.Reason)
		}
	}
	if p.Status.Phase == corev1.PodRunning {
		work := f.use[podKey(p)][p.Spec.Containers[0].Name].cores
		f.grow("container_network_receive_bytes_total", 20e3+900e3*work, "namespace", ns, "pod", pod, "node", node, "interface", "eth0")
		f.grow("container_network_transmit_bytes_total", 15e3+1500e3*work, "namespace", ns, "pod", pod, "node", node, "interface", "eth0")
	}
}

func (f *frame) container(p *corev1.Pod, c corev1.Container) {
	at := []string{"namespace", p.Namespace, "pod", p.Name, "container", c.Name, "node", p.Spec.NodeName}
	for resource, unit := range map[corev1.ResourceName]string{corev1.ResourceCPU: "core", corev1.ResourceMemory: "byte"} {
		of := append([]string{"resource", string(resource), "unit", unit}, at...)
		if _, ok := c.Resources.Requests[resource]; ok {
			f.add("kube_pod_container_resource_requests", quantity(c.Resources.Requests, resource), of...)
		}
		if _, ok := c.Resources.Limits[resource]; ok {
			f.add("kube_pod_container_resource_limits", quantity(c.Resources.Limits, resource), of...)
		}
	}
	u, running := f.use[podKey(p)][c.Name]
	if !running {
		return
	}
	at = append(at, "image", c.Image)
	f.grow("container_cpu_usage_seconds_total", u.cores, at...)
	f.add("container_memory_working_set_bytes", u.memory, at...)
	f.add("container_memory_rss", u.memory*0.9, at...)
	f.add("container_spec_memory_limit_bytes", quantity(c.Resources.Limits, corev1.ResourceMemory), at...)
	limit := quantity(c.Resources.Limits, corev1.ResourceCPU)
	f.add("container_spec_cpu_quota", limit*100000, at...)
	f.add("container_spec_cpu_period", 100000, at...)
	held := 0.0 // the share of periods in which it was held back
	if limit > 0 && u.wanted > limit {
		held = 1 - limit/u.wanted
	}
	f.grow("container_cpu_cfs_periods_total", 10, at...)
	f.grow("container_cpu_cfs_throttled_periods_total", 10*held, at...)
	f.grow("container_cpu_cfs_throttled_seconds_total", held, at...)
}

// overhead is what a node's own services use.
const (
	overheadCores  = 0.18
	overheadMemory = 1.1 * (1 << 30)
	diskSize       = 100 * (1 << 30)
)

func (f *frame) node(n *corev1.Node, pods []*corev1.Pod) {
	at := []string{"node", n.Name}
	for _, c := range n.Status.Conditions {
		for _, status := range []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown} {
			f.add("kube_node_status_condition", yes(c.Status == status), append(at, "condition", string(c.Type), "status", strings.ToLower(string(status)))...)
		}
		if problem(c.Type) {
			f.add("problem_gauge", yes(c.Status == corev1.ConditionTrue), append(at, "type", string(c.Type), "reason", c.Reason)...)
		}
	}
	f.add("kube_node_info", 1, append(at, "kubelet_version", n.Status.NodeInfo.KubeletVersion, "kernel_version", n.Status.NodeInfo.KernelVersion)...)
	f.add("kube_node_spec_unschedulable", yes(n.Spec.Unschedulable), at...)
	for resource, unit := range map[corev1.ResourceName]string{corev1.ResourceCPU: "core", corev1.ResourceMemory: "byte", corev1.ResourcePods: "integer"} {
		f.add("kube_node_status_allocatable", quantity(n.Status.Allocatable, resource), append(at, "resource", string(resource), "unit", unit)...)
		f.add("kube_node_status_capacity", quantity(n.Status.Capacity, resource), append(at, "resource", string(resource), "unit", unit)...)
	}
	if nodeReady(n) { // a lost machine is not scraped
		f.exporter(n, pods)
	}
}

// problem says whether a condition is the node problem detector's and not the kubelet's.
func problem(kind corev1.NodeConditionType) bool {
	switch kind {
	case corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure, corev1.NodeNetworkUnavailable:
		return false
	}
	return true
}

// exporter is what a node exporter says of the machine.
func (f *frame) exporter(n *corev1.Node, pods []*corev1.Pod) {
	at := []string{"node", n.Name, "instance", n.Name + ":9100"}
	cores, memory := overheadCores, float64(overheadMemory)
	for _, p := range pods {
		if p.Spec.NodeName != n.Name {
			continue
		}
		for _, u := range f.use[podKey(p)] {
			cores, memory = cores+u.cores, memory+u.memory
		}
	}
	cpus := max(int(math.Round(quantity(n.Status.Capacity, corev1.ResourceCPU))), 1)
	busy := min(cores/float64(cpus), 1)
	for cpu := range cpus {
		for mode, part := range map[string]float64{"idle": 1 - busy, "user": busy * 0.78, "system": busy * 0.2, "iowait": busy * 0.02} {
			f.grow("node_cpu_seconds_total", part, append(at, "cpu", strconv.Itoa(cpu), "mode", mode)...)
		}
	}
	total := quantity(n.Status.Capacity, corev1.ResourceMemory)
	f.add("node_memory_MemTotal_bytes", total, at...)
	f.add("node_memory_MemAvailable_bytes", max(total-memory, 0), at...)
	f.add("node_memory_MemFree_bytes", max(total-memory, 0)*0.6, at...)
	f.add("node_load1", cores, at...)
	full := 0.34
	if condition(n, corev1.NodeDiskPressure) {
		full = 0.94
	}
	f.add("node_filesystem_size_bytes", diskSize, append(at, "device", "/dev/vda1", "mountpoint", "/", "fstype", "ext4")...)
	f.add("node_filesystem_avail_bytes", diskSize*(1-full), append(at, "device", "/dev/vda1", "mountpoint", "/", "fstype", "ext4")...)
	f.grow("node_network_receive_bytes_total", 80e3+1200e3*cores, append(at, "device", "eth0")...)
	f.grow("node_network_transmit_bytes_total", 60e3+1800e3*cores, append(at, "device", "eth0")...)
	f.grow("node_netstat_Tcp_RetransSegs", 0.2, at...)
}

func condition(n *corev1.Node, kind corev1.NodeConditionType) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (f *frame) workloads() {
	all := labels.Everything()
	deployments, _ := f.s.deployments.List(all) // listers of started informers do not fail
	for _, d := range deployments {
		at := []string{"namespace", d.Namespace, "deployment", d.Name}
		f.add("kube_deployment_spec_replicas", float64(valueOr(d.Spec.Replicas, 1)), at...)
		f.add("kube_deployment_status_replicas", float64(d.Status.Replicas), at...)
		f.add("kube_deployment_status_replicas_available", float64(d.Status.AvailableReplicas), at...)
		f.add("kube_deployment_status_replicas_unavailable", float64(d.Status.UnavailableReplicas), at...)
		f.add("kube_deployment_status_replicas_updated", float64(d.Status.UpdatedReplicas), at...)
		f.add("kube_deployment_metadata_generation", float64(d.Generation), at...)
		f.add("kube_deployment_status_observed_generation", float64(d.Status.ObservedGeneration), at...)
	}
	stateful, _ := f.s.stateful.List(all)
	for _, d := range stateful {
		at := []string{"namespace", d.Namespace, "statefulset", d.Name}
		f.add("kube_statefulset_replicas", float64(valueOr(d.Spec.Replicas, 1)), at...)
		f.add("kube_statefulset_status_replicas", float64(d.Status.Replicas), at...)
		f.add("kube_statefulset_status_replicas_ready", float64(d.Status.ReadyReplicas), at...)
		f.add("kube_statefulset_status_replicas_updated", float64(d.Status.UpdatedReplicas), at...)
	}
	daemons, _ := f.s.daemons.List(all)
	for _, d := range daemons {
		at := []string{"namespace", d.Namespace, "daemonset", d.Name}
		f.add("kube_daemonset_status_desired_number_scheduled", float64(d.Status.DesiredNumberScheduled), at...)
		f.add("kube_daemonset_status_number_ready", float64(d.Status.NumberReady), at...)
		f.add("kube_daemonset_status_number_unavailable", float64(d.Status.NumberUnavailable), at...)
	}
	scalers, _ := f.s.scalers.List(all)
	for _, h := range scalers {
		at := []string{"namespace", h.Namespace, "horizontalpodautoscaler", h.Name}
		f.add("kube_horizontalpodautoscaler_spec_min_replicas", float64(valueOr(h.Spec.MinReplicas, 1)), at...)
		f.add("kube_horizontalpodautoscaler_spec_max_replicas", float64(h.Spec.MaxReplicas), at...)
		f.add("kube_horizontalpodautoscaler_status_current_replicas", float64(h.Status.CurrentReplicas), at...)
		f.add("kube_horizontalpodautoscaler_status_desired_replicas", float64(h.Status.DesiredReplicas), at...)
	}
}

func valueOr(p *int32, otherwise int32) int32 {
	if p == nil {
		return otherwise
	}
	return *p
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// Gauge adds a series of its own, such as what an application exports about itself, until EndGauge; labels come in pairs.
func (m *Machine) Gauge(name string, value float64, pairs ...string) error {
	if len(pairs)%2 != 0 {
		return fmt.Errorf("labels of %s do not come in pairs", name)
	}
	s := m.sampler
	s.mu.Lock()
	defer s.mu.Unlock()
	f := frame{s: s}
	metric := f.metric(name, pairs)
	s.gauges[seriesKey(metric)] = sample{metric, value}
	return nil
}

// EndGauges forgets all series of Gauge.
func (m *Machine) EndGauges() {
	m.sampler.mu.Lock()
	defer m.sampler.mu.Unlock()
	m.sampler.gauges = map[string]sample{}
}
