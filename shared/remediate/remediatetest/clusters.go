package remediatetest

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
)

// Question is a random cluster and a set of pods that ask for room in it; the same seed gives the same one. Every filter of the
// scheduler has something to do in it: requests, pod limits, taints, labels, ports, affinity, spread, zones and limits of
// disks. The prediction is compared over it with the real scheduler. All pods have the same priority: preemption is only announced.
func Question(seed uint64) (*observe.Snapshot, remediate.PodSet) {
	g := generator{rand.New(rand.NewPCG(seed, 7)), rand.New(rand.NewPCG(seed, 8))} //nolint:gosec // clusters, not secrets
	s := &observe.Snapshot{}
	for _, name := range []string{"default", "other"} {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
		if g.chance(0.5) {
			n.Labels["team"] = "x"
		}
		s.Objects.Namespaces = append(s.Objects.Namespaces, n)
	}
	nodes := 1 + g.IntN(12)
	for i := range nodes {
		s.Objects.Nodes = append(s.Objects.Nodes, g.node(i))
		s.Objects.CSINodes = append(s.Objects.CSINodes, g.csiNode(i))
	}
	g.storage(s)
	for i := range g.IntN(4 * nodes) {
		s.Objects.Pods = append(s.Objects.Pods, g.running(i, nodes))
	}
	if len(s.Objects.Pods) > 0 && g.chance(0.3) && s.Objects.Pods[0].Namespace == "default" {
		s.Objects.Pods[0].Spec.Volumes = claimed(g.pick("claim-0", "claim-1"))
	}
	set := remediate.PodSet{Namespace: "default", Workload: "new", Count: 1 + g.IntN(12), Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: g.labels()}, Spec: g.spec(true),
	}}
	if g.chance(0.4) {
		set.Template.Spec.Volumes = claimed(g.pick("claim-0", "claim-1", "claim-2", "claim-3"))
		set.Count = 1 + g.IntN(3)
	}
	return s, set
}

// generator draws; later draws from a source of its own, so that what is added leaves the clusters there were as they were.
type generator struct {
	*rand.Rand
	later *rand.Rand
}

func (g generator) perhaps(p float64) bool { return g.later.Float64() < p }

// labels are a pod's: its application, and its release, by which rules may tell pods apart.
func (g generator) labels() map[string]string {
	out := map[string]string{"app": g.app()}
	if g.perhaps(0.9) {
		out[release] = []string{"1", "2"}[g.later.IntN(2)]
	}
	return out
}

const release = "release"

func (g generator) chance(p float64) bool { return g.Float64() < p }

func (g generator) pick(all ...string) string { return all[g.IntN(len(all))] }

func (g generator) app() string { return g.pick("a", "b", "c") }

func (g generator) zone() string { return g.pick("z1", "z2", "z3") }

func (g generator) selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": g.app()}}
}

// domain is a topology key; hosts come up twice as often as zones.
func (g generator) domain() string {
	return g.pick(corev1.LabelHostname, corev1.LabelHostname, corev1.LabelTopologyZone)
}

// tenths is a quantity of CPU.
func (g generator) tenths(most int) resource.Quantity {
	return *resource.NewMilliQuantity(int64(1+g.IntN(most))*100, resource.DecimalSI)
}

// eighths is a quantity of memory, in eighths of a GiB.
func (g generator) eighths(most int) resource.Quantity {
	return *resource.NewQuantity(int64(1+g.IntN(most))<<27, resource.BinarySI)
}

func (g generator) node(i int) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{corev1.LabelHostname: nodeName(i), "disk": g.pick("ssd", "hdd")}}}
	if g.chance(0.95) {
		n.Labels[corev1.LabelTopologyZone] = g.zone()
	}
	n.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: g.tenths(80), corev1.ResourceMemory: g.eighths(60), corev1.ResourcePods: *resource.NewQuantity(int64(2+g.IntN(10)), resource.DecimalSI),
	}
	if g.chance(0.2) {
		n.Status.Allocatable["nvidia.com/gpu"] = resource.MustParse("2")
	}
	n.Status.Capacity = n.Status.Allocatable
	if g.chance(0.1) {
		n.Spec.Unschedulable = true
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	}
	if g.chance(0.2) {
		effect := corev1.TaintEffect(g.pick("NoSchedule", "NoExecute", "PreferNoSchedule"))
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "dedicated", Value: "x", Effect: effect})
	}
	return n
}

