package remediate

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/kubernetes"
)

// adjustResources changes requests and limits of one container in a workload's pod template. Expect and Goal: container, and
// requests.cpu, limits.memory … as kubectl writes quantities; an empty value means unset. It restarts the pods by a rollout.
func adjustResources(client kubernetes.Interface) Action {
	return edit{
		client: client,
		plan:   planResources,
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			return rolledOut(ctx, client, obj, before)
		},
	}
}

func planResources(_ context.Context, o Order, obj object) ([]field, error) {
	w, err := workloadOf(obj)
	if err != nil {
		return nil, err
	}
	name, err := o.goal("container")
	if err != nil {
		return nil, err
	}
	if err := o.expect("container", name); err != nil {
		return nil, err
	}
	i, c := containerNamed(w.template.Spec.Containers, name)
	if c == nil {
		return nil, ErrStale{Moved: fmt.Sprintf("%s has no container %s any more", o.Target, name)}
	}
	want := c.Resources.DeepCopy()
	for _, key := range resourceKeys(o.Goal) {
		if err := o.expect(key, quantityAt(c.Resources, key)); err != nil {
			return nil, err
		}
		if err := setQuantity(want, key, o.Goal[key]); err != nil {
			return nil, err
		}
	}
	if err := requestsWithinLimits(name, want); err != nil {
		return nil, err
	}
	after, err := canonical(want)
	if err != nil {
		return nil, err
	}
	same, err := canonical(name)
	if err != nil {
		return nil, err
	}
	at := "/spec/template/spec/containers/" + strconv.Itoa(i)
	return []field{{Path: at + "/name", After: same}, {Path: at + "/resources", After: after}}, nil
}

func containerNamed(all []corev1.Container, name string) (int, *corev1.Container) {
	for i := range all {
		if all[i].Name == name {
			return i, &all[i]
		}
	}
	return 0, nil
}

// resourceKeys are the keys of a goal that name a quantity, sorted.
func resourceKeys(goal map[string]string) []string {
	var keys []string
	for k := range goal {
		if strings.HasPrefix(k, "requests.") || strings.HasPrefix(k, "limits.") {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

// quantityAt is the quantity behind "requests.cpu" as kubectl writes it, empty when unset.
func quantityAt(r corev1.ResourceRequirements, key string) string {
	kind, name, _ := strings.Cut(key, ".")
	list := r.Requests
	if kind == "limits" {
		list = r.Limits
	}
	q, ok := list[corev1.ResourceName(name)]
	if !ok {
		return ""
	}
	return q.String()
}

func setQuantity(r *corev1.ResourceRequirements, key, value string) error {
	kind, name, _ := strings.Cut(key, ".")
	list := &r.Requests
	if kind == "limits" {
		list = &r.Limits
	}
	if value == "" {
		delete(*list, corev1.ResourceName(name))
		return nil
	}
	q, err := resource.ParseQuantity(value)
	if err != nil || q.Sign() <= 0 {
		return ErrUnsafe{Why: fmt.Sprintf("%s: %q is not a quantity above zero", key, value)}
	}
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	(*list)[corev1.ResourceName(name)] = q
	return nil
}

func requestsWithinLimits(container string, r *corev1.ResourceRequirements) error {
	for name, limit := range r.Limits {
		if request, ok := r.Requests[name]; ok && request.Cmp(limit) > 0 {
			return ErrUnsafe{Why: fmt.Sprintf("container %s would request %s %s, more than its limit %s", container, request.String(), name, limit.String())}
		}
	}
	return nil
}
