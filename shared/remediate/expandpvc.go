package remediate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	storagehelpers "k8s.io/component-helpers/storage/volume"
)

// expandPVC makes a bound claim larger. Expect and Goal: size. It cannot be taken back, so it refuses more than four times the
// present size, and a class that does not allow it.
func expandPVC(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan: func(ctx context.Context, o Order, obj object) ([]field, error) {
			pvc, ok := obj.(*corev1.PersistentVolumeClaim)
			if !ok {
				return nil, fmt.Errorf("%T: %w", obj, errKind)
			}
			return planPVC(ctx, client, o, pvc)
		},
		settled: func(_ context.Context, o Order, obj object, _ image) (bool, error) {
			pvc, ok := obj.(*corev1.PersistentVolumeClaim)
			if !ok {
				return false, fmt.Errorf("%T: %w", obj, errKind)
			}
			return resized(o, pvc)
		},
		oneWay: "a volume cannot be made smaller",
	}
}

const mostGrowth = 4

func planPVC(ctx context.Context, client kubernetes.Interface, o Order, pvc *corev1.PersistentVolumeClaim) ([]field, error) {
	now := pvc.Spec.Resources.Requests[corev1.ResourceStorage]
	if err := o.expect("size", now.String()); err != nil {
		return nil, err
	}
	goal, err := o.goal("size")
	if err != nil {
		return nil, err
	}
	want, err := resource.ParseQuantity(goal)
	if err != nil || want.Cmp(now) <= 0 || want.Value() > mostGrowth*now.Value() {
		return nil, ErrUnsafe{Why: fmt.Sprintf("%q is not a size above %s and up to %d times of it", goal, now.String(), mostGrowth)}
	}
	if pvc.Status.Phase != corev1.ClaimBound {
		return nil, ErrUnsafe{Why: o.Target.String() + " is not bound to a volume"}
	}
	name := storagehelpers.GetPersistentVolumeClaimClass(pvc)
	class, err := client.StorageV1().StorageClasses().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, kubeError("reading storage class "+name, err)
	}
	if class.AllowVolumeExpansion == nil || !*class.AllowVolumeExpansion {
		return nil, ErrUnsafe{Why: "storage class " + name + " does not allow its volumes to grow"}
	}
	after, err := canonical(want)
	if err != nil {
		return nil, err
	}
	return []field{{Path: "/spec/resources/requests/storage", After: after}}, nil
}

// resized also counts a volume that has grown and waits for its pod to be started again to grow the file system.
func resized(o Order, pvc *corev1.PersistentVolumeClaim) (bool, error) {
	for _, c := range pvc.Status.Conditions {
		switch {
		case c.Type == corev1.PersistentVolumeClaimFileSystemResizePending && c.Status == corev1.ConditionTrue:
			return true, nil
		case c.Type == corev1.PersistentVolumeClaimControllerResizeError && c.Status == corev1.ConditionTrue:
			return false, ErrFailed{Why: fmt.Sprintf("%s could not grow: %s", o.Target, c.Message)}
		}
	}
	want, err := resource.ParseQuantity(o.Goal["size"])
	if err != nil {
		return false, ErrUnsafe{Why: fmt.Sprintf("%q is not a size", o.Goal["size"])}
	}
	has := pvc.Status.Capacity[corev1.ResourceStorage]
	return has.Cmp(want) >= 0, nil
}