func nodeName(i int) string { return fmt.Sprintf("node-%02d", i) }

func (g generator) csiNode(i int) *storagev1.CSINode {
	most := int32(1 + g.IntN(3)) //nolint:gosec // 1 to 3
	return &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i)}, Spec: storagev1.CSINodeSpec{
		Drivers: []storagev1.CSINodeDriver{{Name: driver, NodeID: nodeName(i), Allocatable: &storagev1.VolumeNodeResources{Count: &most}}},
	}}
}

// driver makes all the disks.
const driver = "disk.csi.everest.io"

// storage is two bound claims (the second for one pod only), one to be made and one to be found where its pod goes.
func (g generator) storage(s *observe.Snapshot) {
	late := storagev1.VolumeBindingWaitForFirstConsumer
	made := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "made"}, Provisioner: driver, VolumeBindingMode: &late}
	if g.chance(0.5) {
		made.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{
			{Key: corev1.LabelTopologyZone, Values: []string{"z1", g.pick("z2", "z3")}},
		}}}
	}
	found := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "found"}, Provisioner: "kubernetes.io/no-provisioner", VolumeBindingMode: &late}
	s.Objects.StorageClasses = []*storagev1.StorageClass{found, made}
	for i, class := range []string{"", "", "made", "found"} {
		pv, pvc := g.disk(i, class)
		s.Objects.PersistentVolumes = append(s.Objects.PersistentVolumes, pv)
		s.Objects.PersistentVolumeClaims = append(s.Objects.PersistentVolumeClaims, pvc)
	}
}

func (g generator) disk(i int, class string) (*corev1.PersistentVolume, *corev1.PersistentVolumeClaim) {
	mode, access, zone := corev1.PersistentVolumeFilesystem, corev1.ReadWriteOnce, g.zone()
	if i == 1 {
		access = corev1.ReadWriteOncePod
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("volume-%d", i), Labels: map[string]string{}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{access}, VolumeMode: &mode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: fmt.Sprint(i)}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeAvailable},
	}
	switch {
	case g.chance(0.5):
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: inZones(zone)}
	case g.chance(0.5):
		pv.Labels[corev1.LabelTopologyZone] = zone
	}
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("claim-%d", i), UID: types.UID(fmt.Sprintf("claim-%d", i))},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: pv.Spec.AccessModes, VolumeMode: &mode, StorageClassName: &class,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")}},
		},
	}
	switch class {
	case "":
		pvc.Spec.VolumeName = pv.Name
		pvc.Annotations = map[string]string{"pv.kubernetes.io/bind-completed": "true"}
		pv.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: pvc.Name, UID: pvc.UID}
	case "found":
		pv.Spec.StorageClassName = class
	}
	return pv, pvc
}

func inZones(zones ...string) *corev1.NodeSelector {
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: zones},
	}}}}
}

func claimed(name string) []corev1.Volume {
	return []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}}}
}

// running is a pod that is there already; some are over, some on their way out.
func (g generator) running(i, nodes int) *corev1.Pod {
	name := fmt.Sprintf("old-%d", i)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: g.pick("default", "default", "other"), Name: name, UID: types.UID(name), Labels: g.labels()}}
	p.Spec = g.spec(g.chance(0.3))
	p.Spec.NodeName = nodeName(g.IntN(nodes))
	p.Status.Phase = corev1.PodRunning
	if g.chance(0.05) {
		p.Status.Phase = corev1.PodSucceeded
	}
	if g.chance(0.05) {
		now := metav1.NewTime(epoch)
		p.DeletionTimestamp = &now
	}
	return p
}

