package remediate

import (
	"context"
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"cce-oncall/shared/incident"
)

// TestAPlanOvertakenByItsOwnStep: the controllers' answer to the change of another executor of the same step is no foreign change.
func TestAPlanOvertakenByItsOwnStep(t *testing.T) {
	order := Order{Mark: "0123456789abcdef:A1", Step: incident.Step{ID: "A1", Target: incident.Target{Kind: "Deployment", Namespace: "default", Name: "web"}, Expect: map[string]string{"uid": "u"}}}
	stale := ErrStale{Moved: "its revisions have other numbers"}
	for _, c := range []struct {
		name string
		mark string // left while the plan is worked out
		want error
	}{
		{"by this step", order.Mark, ErrRaced},
		{"by its undo", order.Mark + undone, ErrRaced},
		{"by another plan", "fedcba9876543210:B1", stale},
		{"by nobody", "", stale},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := fake.NewClientset(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u"}})
			e := edit{client: client, plan: func(ctx context.Context, o Order, obj object) ([]field, error) {
				d, err := client.AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
				if err != nil {
					return nil, err
				}
				d.Annotations = map[string]string{markKey: c.mark}
				if _, err := client.AppsV1().Deployments("default").Update(ctx, d, metav1.UpdateOptions{}); err != nil {
					return nil, err
				}
				return nil, stale
			}}
			if _, err := e.Prepare(context.Background(), order); !errors.Is(err, c.want) {
				t.Errorf("Prepare: got %v, want %v", err, c.want)
			}
		})
	}
}
