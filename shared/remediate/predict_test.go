package remediate

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cce-oncall/shared/observe"
)

// forecast is a small cluster and one question.
type forecast struct {
	name  string
	nodes []*corev1.Node
	pods  []*corev1.Pod
	more  func(*observe.Snapshot)
	set   PodSet
	extra []*corev1.Node
	fit   int
	says  string // Scheduler(), or Refused
}

// asking is a set of pods of one container.
func asking(count int, cpu string, change ...func(*corev1.PodSpec)) PodSet {
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}}}}
	for _, c := range change {
		c(&spec)
	}
	return PodSet{Namespace: "default", Workload: "web", Count: count, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: spec}}
}

// on is a pod that runs on a node.
func on(node, name, cpu string, change ...func(*corev1.PodSpec)) *corev1.Pod {
	set := asking(1, cpu, change...)
	p := &corev1.Pod{ObjectMeta: objectMeta(name), Spec: set.Template.Spec, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	p.Labels = map[string]string{"app": "web"}
	p.Spec.NodeName = node
	return p
}

func zoned(name, zone, cpu string) *corev1.Node {
	return nodeWith(name, cpu, "8Gi", map[string]string{corev1.LabelTopologyZone: zone})
}

func near(key string) *corev1.PodAffinityTerm {
	return &corev1.PodAffinityTerm{TopologyKey: key, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}
}

func apart(key string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{*near(key)}}}
	}
}

func together(key string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{*near(key)}}}
	}
}

func spreadOver(key string, skew int32) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
			MaxSkew: skew, TopologyKey: key, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		}}
	}
}

func mounting(claim string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}}
	}
}

