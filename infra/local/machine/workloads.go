package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cce-oncall/infra/fakecloud/aom"
)

// settled waits until every Deployment, StatefulSet and DaemonSet has all its pods ready.
func (m *Machine) settled(ctx context.Context) error {
	apps := m.Cluster.Client.AppsV1()
	return poll(ctx, "all workloads to be ready", func(ctx context.Context) (bool, error) {
		deployments, err := apps.Deployments("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range deployments.Items {
			if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != valueOr(d.Spec.Replicas, 1) || d.Status.UpdatedReplicas != d.Status.Replicas {
				return false, fmt.Errorf("deployment %s/%s has %d available pods", d.Namespace, d.Name, d.Status.AvailableReplicas)
			}
		}
		stateful, err := apps.StatefulSets("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, s := range stateful.Items {
			if s.Status.ReadyReplicas != valueOr(s.Spec.Replicas, 1) {
				return false, fmt.Errorf("statefulset %s/%s has %d ready pods", s.Namespace, s.Name, s.Status.ReadyReplicas)
			}
		}
		daemons, err := apps.DaemonSets("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range daemons.Items {
			if d.Status.ObservedGeneration < d.Generation || d.Status.NumberReady != d.Status.DesiredNumberScheduled {
				return false, fmt.Errorf("daemonset %s/%s has %d ready pods", d.Namespace, d.Name, d.Status.NumberReady)
			}
		}
		return true, nil
	})
}

// Replicas are how many pods a Deployment wants, and how many of them are ready.
func (m *Machine) Replicas(ctx context.Context, namespace, name string) (want, ready int32, err error) {
	d, err := m.Cluster.Client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return 0, 0, fmt.Errorf("read deployment %s/%s: %w", namespace, name, err)
	}
	return valueOr(d.Spec.Replicas, 1), d.Status.ReadyReplicas, nil
}

// AwaitReplicas waits until a Deployment wants and has so many pods.
func (m *Machine) AwaitReplicas(ctx context.Context, namespace, name string, want, ready int32) error {
	return poll(ctx, fmt.Sprintf("%s/%s to have %d of %d pods ready", namespace, name, ready, want), func(ctx context.Context) (bool, error) {
		w, r, err := m.Replicas(ctx, namespace, name)
		if err == nil && (w != want || r != ready) {
			err = fmt.Errorf("it has %d of %d", r, w)
		}
		return err == nil, err
	})
}

// RaiseEvent makes CCE report an event of the cluster to AOM; its text carries a planted secret.
func (m *Machine) RaiseEvent(ctx context.Context, kind, namespace, name, reason, message string) string {
	return m.Cloud.AOM.RaiseEvent(ctx, aom.KubernetesEvent{
		Cluster: m.opt.ClusterID, ClusterName: m.opt.ClusterName, Kind: kind, Namespace: namespace, Name: name, Reason: reason, Message: message + "; " + Litter()[0],
	})
}

// SetMetricRule adds an alarm rule over a PromQL expression of its own.
func (m *Machine) SetMetricRule(r Rule, promQL string) error { return m.account.metricRule(r, promQL) }

// Pool is the id of the node pool.
func (m *Machine) Pool() string { return m.poolID }

// Firing are the serials of the active alarms whose name begins so.
func (m *Machine) Firing(name string) []string {
	var out []string
	for _, e := range m.Cloud.AOM.Active() {
		if strings.HasPrefix(e.Metadata["event_name"], name) {
			out = append(out, e.SN)
		}
	}
	return out
}

// AwaitAlarm waits until an alarm whose name begins so is active.
func (m *Machine) AwaitAlarm(ctx context.Context, name string) error {
	return poll(ctx, "the alarm "+name, func(context.Context) (bool, error) {
		if failures := m.Cloud.AOM.Failures(); len(failures) > 0 {
			return false, fmt.Errorf("rules that cannot be evaluated: %v", failures)
		}
		return len(m.Firing(name)) > 0, nil
	})
}

// Harm gives every pod whose name begins so a fault of the control plane's stages (crash, oom, unready, ...; none heals), with
// further fault annotations such as "message".
func (m *Machine) Harm(ctx context.Context, namespace, prefix, reason string, more map[string]string) error {
	pods, err := m.Cluster.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	annotations := map[string]string{"fault/reason": reason}
	for k, v := range more {
		annotations["fault/"+k] = v
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return fmt.Errorf("write the fault: %w", err)
	}
	n := 0
	for _, p := range pods.Items {
		if !strings.HasPrefix(p.Name, prefix) {
			continue
		}
		n++
		if _, err := m.Cluster.Client.CoreV1().Pods(namespace).Patch(ctx, p.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("harm pod %s: %w", p.Name, err)
		}
	}
	if n == 0 {
		return fmt.Errorf("no pod %s/%s* to harm", namespace, prefix)
	}
	return nil
}

// Settled waits until every workload has all its pods ready.
func (m *Machine) Settled(ctx context.Context) error { return m.settled(ctx) }
