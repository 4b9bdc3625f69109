package prove

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// eventually waits until the condition holds, and fails with its last word when
// it does not in time.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v: %v", limit, err)
		case <-tick.C:
		}
	}
}

// namespace makes a namespace whose name also serves as the proof's pool of
// nodes, so that proofs can run side by side.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	_, name, _ := strings.Cut(t.Name(), "/proofs/")
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// node makes a node and waits until pods can land on it: it is Ready a moment
// before its taint goes.
func (c *cluster) node(t *testing.T, name, pool, cpu string) {
	t.Helper()
	size := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse("8Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"type": "kwok", "pool": pool}},
		Status:     corev1.NodeStatus{Capacity: size, Allocatable: size},
	}
	if _, err := c.client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return c.ready(t, name, corev1.ConditionTrue) })
	eventually(t, func() error { return c.tainted(t, name, corev1.TaintNodeNotReady, false) })
}

func (c *cluster) ready(t *testing.T, name string, want corev1.ConditionStatus) error {
	node, err := c.client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == want {
			return nil
		}
	}
	return fmt.Errorf("node %s is not Ready=%s: %+v", name, want, node.Status.Conditions)
}

func (c *cluster) tainted(t *testing.T, name, key string, want bool) error {
	node, err := c.client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == key }) != want {
		return fmt.Errorf("node %s: taint %s is not %v: %+v", name, key, want, node.Spec.Taints)
	}
	return nil
}

func (c *cluster) label(t *testing.T, node, value string) {
	t.Helper()
	patch := []byte(`{"metadata":{"labels":{"type":` + value + `}}}`)
	if _, err := c.client.CoreV1().Nodes().Patch(t.Context(), node, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) annotate(t *testing.T, ns, pod, annotations string) {
	t.Helper()
	patch := []byte(`{"metadata":{"annotations":` + annotations + `}}`)
	if _, err := c.client.CoreV1().Pods(ns).Patch(t.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) deploy(t *testing.T, ns, name, image string, replicas int32, cpu string) {
	t.Helper()
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"pool": ns},
					Containers: []corev1.Container{{
						Name:      "app",
						Image:     image,
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
					}},
				},
			},
		},
	}
	if _, err := c.client.AppsV1().Deployments(ns).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) available(t *testing.T, ns, name string, want int32) {
	t.Helper()
	eventually(t, func() error {
		deployment, err := c.client.AppsV1().Deployments(ns).Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && deployment.Status.AvailableReplicas != want {
			err = fmt.Errorf("deployment %s has %d available pods, want %d", name, deployment.Status.AvailableReplicas, want)
		}
		return err
	})
}

func (c *cluster) pods(t *testing.T, ns string) []corev1.Pod {
	t.Helper()
	list, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func podReady(pod *corev1.Pod) corev1.ConditionStatus {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status
		}
	}
	return ""
}

// waits says whether a container of the namespace waits for the reason.
func (c *cluster) waits(t *testing.T, ns, reason string) error {
	var others []string
	for _, pod := range c.pods(t, ns) {
		for _, status := range pod.Status.ContainerStatuses {
			if waiting := status.State.Waiting; waiting != nil {
				if waiting.Reason == reason {
					return nil
				}
				others = append(others, waiting.Reason)
			}
		}
	}
	return fmt.Errorf("no container waits for %s, but for %v", reason, others)
}

// has says whether the namespace has an event like that.
func (c *cluster) has(t *testing.T, ns, reason, text string) error {
	events, err := c.client.CoreV1().Events(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, event := range events.Items {
		if event.Reason == reason && strings.Contains(event.Message, text) {
			return nil
		}
	}
	return fmt.Errorf("no event %s with %q among %d", reason, text, len(events.Items))
}

func (c *cluster) kubectl(t *testing.T, args ...string) {
	t.Helper()
	c.run(t, "", args...)
}

func (c *cluster) apply(t *testing.T, manifest string) {
	t.Helper()
	c.run(t, manifest, "apply", "-f", "-")
}

func (c *cluster) run(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.binary, append([]string{"kubectl", "--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
}
