package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/infra/fakecloud/cce"
)

// Node labels of CCE.
const (
	poolLabel   = "cce.cloud.com/cce-nodepool"
	poolIDLabel = "cce.cloud.com/cce-nodepool-id"
	kwokLabel   = "type" // kwok manages the nodes that have it
)

// nodeSuffixes end the names of the nodes that are there from the start, as CCE names a pool's nodes.
var nodeSuffixes = []string{"k7d2m", "p4x9q", "t6r5c", "w8n3b"}

// nodes makes and removes the machines of node pools: what ECS does for CCE. Its zero value is not usable.
type nodes struct {
	client kubernetes.Interface
	size   corev1.ResourceList
	serial atomic.Int32
}

// nodeSize is what a 4U8G machine leaves to pods.
func nodeSize() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("3920m"), corev1.ResourceMemory: resource.MustParse("6300Mi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("90Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
}

// Add installs a machine and waits until pods can land on it.
func (n *nodes) Add(ctx context.Context, pool cce.PoolInfo, name string) error {
	capacity := n.size.DeepCopy()
	capacity[corev1.ResourceCPU] = resource.MustParse("4")
	capacity[corev1.ResourceMemory] = resource.MustParse("8Gi")
	labels := map[string]string{
		kwokLabel: "kwok", poolLabel: pool.Name, poolIDLabel: pool.ID, corev1.LabelHostname: name, corev1.LabelOSStable: "linux",
		corev1.LabelArchStable: "amd64", corev1.LabelInstanceTypeStable: pool.Flavor, corev1.LabelTopologyZone: "cn-north-4a",
		corev1.LabelTopologyRegion: "cn-north-4",
	}
	for k, v := range pool.Labels {
		labels[k] = v
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: n.size,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.0.%d", 10+n.serial.Add(1))}, {Type: corev1.NodeHostName, Address: name},
			},
		},
	}
	if _, err := n.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make node %s: %w", name, err)
	}
	return poll(ctx, fmt.Sprintf("node %s to be ready", name), func(ctx context.Context) (bool, error) {
		have, err := n.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return nodeReady(have) && len(have.Spec.Taints) == 0, nil
	})
}

// Remove takes a machine away; its pods are gone with it.
func (n *nodes) Remove(ctx context.Context, _ cce.PoolInfo, name string) error {
	pods, err := n.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return fmt.Errorf("list the pods of node %s: %w", name, err)
	}
	if err := n.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove node %s: %w", name, err)
	}
	now := int64(0)
	for _, p := range pods.Items {
		err := n.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove pod %s of node %s: %w", p.Name, name, err)
		}
	}
	return nil
}

func nodeReady(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// Kubelet stops or starts the kubelet of a node: a node without one becomes Unknown by itself, as a lost machine does.
func (m *Machine) Kubelet(ctx context.Context, node string, running bool) error {
	value := "null"
	if running {
		value = `"kwok"`
	}
	patch := `{"metadata":{"labels":{"` + kwokLabel + `":` + value + `}}}`
	if _, err := m.Cluster.Client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("change the kubelet of node %s: %w", node, err)
	}
	return nil
}

// Condition sets a condition of a node, as its kubelet (Ready, DiskPressure) or the node problem detector would.
func (m *Machine) Condition(ctx context.Context, node, kind, status, reason, message string) error {
	now := metav1.Now().UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":%q,"reason":%q,"message":%q,"lastTransitionTime":%q,"lastHeartbeatTime":%q}]}}`,
		kind, status, reason, message, now, now)
	_, err := m.Cluster.Client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("set condition %s of node %s: %w", kind, node, err)
	}
	return nil
}

// Nodes are the names of the nodes of a pool, sorted; all nodes for "".
func (m *Machine) Nodes(ctx context.Context, pool string) ([]string, error) {
	selector := ""
	if pool != "" {
		selector = poolLabel + "=" + pool
	}
	list, err := m.Cluster.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	var out []string
	for _, n := range list.Items {
		out = append(out, n.Name)
	}
	slices.SortFunc(out, strings.Compare)
	return out, nil
}

// poll asks until the condition holds; its last error explains a wait in vain.
func poll(ctx context.Context, what string, holds func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	var last error
	for {
		done, err := holds(ctx)
		if done && err == nil {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("wait for %s: %w (%w)", what, ctx.Err(), last)
			}
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}
