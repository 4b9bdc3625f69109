// Package large inspects clusters of a size: a real control plane with many played nodes and pods.
package large

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/diagnose"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

const (
	root      = "../../.."
	namespace = "shop"
	patience  = 8 * time.Minute // on a machine with other things to do
)

// size is how large a cluster is: each workload has pods of its own.
type size struct{ nodes, workloads, pods int }

// cluster is a control plane filled to a size.
type cluster struct {
	size
	config *rest.Config
	client kubernetes.Interface
}

// fill brings up a control plane with healthy nodes and workloads.
func fill(tb testing.TB, s size) *cluster {
	tb.Helper()
	if testing.Short() {
		tb.Skip("takes minutes")
	}
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	plane, err := machine.ControlPlane(ctx, root, tb.TempDir(), tb.Output(), "--lease", "40", "--node-monitor-grace-period", "1h")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(plane.Close)
	c := &cluster{size: s, config: rest.CopyConfig(plane.Config)}
	c.config.QPS = -1 // one machine: nobody to be polite to
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		tb.Fatal(err)
	}
	if _, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		tb.Fatal(err)
	}
	for i := range s.nodes {
		if err := c.node(ctx, i); err != nil {
			tb.Fatal(err)
		}
	}
	for i := range s.workloads {
		if err := c.deploy(ctx, i, "registry.example/shop:1.0.0"); err != nil {
			tb.Fatal(err)
		}
	}
	c.await(ctx, tb, func(d *appsv1.Deployment) bool { return int(d.Status.AvailableReplicas) == s.pods })
	return c
}

func (c *cluster) node(ctx context.Context, i int) error {
	name := fmt.Sprintf("node-%03d", i)
	room := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("32Gi"), corev1.ResourcePods: resource.MustParse("110")}
	_, err := c.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"type": "kwok", corev1.LabelHostname: name}},
		Status:     corev1.NodeStatus{Capacity: room, Allocatable: room},
	}, metav1.CreateOptions{})
	return err
}

func name(i int) string { return fmt.Sprintf("service-%02d", i) }

// deploy makes the i-th workload; a fault of the played kubelets is the suffix of the image's tag.
func (c *cluster) deploy(ctx context.Context, i int, image string) error {
	labels, pods := map[string]string{"app": name(i)}, int32(c.pods) //nolint:gosec // a hundred
	_, err := c.client.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name(i)},
		Spec: appsv1.DeploymentSpec{Replicas: &pods, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			// A fault shows once: what the inspection costs is measured, not the control plane.
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"fault/period": "1h"}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image, Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
			}}}},
		}},
	}, metav1.CreateOptions{})
	return err
}

// await waits until every workload is as is wanted.
func (c *cluster) await(ctx context.Context, tb testing.TB, good func(*appsv1.Deployment) bool) {
	tb.Helper()
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		all, err := c.client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range all.Items {
			if !good(&all.Items[i]) {
				return false, nil
			}
		}
		return len(all.Items) == c.workloads, nil
	})
	if err != nil {
		tb.Fatalf("the workloads did not get as far: %v", err)
	}
}

// spoil makes the first two workloads anew: all pods of one run out of memory, all of the other have an image that is not there.
func (c *cluster) spoil(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	now, foreground := int64(0), metav1.DeletePropagationForeground
	for i, image := range []string{"registry.example/shop:1.1.0-oom", "registry.example/shop:1.1.0-nopull"} {
		d := c.client.AppsV1().Deployments(namespace)
		if err := d.Delete(ctx, name(i), metav1.DeleteOptions{GracePeriodSeconds: &now, PropagationPolicy: &foreground}); err != nil {
			tb.Fatal(err)
		}
		err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
			_, err := d.Get(ctx, name(i), metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
		if err != nil {
			tb.Fatalf("workload %s did not go: %v", name(i), err)
		}
		if err := c.deploy(ctx, i, image); err != nil {
			tb.Fatal(err)
		}
	}
	c.await(ctx, tb, func(d *appsv1.Deployment) bool {
		if d.Name == name(0) || d.Name == name(1) {
			return int(d.Status.Replicas) == c.pods && d.Status.AvailableReplicas == 0
		}
		return int(d.Status.AvailableReplicas) == c.pods
	})
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := c.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app in (" + name(0) + "," + name(1) + ")"})
		if err != nil {
			return false, err
		}
		failing := 0
		for _, p := range pods.Items {
			if len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil {
				failing++
			}
		}
		return failing == 2*c.pods, nil
	})
	if err != nil {
		tb.Fatalf("the pods do not fail: %v", err)
	}
}

// inspect is what the function inspect does to learn what is wrong: it looks at everything, then judges.
func (c *cluster) inspect(ctx context.Context) incident.Diagnosis {
	b := &observe.Builder{Kube: c.client, Now: time.Now}
	return diagnose.Judge(b.Build(ctx, incident.Cluster{ID: "local", Name: "local"}, observe.Scope{}, nil))
}

// twoCauses says what is wrong with a diagnosis of the spoiled cluster.
func (c *cluster) twoCauses(d incident.Diagnosis) error {
	want := []string{
		string(incident.ContainerOOMKilled) + " Deployment/" + namespace + "/" + name(0),
		string(incident.ImageTagNotFound) + " Deployment/" + namespace + "/" + name(1),
	}
	var got []string
	for _, f := range d.Causes {
		got = append(got, fmt.Sprintf("%s %s/%s/%s", f.Reason, f.Target.Kind, f.Target.Namespace, f.Target.Name))
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found || len(got) != len(want) {
			return fmt.Errorf("the causes are %q, not %q", got, want)
		}
	}
	return nil
}

func TestInspectNamesTwoCausesOfManyFailingPods(t *testing.T) {
	c := fill(t, size{nodes: 10, workloads: 6, pods: 20})
	if d := c.inspect(t.Context()); len(d.Causes) > 0 {
		t.Errorf("in a healthy cluster: %+v", d.Causes)
	}
	c.spoil(t)
	if err := c.twoCauses(c.inspect(t.Context())); err != nil {
		t.Error(err)
	}
}
