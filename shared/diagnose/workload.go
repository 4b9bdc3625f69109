package diagnose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// workload is what a person deploys and repairs: a controller with its pods, or a bare pod.
type workload struct {
	target   incident.Target
	meta     metav1.ObjectMeta
	template *corev1.PodTemplateSpec // nil when neither the controller nor a pod of it was seen
	selector labels.Selector
	desired  int // -1 unknown
	ready    int
	pods     []*corev1.Pod // sorted by name
	sets     []*appsv1.ReplicaSet
	object   any // the controller itself; nil for one known only by its pods
	parent   incident.Target
}

const (
	revisionKey = "deployment.kubernetes.io/revision"
	hashKey     = appsv1.DefaultDeploymentUniqueLabelKey
)

// gatherWorkloads puts every pod under what controls it in the end: a Deployment rather than its ReplicaSet.
func (v *view) gatherWorkloads() {
	o := &v.Objects
	for _, d := range o.Deployments {
		v.addWorkload(&workload{
			target: target("Deployment", d), meta: d.ObjectMeta, template: &d.Spec.Template,
			selector: selectorOf(d.Spec.Selector), desired: count(d.Spec.Replicas), ready: int(d.Status.ReadyReplicas), object: d,
		})
	}
	for _, d := range o.StatefulSets {
		v.addWorkload(&workload{
			target: target("StatefulSet", d), meta: d.ObjectMeta, template: &d.Spec.Template,
			selector: selectorOf(d.Spec.Selector), desired: count(d.Spec.Replicas), ready: int(d.Status.ReadyReplicas), object: d,
		})
	}
	for _, d := range o.DaemonSets {
		v.addWorkload(&workload{
			target: target("DaemonSet", d), meta: d.ObjectMeta, template: &d.Spec.Template,
			selector: selectorOf(d.Spec.Selector), desired: int(d.Status.DesiredNumberScheduled), ready: int(d.Status.NumberReady), object: d,
		})
	}
	for _, j := range o.Jobs {
		w := &workload{
			target: target("Job", j), meta: j.ObjectMeta, template: &j.Spec.Template,
			selector: selectorOf(j.Spec.Selector), desired: -1, object: j,
		}
		if c := metav1.GetControllerOf(j); c != nil {
			w.parent = incident.Target{Kind: c.Kind, Namespace: j.Namespace, Name: c.Name}
		}
		v.addWorkload(w)
	}
	sets := map[name]*appsv1.ReplicaSet{}
	for _, r := range o.ReplicaSets {
		sets[name{r.Namespace, r.Name}] = r
		if w := v.workloadOfSet(r); w != nil {
			w.sets = append(w.sets, r)
		}
	}
	for _, p := range o.Pods {
		w := v.workloadOfPod(p, sets)
		w.pods = append(w.pods, p)
		v.owner[p] = w
		if w.template == nil {
			w.template = &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels, Annotations: p.Annotations}, Spec: p.Spec}
		}
	}
	for _, x := range v.idx.SeenOnly() {
		v.addWorkload(&workload{target: x.Target, desired: -1})
	}
	slices.SortFunc(v.workloads, func(a, b *workload) int { return compareTargets(a.target, b.target) })
	for _, w := range v.workloads {
		v.inSpace[w.target.Namespace] = append(v.inSpace[w.target.Namespace], w)
		slices.SortFunc(w.sets, func(a, b *appsv1.ReplicaSet) int {
			return cmp.Or(cmp.Compare(revision(b), revision(a)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
		})
		slices.SortFunc(w.pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	}
}

func (v *view) addWorkload(w *workload) *workload {
	if known, ok := v.byTarget[w.target]; ok {
		return known
	}
	v.byTarget[w.target] = w
	v.workloads = append(v.workloads, w)
	return w
}

func (v *view) workloadOfSet(r *appsv1.ReplicaSet) *workload {
	if c := metav1.GetControllerOf(r); c != nil {
		return v.addWorkload(&workload{
			target:   incident.Target{Kind: c.Kind, Namespace: r.Namespace, Name: c.Name},
			template: &r.Spec.Template, selector: selectorOf(r.Spec.Selector), desired: -1,
		})
	}
	return v.addWorkload(&workload{
		target: target("ReplicaSet", r), meta: r.ObjectMeta, template: &r.Spec.Template,
		selector: selectorOf(r.Spec.Selector), desired: count(r.Spec.Replicas), ready: int(r.Status.ReadyReplicas), object: r,
	})
}

// workloadOfPod finds the controller. Where the ReplicaSet in between was not read, the pod's template hash gives its Deployment.
func (v *view) workloadOfPod(p *corev1.Pod, sets map[name]*appsv1.ReplicaSet) *workload {
	c := metav1.GetControllerOf(p)
	if c == nil && len(p.OwnerReferences) == 1 {
		c = &p.OwnerReferences[0]
	}
	switch {
	case c == nil || c.Kind == "Node":
		return v.addWorkload(&workload{
			target: podTarget(p), meta: p.ObjectMeta, desired: 1, ready: ready(p), object: p,
			template: &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec},
		})
	case c.Kind == "ReplicaSet":
		if r := sets[name{p.Namespace, c.Name}]; r != nil {
			return v.workloadOfSet(r)
		}
		n := strings.TrimSuffix(c.Name, "-"+p.Labels[hashKey])
		if n != c.Name {
			return v.addWorkload(&workload{target: incident.Target{Kind: "Deployment", Namespace: p.Namespace, Name: n}, desired: -1})
		}
		if i := strings.LastIndexByte(n, '-'); i > 0 {
			t := incident.Target{Kind: "Deployment", Namespace: p.Namespace, Name: n[:i]}
			if w, ok := v.byTarget[t]; ok {
				return w
			}
		}
		if n, ok := observe.DeploymentOfSet(c.Name); ok {
			return v.addWorkload(&workload{target: incident.Target{Kind: "Deployment", Namespace: p.Namespace, Name: n}, desired: -1})
		}
	}
	return v.addWorkload(&workload{target: incident.Target{Kind: c.Kind, Namespace: p.Namespace, Name: c.Name}, desired: -1})
}

func target(kind string, o metav1.Object) incident.Target {
	return incident.Target{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

func selectorOf(s *metav1.LabelSelector) labels.Selector {
	sel, err := metav1.LabelSelectorAsSelector(s)
	if err != nil { // an invalid selector selects nothing
		return labels.Nothing()
	}
	return sel
}

func count(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

func ready(p *corev1.Pod) int {
	if podReady(p) {
		return 1
	}
	return 0
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// revision is the rollout number of a ReplicaSet, 0 when it carries none.
func revision(r *appsv1.ReplicaSet) int {
	n, err := strconv.Atoi(r.Annotations[revisionKey])
	if err != nil {
		return 0
	}
	return n
}

// live are the pods that count: neither finished nor on their way out.
func (w *workload) live() []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range w.pods {
		if p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			out = append(out, p)
		}
	}
	return out
}

// currentSet is the ReplicaSet of the newest revision, nil when unknown.
func (w *workload) currentSet() *appsv1.ReplicaSet {
	if len(w.sets) == 0 {
		return nil
	}
	return w.sets[0]
}

// label is what the pods of the workload carry.
func (w *workload) label() labels.Set {
	if w.template == nil {
		return nil
	}
	return w.template.Labels
}

// containers are the main containers as the template wants them.
func (w *workload) containers() []corev1.Container {
	if w.template == nil {
		return nil
	}
	return w.template.Spec.Containers
}

// isJob says whether the pods are meant to end.
func (w *workload) isJob() bool {
	_, ok := w.object.(*batchv1.Job)
	return ok || w.target.Kind == "Job"
}

// readyPods and readyCount look at the pods; status is a fallback where no pod was read.
func (w *workload) readyCount() int {
	n := 0
	for _, p := range w.live() {
		n += ready(p)
	}
	if len(w.pods) == 0 {
		return w.ready
	}
	return n
}
