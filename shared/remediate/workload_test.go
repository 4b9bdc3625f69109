package remediate

import (
	"context"
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestRolledOut(t *testing.T) {
	yesterday := metav1.NewTime(time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC))
	late := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", LastUpdateTime: yesterday}
	for _, c := range []struct {
		name    string
		status  appsv1.DeploymentStatus
		before  image
		waiting int // pods the scheduler has found no node for
		done    bool
		failed  bool
	}{
		{name: "complete", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 4}, done: true},
		{name: "not seen by its controller", status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 4}},
		{name: "starting", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 3}},
		{name: "old pods are left", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 5, UpdatedReplicas: 4, AvailableReplicas: 4}},
		{name: "the rest fits nowhere", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 3}, waiting: 1, done: true},
		{name: "one fits nowhere, one starts", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 2}, waiting: 1},
		{name: "past its deadline", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 1, Conditions: []appsv1.DeploymentCondition{late}}, failed: true},
		{name: "was past its deadline before", status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 1, Conditions: []appsv1.DeploymentCondition{late}}, before: image{Late: "2026-11-21T07:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := deploymentOf("chat-app", 4, "1")
			d.Generation, d.Status = 2, c.status
			client := fake.NewClientset()
			for i := range c.waiting {
				p := podOf(d, i)
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/2 nodes"}}
				if err := client.Tracker().Add(p); err != nil {
					t.Fatal(err)
				}
			}
			done, err := rolledOut(context.Background(), client, d, c.before)
			var failed ErrFailed
			if done != c.done || errors.As(err, &failed) != c.failed || err != nil && !c.failed {
				t.Errorf("got %v, %v", done, err)
			}
		})
	}
}
