package remediate_test

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/remediate"
	"cce-oncall/shared/remediate/remediatetest"
)

// plan is one way to use the actions: what is in the cluster, the steps, and what they are meant to change.
type plan struct {
	name    string
	objects func() []runtime.Object
	steps   []incident.Step
	state   func(c *fake.Clientset, cloud *remediatetest.Cloud) (string, error)
	oneWay  bool
}

func (p plan) scenario() remediatetest.Scenario {
	return remediatetest.Scenario{Name: p.name, World: func(cut *remediatetest.Cut) (remediatetest.World, error) {
		w, _, _ := p.world(cut)
		return w, nil
	}}
}

func (p plan) world(cut *remediatetest.Cut) (remediatetest.World, *remediatetest.Cluster, *remediatetest.Cloud) {
	cluster := remediatetest.NewCluster(cut, p.objects()...)
	cloud := remediatetest.NewCloud(cut, observe.NodePool{ID: "p-1", Name: "pool", Desired: 2, Active: 2})
	cloud.Gone = func(id string) {
		_ = cluster.Inside.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("nodes"), "", "worker-1") // it may be gone already
	}
	return remediatetest.World{
		Actions: func() map[incident.ActionKind]remediate.Action {
			return remediate.Actions(cluster.Client(), cloud, cloud)
		},
		Steps: p.steps,
		State: func() (string, error) { return p.state(cluster.Inside, cloud) },
		Settle: func() error {
			if err := cluster.Settle(); err != nil {
				return err
			}
			return cloud.Settle()
		},
		OneWay: p.oneWay,
	}, cluster, cloud
}

func target(kind, name string) incident.Target {
	return incident.Target{Cluster: "c-1", Kind: kind, Namespace: "default", Name: name}
}

func node(name string) incident.Target {
	return incident.Target{Cluster: "c-1", Kind: "Node", Name: name}
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name), ResourceVersion: "1", Generation: 1}
}

func pointer[T any](v T) *T { return &v }

func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: image,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
			},
		}}},
	}
}

func web(replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: template("app:2"),
	}}
}

func replicaSet(name, revision, image string) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{ObjectMeta: meta(name), Spec: appsv1.ReplicaSetSpec{Template: template(image)}}
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": revision}
	rs.Spec.Template.Labels = map[string]string{"app": "web", "pod-template-hash": name[len("web-"):]}
	rs.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "uid-web", Controller: pointer(true)}}
	return rs
}

func worker(unschedulable bool) *corev1.Node {
	n := &corev1.Node{ObjectMeta: meta("worker-1"), Spec: corev1.NodeSpec{ProviderID: "ecs-1", Unschedulable: unschedulable}}
	n.Namespace = ""
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return n
}

func podOn(name, kind string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta(name), Spec: corev1.PodSpec{NodeName: "worker-1", Containers: []corev1.Container{{Name: "app"}}}}
	p.Labels = map[string]string{"app": "web"}
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "web-1", UID: "uid-web-1", Controller: pointer(true)}}
	p.Status.Phase = corev1.PodRunning
	return p
}

func service() *corev1.Service {
	return &corev1.Service{ObjectMeta: meta("web"), Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "wbe"},
		Ports:    []corev1.ServicePort{{Name: "admin", Port: 81, TargetPort: intstr.FromString("admin"), Protocol: corev1.ProtocolTCP}, {Name: "http", Port: 80, TargetPort: intstr.FromInt32(8081), Protocol: corev1.ProtocolTCP}},
	}}
}

func endpoints() *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: meta("web-abc"), Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}}}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: "web"}
	return s
}

func step(action incident.ActionKind, t incident.Target, expect, goal map[string]string) incident.Step {
	if _, ok := expect["uid"]; !ok {
		expect["uid"] = "uid-" + t.Name
	}
	return incident.Step{Action: action, Target: t, Expect: expect, Goal: goal}
}

func numbered(steps ...incident.Step) []incident.Step {
	for i := range steps {
		steps[i].ID = fmt.Sprintf("A%d", i+1)
	}
	return steps
}

// webState is what steps change of the Deployment.
func webState(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
	d, err := c.AppsV1().Deployments("default").Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	t := d.Spec.Template
	return remediatetest.Show(*d.Spec.Replicas, d.Spec.Paused, t.Labels, t.Annotations, t.Spec.Containers[0].Image, t.Spec.Containers[0].Resources)
}