func TestPredict(t *testing.T) {
	two := []*corev1.Node{nodeWith("a", "2", "4Gi", nil), nodeWith("b", "2", "4Gi", nil)}
	cases := []forecast{
		{name: "room for all", nodes: two, set: asking(4, "1"), fit: 4},
		{name: "room for some", nodes: two, pods: []*corev1.Pod{on("a", "x", "1500m")}, set: asking(4, "1"), fit: 2, says: "0/2 nodes are available: 2 Insufficient cpu"},
		{name: "no node was seen", set: asking(1, "1")},
		{name: "finished pods hold nothing", nodes: two[:1], pods: []*corev1.Pod{func() *corev1.Pod { p := on("a", "x", "2"); p.Status.Phase = corev1.PodSucceeded; return p }()}, set: asking(2, "1"), fit: 2},
		{name: "too many pods", nodes: []*corev1.Node{func() *corev1.Node {
			n := nodeWith("a", "8", "8Gi", nil)
			n.Status.Allocatable[corev1.ResourcePods] = resource.MustParse("2")
			return n
		}()}, pods: []*corev1.Pod{on("a", "x", "100m")}, set: asking(2, "100m"), fit: 1, says: "0/1 nodes are available: 1 Too many pods"},
		{name: "two things are short", nodes: []*corev1.Node{nodeWith("a", "1", "1Gi", nil)}, set: asking(1, "2", func(s *corev1.PodSpec) {
			s.Containers[0].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("2Gi")
		}), says: "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory"},
		{name: "an init container is larger", nodes: two[:1], set: asking(1, "1", func(s *corev1.PodSpec) {
			s.InitContainers = []corev1.Container{{Name: "init", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")}}}}
		}), says: "0/1 nodes are available: 1 Insufficient cpu"},
		{name: "a sidecar adds up", nodes: two[:1], set: asking(1, "1500m", func(s *corev1.PodSpec) {
			always := corev1.ContainerRestartPolicyAlways
			s.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: &always, Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}}}
		}), says: "0/1 nodes are available: 1 Insufficient cpu"},
		{name: "overhead counts", nodes: two[:1], set: asking(1, "1500m", func(s *corev1.PodSpec) { s.Overhead = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")} }), says: "0/1 nodes are available: 1 Insufficient cpu"},
		{name: "limits stand for requests", nodes: two[:1], set: func() PodSet {
			set := asking(2, "1")
			set.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}}
			return set
		}(), fit: 1, says: "0/1 nodes are available: 1 Insufficient cpu"},
		{
			name: "cordoned, tainted, labelled", nodes: []*corev1.Node{
				func() *corev1.Node { n := nodeWith("a", "8", "8Gi", nil); n.Spec.Unschedulable = true; return n }(),
				func() *corev1.Node {
					n := nodeWith("b", "8", "8Gi", nil)
					n.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "gpu", Effect: corev1.TaintEffectNoSchedule}}
					return n
				}(),
				nodeWith("c", "8", "8Gi", map[string]string{"disk": "hdd"}),
			}, set: asking(1, "1", func(s *corev1.PodSpec) { s.NodeSelector = map[string]string{"disk": "ssd"} }),
			says: "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {dedicated: gpu}, 1 node(s) were unschedulable",
		},
		{name: "one port on a node", nodes: two, set: asking(3, "100m", func(s *corev1.PodSpec) { s.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80}} }), fit: 2, says: "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports"},
		{name: "apart on hosts", nodes: two, set: asking(3, "100m", apart(corev1.LabelHostname)), fit: 2, says: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules"},
		{name: "others want to be apart", nodes: two, pods: []*corev1.Pod{on("a", "x", "100m", apart(corev1.LabelHostname))}, set: asking(25, "100m"), fit: 20, says: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy existing pods anti-affinity rules"},
		{name: "together in one zone", nodes: []*corev1.Node{zoned("a", "z1", "2"), zoned("b", "z2", "3")}, set: asking(5, "1", together(corev1.LabelTopologyZone)), fit: 3, says: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod affinity rules"},
		{name: "spread over zones", nodes: []*corev1.Node{zoned("a", "z1", "8"), zoned("b", "z2", "2")}, set: asking(8, "1", spreadOver(corev1.LabelTopologyZone, 1)), fit: 5, says: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints"},
		{name: "no zone to spread over", nodes: two, set: asking(1, "1", spreadOver(corev1.LabelTopologyZone, 1)), says: "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label)"},
		{name: "one that waits goes first", nodes: two[:1], pods: []*corev1.Pod{func() *corev1.Pod {
			p := on("", "waits", "1500m")
			p.CreationTimestamp = metav1.Unix(1, 0)
			return p
		}()}, set: asking(1, "1"), says: "0/1 nodes are available: 1 Insufficient cpu"},
		{name: "a new node brings room, less its daemons", nodes: two[:1], pods: []*corev1.Pod{on("a", "x", "2")}, set: asking(2, "1"), extra: []*corev1.Node{nodeWith("new", "2", "4Gi", nil)}, more: func(s *observe.Snapshot) {
			d := daemonSet()
			d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}
			s.Objects.DaemonSets = []*appsv1.DaemonSet{d}
		}, fit: 1, says: "0/2 nodes are available: 2 Insufficient cpu"},
	}
	for _, c := range append(cases, append(volumeForecasts(), admissionForecasts()...)...) {
		t.Run(c.name, func(t *testing.T) {
			s := &observe.Snapshot{}
			s.Objects.Nodes, s.Objects.Pods = c.nodes, c.pods
			if c.more != nil {
				c.more(s)
			}
			got := Predict(s, c.set, c.extra...)
			says := got.Scheduler()
			if got.Refused != "" {
				says = got.Refused
			}
			if got.Fit != c.fit || says != c.says {
				t.Errorf("got %d of %d, %q; want %d, %q", got.Fit, got.Want, says, c.fit, c.says)
			}
			placed := 0
			for _, p := range got.On {
				placed += p.Pods
			}
			if c.nodes == nil && got.Text().EN != "Cannot be computed: the nodes of the cluster were not seen." {
				t.Errorf("without nodes: %q", got.Text().EN)
			}
			if placed != got.Fit || got.Want != c.set.Count {
				t.Errorf("%d pods placed, %d fit, %d wanted", placed, got.Fit, got.Want)
			}
			if diff := cmp.Diff(got, Predict(s, c.set, c.extra...)); diff != "" {
				t.Errorf("not the same twice:\n%s", diff)
			}
		})
	}
}

// volumeForecasts are about where disks are.
func volumeForecasts() []forecast {
	late := storagev1.VolumeBindingWaitForFirstConsumer
	zones := []*corev1.Node{zoned("a", "z1", "2"), zoned("b", "z2", "2")}
	disk := func(s *observe.Snapshot) {
		s.Objects.PersistentVolumeClaims = []*corev1.PersistentVolumeClaim{
			{ObjectMeta: objectMeta("bound"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-1", AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}},
			{ObjectMeta: objectMeta("alone"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-1", AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}}},
			{ObjectMeta: objectMeta("late"), Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr("late")}},
			{ObjectMeta: objectMeta("now"), Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr("now")}},
			{ObjectMeta: objectMeta("lost"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "gone"}},
			{ObjectMeta: objectMeta("elsewhere"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-2"}},
		}
		s.Objects.StorageClasses = []*storagev1.StorageClass{
			{ObjectMeta: metav1.ObjectMeta{Name: "late"}, Provisioner: "everest-csi-provisioner", VolumeBindingMode: &late, AllowedTopologies: []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyZone, Values: []string{"z1"}}}}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "now"}, Provisioner: "everest-csi-provisioner"},
		}
		inZone := &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{"z2"}}}}}}}
		csi := corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "disk.csi.everest.io", VolumeHandle: "v"}}
		s.Objects.PersistentVolumes = []*corev1.PersistentVolume{
			{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}, Spec: corev1.PersistentVolumeSpec{NodeAffinity: inZone, PersistentVolumeSource: csi}},
			{ObjectMeta: metav1.ObjectMeta{Name: "pv-2", Labels: map[string]string{corev1.LabelTopologyZone: "z1"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "pv-3"}, Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: csi}},
		}
	}
	full := func(s *observe.Snapshot) {
		disk(s)
		s.Objects.CSINodes = []*storagev1.CSINode{{ObjectMeta: metav1.ObjectMeta{Name: "b"}, Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{{Name: "disk.csi.everest.io", Allocatable: &storagev1.VolumeNodeResources{Count: ptr(int32(1))}}}}}}
		s.Objects.PersistentVolumeClaims = append(s.Objects.PersistentVolumeClaims, &corev1.PersistentVolumeClaim{ObjectMeta: objectMeta("other"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-3"}})
	}
	return []forecast{
		{name: "the disk is in another zone", nodes: zones, more: disk, set: asking(3, "1", mounting("bound")), fit: 2, says: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict"},
		{name: "the disk's label is of another zone", nodes: zones[1:], more: disk, set: asking(1, "1", mounting("elsewhere")), says: "0/1 nodes are available: 1 node(s) had no available volume zone"},
		{
			name: "a claim for one pod only", nodes: zones[1:], pods: []*corev1.Pod{on("b", "x", "1", mounting("alone"))}, more: disk, set: asking(1, "1", mounting("alone")),
			says: "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
		},
		{name: "a disk is made where it may be", nodes: zones, more: disk, set: asking(3, "1", mounting("late")), fit: 2, says: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't find available persistent volumes to bind"},
		{name: "a claim that is not bound", nodes: zones, more: disk, set: asking(1, "1", mounting("now")), says: "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims"},
		{name: "a claim whose disk is gone", nodes: zones[:1], more: disk, set: asking(1, "1", mounting("lost")), says: "0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"},
		{name: "no such claim", nodes: zones, more: disk, set: asking(1, "1", mounting("nothing")), says: `0/2 nodes are available: persistentvolumeclaim "nothing" not found`},
		{name: "the node holds no more disks", nodes: zones[1:], pods: []*corev1.Pod{on("b", "x", "100m", mounting("other"))}, more: full, set: asking(1, "1", mounting("bound")), says: "0/1 nodes are available: 1 node(s) exceed max volume count"},
	}
}

// admissionForecasts are about pods that are not even created.
func admissionForecasts() []forecast {
	two := []*corev1.Node{nodeWith("a", "8", "8Gi", nil)}
	quota := func(hard, used map[corev1.ResourceName]string, scopes ...corev1.ResourceQuotaScope) func(*observe.Snapshot) {
		return func(s *observe.Snapshot) {
			r := &corev1.ResourceQuota{ObjectMeta: objectMeta("team"), Spec: corev1.ResourceQuotaSpec{Scopes: scopes}, Status: corev1.ResourceQuotaStatus{Hard: corev1.ResourceList{}, Used: corev1.ResourceList{}}}
			for k, v := range hard {
				r.Status.Hard[k] = resource.MustParse(v)
			}
			for k, v := range used {
				r.Status.Used[k] = resource.MustParse(v)
			}
			s.Objects.ResourceQuotas = []*corev1.ResourceQuota{r}
		}
	}
	limit := func(item corev1.LimitRangeItem) func(*observe.Snapshot) {
		return func(s *observe.Snapshot) {
			s.Objects.LimitRanges = []*corev1.LimitRange{{ObjectMeta: objectMeta("team"), Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}}}}
		}
	}
	cpu := func(v string) map[corev1.ResourceName]string {
		return map[corev1.ResourceName]string{corev1.ResourceRequestsCPU: v}
	}
	return []forecast{
		{name: "the quota holds one more", nodes: two, more: quota(cpu("4"), cpu("2500m")), set: asking(3, "1"), fit: 1, says: "exceeded quota: team, requested: requests.cpu=1, used: requests.cpu=3500m, limited: requests.cpu=4"},
		{name: "the quota counts pods", nodes: two, more: quota(map[corev1.ResourceName]string{corev1.ResourcePods: "2"}, map[corev1.ResourceName]string{corev1.ResourcePods: "2"}), set: asking(1, "1"), says: "exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2"},
		{name: "the quota wants limits", nodes: two, more: quota(map[corev1.ResourceName]string{corev1.ResourceLimitsCPU: "4"}, nil), set: asking(1, "1"), says: "failed quota: team: must specify limits.cpu"},
		{name: "the quota is for others", nodes: two, more: quota(cpu("0"), nil, corev1.ResourceQuotaScopeBestEffort), set: asking(1, "1"), fit: 1},
		{name: "a container above the range", nodes: two, more: limit(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}, Default: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}), set: asking(1, "1"), says: "maximum cpu usage per Container is 500m, but limit is 1"},
		{name: "a container below the range", nodes: two, more: limit(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Min: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}), set: asking(1, "1"), says: "minimum memory usage per Container is 1Gi, but request is 0"},
		{name: "the range's default is requested", nodes: two, more: limit(corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, DefaultRequest: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("5Gi")}}), set: asking(2, "1"), fit: 1, says: "0/1 nodes are available: 1 Insufficient memory"},
	}
}