// spec is a pod's; choosy ones also have wishes about where they go.
func (g generator) spec(choosy bool) corev1.PodSpec {
	var spec corev1.PodSpec
	for i := range 1 + g.IntN(2) {
		c := corev1.Container{Name: fmt.Sprintf("app-%d", i), Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{}}}
		if g.chance(0.9) {
			c.Resources.Requests[corev1.ResourceCPU] = g.tenths(15)
		}
		if g.chance(0.8) {
			c.Resources.Requests[corev1.ResourceMemory] = g.eighths(15)
		}
		if g.chance(0.1) {
			c.Resources.Requests["nvidia.com/gpu"] = resource.MustParse("1")
			c.Resources.Limits = corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")}
		}
		spec.Containers = append(spec.Containers, c)
	}
	if g.chance(0.15) {
		c := corev1.Container{Name: "init", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: g.tenths(30)}}}
		if g.chance(0.5) {
			always := corev1.ContainerRestartPolicyAlways
			c.RestartPolicy = &always
		}
		spec.InitContainers = append(spec.InitContainers, c)
	}
	if g.chance(0.1) {
		spec.Overhead = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")}
	}
	if choosy {
		g.choose(&spec)
	}
	return spec
}

func (g generator) choose(spec *corev1.PodSpec) {
	if g.chance(0.1) {
		spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 8080, Protocol: corev1.ProtocolTCP}}
	}
	if g.chance(0.2) {
		spec.NodeSelector = map[string]string{"disk": g.pick("ssd", "hdd")}
	}
	if g.chance(0.2) {
		spec.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}
	}
	if g.chance(0.1) {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	spec.Affinity = &corev1.Affinity{}
	if g.chance(0.15) {
		spec.Affinity.NodeAffinity = &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: inZones(g.pick("z1", "z2"), "z3")}
	}
	if g.chance(0.3) {
		term := corev1.PodAffinityTerm{LabelSelector: g.selector(), TopologyKey: g.domain()}
		if g.chance(0.2) {
			term.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}
		}
		switch {
		case g.perhaps(0.3):
			term.MatchLabelKeys = []string{release}
		case g.perhaps(0.3):
			term.MismatchLabelKeys = []string{release}
		}
		spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	}
	if g.chance(0.1) {
		wish := corev1.WeightedPodAffinityTerm{Weight: 50, PodAffinityTerm: corev1.PodAffinityTerm{LabelSelector: g.selector(), TopologyKey: corev1.LabelHostname}}
		spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{wish}}
	}
	if g.chance(0.15) {
		term := corev1.PodAffinityTerm{LabelSelector: g.selector(), TopologyKey: g.domain()}
		spec.Affinity.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	}
	for _, key := range []string{corev1.LabelHostname, corev1.LabelTopologyZone} {
		if g.chance(0.2) {
			spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, g.spread(key))
		}
	}
}

func (g generator) spread(key string) corev1.TopologySpreadConstraint {
	c := corev1.TopologySpreadConstraint{
		MaxSkew: int32(1 + g.IntN(2)), TopologyKey: key, LabelSelector: g.selector(), //nolint:gosec // 1 or 2
		WhenUnsatisfiable: corev1.UnsatisfiableConstraintAction(g.pick("DoNotSchedule", "DoNotSchedule", "ScheduleAnyway")),
	}
	if g.chance(0.3) && c.WhenUnsatisfiable == corev1.DoNotSchedule {
		n := int32(1 + g.IntN(4)) //nolint:gosec // 1 to 4
		c.MinDomains = &n
	}
	if g.chance(0.2) {
		honor := corev1.NodeInclusionPolicyHonor
		c.NodeTaintsPolicy = &honor
	}
	if g.chance(0.2) {
		ignore := corev1.NodeInclusionPolicyIgnore
		c.NodeAffinityPolicy = &ignore
	}
	if g.perhaps(0.3) {
		c.MatchLabelKeys = []string{release}
	}
	return c
}