func nodeState(c *fake.Clientset, cloud *remediatetest.Cloud) (string, error) {
	pods, err := c.CoreV1().Pods("default").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	names := []string{}
	for _, p := range pods.Items {
		names = append(names, p.Name)
	}
	nodes, err := c.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	closed := map[string]bool{}
	for _, n := range nodes.Items {
		closed[n.Name] = n.Spec.Unschedulable
	}
	return remediatetest.Show(names, closed, cloud.Deleted)
}

func poolState(_ *fake.Clientset, cloud *remediatetest.Cloud) (string, error) {
	return remediatetest.Show(cloud.Targets())
}

// plans are all actions in use, alone and together.
func plans() []plan {
	deployment := func(objects ...runtime.Object) func() []runtime.Object {
		return func() []runtime.Object {
			all := []runtime.Object{web(2)}
			for _, o := range objects {
				all = append(all, o.DeepCopyObject())
			}
			return all
		}
	}
	cpu := step(incident.AdjustResources, target("Deployment", "web"),
		map[string]string{"container": "app", "requests.cpu": "1", "limits.cpu": "1", "limits.memory": ""},
		map[string]string{"container": "app", "requests.cpu": "1500m", "limits.cpu": "2", "limits.memory": "1Gi"})
	scale := step(incident.ScaleOut, target("Deployment", "web"), map[string]string{"replicas": "2"}, map[string]string{"replicas": "4"})
	cordon := step(incident.CordonNode, node("worker-1"), map[string]string{"unschedulable": "false"}, map[string]string{"unschedulable": "true"})
	drain := step(incident.DrainNode, node("worker-1"), map[string]string{}, map[string]string{"drained": "true"})
	replace := step(incident.ReplaceNode, node("worker-1"), map[string]string{}, map[string]string{"replaced": "true"})
	crowd := func() []runtime.Object {
		return []runtime.Object{worker(false), podOn("a", "ReplicaSet"), podOn("b", "ReplicaSet"), podOn("agent", "DaemonSet")}
	}
	return append([]plan{
		{name: "ScaleOut", objects: deployment(), steps: numbered(scale), state: webState},
		{name: "AdjustResources", objects: deployment(), steps: numbered(cpu), state: webState},
		{name: "AdjustResources then ScaleOut of one Deployment", objects: deployment(), steps: numbered(cpu, scale), state: webState},
		{
			name: "RollBack", objects: deployment(replicaSet("web-aaa", "1", "app:1"), replicaSet("web-bbb", "2", "app:2")), state: webState,
			steps: numbered(step(incident.RollBack, target("Deployment", "web"), map[string]string{"revision": "2", "from": "web-bbb"}, map[string]string{"revision": "1", "to": "web-aaa"})),
		},
		{
			name: "RestartRollout", objects: deployment(), oneWay: true, state: webState,
			steps: numbered(step(incident.RestartRollout, target("Deployment", "web"), map[string]string{"restartedAt": ""}, map[string]string{"restartedAt": "2026-11-22T07:00:00Z"})),
		},
		{
			name: "ResumeRollout", state: webState,
			objects: func() []runtime.Object { d := web(2); d.Spec.Paused = true; return []runtime.Object{d} },
			steps:   numbered(step(incident.ResumeRollout, target("Deployment", "web"), map[string]string{"paused": "true"}, map[string]string{"paused": "false"})),
		},
		{
			name: "RestoreReplicas", state: webState, objects: func() []runtime.Object { return []runtime.Object{web(0)} },
			steps: numbered(step(incident.RestoreReplicas, target("Deployment", "web"), map[string]string{"replicas": "0"}, map[string]string{"replicas": "3"})),
		},
		{
			name: "BurstToCCI", state: webState,
			objects: deployment(&corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: "bursting-node", Labels: map[string]string{"type": "virtual-kubelet"}},
				Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
			}),
			steps: numbered(step(incident.BurstToCCI, target("Deployment", "web"), map[string]string{"burst": ""}, map[string]string{"burst": "localPrefer"})),
		},
		{
			name: "ScaleOutNodePool", objects: deployment(), oneWay: true, state: poolState,
			steps: numbered(step(incident.ScaleOutNodePool, incident.Target{Kind: "NodePool", Name: "pool"}, map[string]string{"uid": "p-1", "nodes": "2"}, map[string]string{"nodes": "3"})),
		},
		{name: "CordonNode", objects: crowd, steps: numbered(cordon), state: nodeState},
		{name: "CordonNode then DrainNode", objects: crowd, steps: numbered(cordon, drain), state: nodeState, oneWay: true},
		{name: "CordonNode, DrainNode, ReplaceNode", objects: crowd, steps: numbered(cordon, drain, replace), state: nodeState, oneWay: true},
		{
			name: "UncordonNode", state: nodeState, objects: func() []runtime.Object { return []runtime.Object{worker(true)} },
			steps: numbered(step(incident.UncordonNode, node("worker-1"), map[string]string{"unschedulable": "true"}, map[string]string{"unschedulable": "false"})),
		},
		{
			name: "DeletePod", objects: crowd, oneWay: true, state: nodeState,
			steps: numbered(step(incident.DeletePod, target("Pod", "a"), map[string]string{}, map[string]string{"absent": "true"})),
		},
	}, morePlans()...)
}

