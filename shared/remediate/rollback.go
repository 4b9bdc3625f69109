package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// rollBack gives a workload the pod template of a named earlier revision. Expect: revision and from; Goal: revision and to.
// From and to name the ReplicaSet (Deployment) or ControllerRevision (StatefulSet, DaemonSet) whose name carries the hash of
// its template: a number may come to mean something else, the name cannot.
func rollBack(client kubernetes.Interface) Action {
	h := history{client}
	return edit{
		client: client,
		plan:   h.plan,
		settled: func(ctx context.Context, _ Order, obj object, before image) (bool, error) {
			if sts, ok := obj.(*appsv1.StatefulSet); ok {
				// A pod stuck on the bad revision is not replaced by the controller; deleting it is a step of its own.
				return sts.Status.ObservedGeneration >= sts.Generation, nil
			}
			return rolledOut(ctx, client, obj, before)
		},
		former: h.former,
	}
}

// history reads the revisions of a workload.
type history struct{ client kubernetes.Interface }

// revision is one earlier pod template.
type revision struct {
	name     string
	number   int
	template json.RawMessage // canonical, without the label the controller adds
}

func (h history) plan(ctx context.Context, o Order, obj object) ([]field, error) {
	w, err := workloadOf(obj)
	if err != nil {
		return nil, err
	}
	if w.paused {
		return nil, ErrUnsafe{Why: o.Target.String() + " is paused: a rollback would not roll out"}
	}
	all, err := h.revisions(ctx, obj)
	if err != nil {
		return nil, err
	}
	now, err := canonical(w.template)
	if err != nil {
		return nil, err
	}
	current, ok := find(all, func(r revision) bool { return string(r.template) == string(now) })
	if !ok {
		return nil, ErrStale{Moved: "the pod template of " + o.Target.String() + " has just been changed; it has no revision yet"}
	}
	if err := o.expect("from", current.name); err != nil {
		return nil, err
	}
	to, err := o.goal("to")
	if err != nil {
		return nil, err
	}
	target, ok := find(all, func(r revision) bool { return r.name == to })
	if !ok {
		return nil, ErrStale{Moved: fmt.Sprintf("revision %s (%s) of %s is no longer kept", o.Goal["revision"], to, o.Target)}
	}
	if got := strconv.Itoa(target.number); got != o.Goal["revision"] {
		return nil, ErrStale{Moved: fmt.Sprintf("%s of %s is now revision %s, the preview saw %s", to, o.Target, got, o.Goal["revision"])}
	}
	return []field{{Path: "/spec/template", After: target.template, Digested: true}}, nil
}

// former finds the template that was in place before, in the history: a receipt holds its digest only.
func (h history) former(ctx context.Context, obj object, digest json.RawMessage) (json.RawMessage, error) {
	all, err := h.revisions(ctx, obj)
	if err != nil {
		return nil, err
	}
	r, ok := find(all, func(r revision) bool { return string(digestOf(r.template)) == string(digest) })
	if !ok {
		return nil, ErrStale{Moved: "the revision that was in place before is no longer kept for " + obj.GetName()}
	}
	return r.template, nil
}

func find(all []revision, which func(revision) bool) (revision, bool) {
	for _, r := range all {
		if which(r) {
			return r, true
		}
	}
	return revision{}, false
}

func (h history) revisions(ctx context.Context, obj object) ([]revision, error) {
	if _, ok := obj.(*appsv1.Deployment); ok {
		list, err := h.client.AppsV1().ReplicaSets(obj.GetNamespace()).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, kubeError("listing the replica sets of "+obj.GetName(), err)
		}
		var out []revision
		for i := range list.Items {
			rs := &list.Items[i]
			if metav1.IsControlledBy(rs, obj) {
				if out, err = appendRevision(out, rs.Name, revisionOf(rs), rs.Spec.Template); err != nil {
					return nil, err
				}
			}
		}
		return out, nil
	}
	list, err := h.client.AppsV1().ControllerRevisions(obj.GetNamespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, kubeError("listing the revisions of "+obj.GetName(), err)
	}
	var out []revision
	for i := range list.Items {
		cr := &list.Items[i]
		if !metav1.IsControlledBy(cr, obj) {
			continue
		}
		template, err := templateOf(cr)
		if err != nil {
			return nil, err
		}
		if out, err = appendRevision(out, cr.Name, int(cr.Revision), template); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// templateOf reads the pod template out of a ControllerRevision: the data is a patch of the workload.
func templateOf(cr *appsv1.ControllerRevision) (corev1.PodTemplateSpec, error) {
	var data struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(cr.Data.Raw, &data); err != nil {
		return corev1.PodTemplateSpec{}, fmt.Errorf("reading revision %s: %w", cr.Name, err)
	}
	return data.Spec.Template, nil
}

func appendRevision(to []revision, name string, number int, template corev1.PodTemplateSpec) ([]revision, error) {
	template = *template.DeepCopy()
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	if len(template.Labels) == 0 {
		template.Labels = nil
	}
	raw, err := canonical(template)
	if err != nil {
		return nil, err
	}
	return append(to, revision{name: name, number: number, template: raw}), nil
}