func TestPredictSaysWhenPodsCouldBePushedOut(t *testing.T) {
	s := &observe.Snapshot{}
	s.Objects.Nodes = []*corev1.Node{nodeWith("a", "2", "4Gi", nil)}
	s.Objects.Pods = []*corev1.Pod{on("a", "x", "2")}
	s.Objects.PriorityClasses = []*schedulingv1.PriorityClass{{ObjectMeta: metav1.ObjectMeta{Name: "high"}, Value: 1000}}
	set := asking(1, "1", func(spec *corev1.PodSpec) { spec.PriorityClassName = "high" })
	if got := Predict(s, set); got.Fit != 0 || !got.Preempts {
		t.Errorf("high priority: %+v", got)
	}
	if got := Predict(s, asking(1, "1")); got.Preempts {
		t.Errorf("same priority: %+v", got)
	}
}

func TestPredictRollout(t *testing.T) {
	for _, c := range []struct {
		name               string
		surge, unavailable int32
		recreate           bool
		cpu                string // of the new template; the old one asks for 1
		fit                int
	}{
		{name: "the same again needs room for one", surge: 1, cpu: "1", fit: 2},
		{name: "larger than the room left", surge: 1, cpu: "1500m", fit: 0},
		{name: "one may be missing, so there is room", unavailable: 1, cpu: "1500m", fit: 2},
		{name: "all at once", recreate: true, cpu: "2", fit: 2},
		{name: "larger than a node", recreate: true, cpu: "3", fit: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &observe.Snapshot{}
			s.Objects.Nodes = []*corev1.Node{nodeWith("a", "2", "4Gi", nil), nodeWith("b", "2", "4Gi", nil)}
			d := deploymentOf("chat-app", 2, "1")
			d.Spec.Strategy = appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: ptr(intstr.FromInt32(c.surge)), MaxUnavailable: ptr(intstr.FromInt32(c.unavailable))}}
			if c.recreate {
				d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
			}
			s.Objects.Deployments = []*appsv1.Deployment{d}
			for i := range 2 {
				p := podOf(d, i)
				p.Spec.NodeName = []string{"a", "b"}[i]
				s.Objects.Pods = append(s.Objects.Pods, p)
			}
			b := newBench(s, cpuSaturated("").Causes[0], nil)
			template := d.Spec.Template.DeepCopy()
			template.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse(c.cpu)
			if got := newWorld(s).rollout(b.load, *template); got.Fit != c.fit || got.All() != (c.fit == 2) {
				t.Errorf("got %+v, want %d replaced", got, c.fit)
			}
		})
	}
}