func morePlans() []plan {
	return []plan{
		{
			name: "AdjustHPA",
			objects: func() []runtime.Object {
				return []runtime.Object{&autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta("web"), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
					MinReplicas: pointer(int32(2)), MaxReplicas: 4, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web"},
					Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
						Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: pointer(int32(80))},
					}}},
				}}}
			},
			steps: numbered(step(incident.AdjustHPA, target("HorizontalPodAutoscaler", "web"),
				map[string]string{"maxReplicas": "4", "utilization.cpu": "80"}, map[string]string{"maxReplicas": "8", "utilization.cpu": "60"})),
			state: func(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
				h, err := c.AutoscalingV2().HorizontalPodAutoscalers("default").Get(context.Background(), "web", metav1.GetOptions{})
				if err != nil {
					return "", err
				}
				return remediatetest.Show(h.Spec)
			},
		},
		{
			name: "SuspendJob",
			objects: func() []runtime.Object {
				return []runtime.Object{&batchv1.Job{ObjectMeta: meta("load"), Spec: batchv1.JobSpec{Suspend: pointer(false)}, Status: batchv1.JobStatus{Active: 3}}}
			},
			steps: numbered(step(incident.SuspendJob, target("Job", "load"), map[string]string{"suspend": "false"}, map[string]string{"suspend": "true"})),
			state: func(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
				j, err := c.BatchV1().Jobs("default").Get(context.Background(), "load", metav1.GetOptions{})
				if err != nil {
					return "", err
				}
				return remediatetest.Show(j.Spec)
			},
		},
		{
			name: "SuspendCronJob",
			objects: func() []runtime.Object {
				return []runtime.Object{&batchv1.CronJob{ObjectMeta: meta("nightly"), Spec: batchv1.CronJobSpec{Suspend: pointer(false)}}}
			},
			steps: numbered(step(incident.SuspendCronJob, target("CronJob", "nightly"), map[string]string{"suspend": "false"}, map[string]string{"suspend": "true"})),
			state: func(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
				j, err := c.BatchV1().CronJobs("default").Get(context.Background(), "nightly", metav1.GetOptions{})
				if err != nil {
					return "", err
				}
				return remediatetest.Show(j.Spec)
			},
		},
		{
			name: "FixServiceSelector", objects: func() []runtime.Object { return []runtime.Object{service(), endpoints(), podOn("a", "ReplicaSet")} },
			steps: numbered(step(incident.FixServiceSelector, target("Service", "web"), map[string]string{"selector": "app=wbe"}, map[string]string{"selector": "app=web"})),
			state: serviceState,
		},
		{
			name: "FixServicePort", objects: func() []runtime.Object { return []runtime.Object{service(), endpoints()} },
			steps: numbered(step(incident.FixServicePort, target("Service", "web"),
				map[string]string{"port": "80", "targetPort": "8081", "protocol": "TCP"}, map[string]string{"targetPort": "8080"})),
			state: serviceState,
		},
		{
			name: "ExpandPVC", oneWay: true,
			objects: func() []runtime.Object {
				pvc := &corev1.PersistentVolumeClaim{ObjectMeta: meta("data"), Spec: corev1.PersistentVolumeClaimSpec{
					StorageClassName: pointer("csi-disk"),
					Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}},
				}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
				return []runtime.Object{pvc, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "csi-disk"}, AllowVolumeExpansion: pointer(true)}}
			},
			steps: numbered(step(incident.ExpandPVC, target("PersistentVolumeClaim", "data"), map[string]string{"size": "10Gi"}, map[string]string{"size": "15Gi"})),
			state: func(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
				p, err := c.CoreV1().PersistentVolumeClaims("default").Get(context.Background(), "data", metav1.GetOptions{})
				if err != nil {
					return "", err
				}
				return remediatetest.Show(p.Spec)
			},
		},
	}
}

func serviceState(c *fake.Clientset, _ *remediatetest.Cloud) (string, error) {
	s, err := c.CoreV1().Services("default").Get(context.Background(), "web", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return remediatetest.Show(s.Spec)
}