func TestPredictionInWords(t *testing.T) {
	for _, c := range []struct {
		p      Prediction
		en, zh string
	}{
		{
			Prediction{Want: 2, Created: 2, Fit: 1, On: []Placed{{"n1", 1}}, Nodes: 2, Why: []Blocked{{"Insufficient cpu", 2}}},
			"1 of 2 new pods will not fit; 1 will (n1). 0/2 nodes are available: 2 Insufficient cpu.",
			"2 个新 Pod 中有 1 个无法调度，1 个可调度（n1）。0/2 个节点可用：2 个节点 CPU 不足（Insufficient cpu）。",
		},
		{Prediction{Want: 3, Created: 3, Fit: 3, On: []Placed{{"n1", 2}, {"n2", 1}}}, "All 3 new pods fit (n1 ×2, n2).", "3 个新 Pod 均可调度（n1 ×2、n2）。"},
		{Prediction{Want: 3, Created: 1, Fit: 1, Refused: "exceeded quota: q"}, "2 of 3 new pods will not fit; 1 will. 2 will not be created: exceeded quota: q.", "3 个新 Pod 中有 2 个无法调度，1 个可调度。有 2 个 Pod 将无法创建：exceeded quota: q。"},
		{Prediction{Want: 1, Created: 1, Nodes: 1, Whole: "pod has unbound immediate PersistentVolumeClaims"}, "The new pod will not fit. 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "1 个新 Pod 无法调度。0/1 个节点可用：存储卷声明尚未绑定（pod has unbound immediate PersistentVolumeClaims）。"},
		{Prediction{Want: 2, Created: 2, Fit: 1, Rollout: true, Nodes: 1, Why: []Blocked{{"Too many pods", 1}}, Preempts: true}, "The rollout stops after 1 of 2 pods; the old ones keep serving. 0/1 nodes are available: 1 Too many pods. Pods of lower priority could be preempted to make room.", "滚动更新将在替换 1/2 个 Pod 后停住，旧 Pod 继续提供服务。0/1 个节点可用：1 个节点 Pod 数已达上限（Too many pods）。可能会抢占低优先级 Pod 以腾出资源。"},
	} {
		if got := c.p.Text(); got.EN != c.en || got.ZH != c.zh {
			t.Errorf("got\n%s\n%s\nwant\n%s\n%s", got.EN, got.ZH, c.en, c.zh)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	for _, nodes := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			s := &observe.Snapshot{}
			for i := range nodes {
				s.Objects.Nodes = append(s.Objects.Nodes, zoned(fmt.Sprint("n", i), fmt.Sprint("z", i%3), "8"))
				for k := range 20 {
					s.Objects.Pods = append(s.Objects.Pods, on(fmt.Sprint("n", i), fmt.Sprintf("p%d-%d", i, k), "300m"))
				}
			}
			set := asking(10, "1", spreadOver(corev1.LabelTopologyZone, 1))
			b.ReportAllocs()
			for b.Loop() {
				if got := Predict(s, set); got.Fit != 10 {
					b.Fatal(got)
				}
			}
		})
	}
}
