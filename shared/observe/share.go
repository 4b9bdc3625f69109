package observe

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// sharedTemplates makes the replicas of one controller share what they have in common: most of a pod is its template, and a cluster of
// thousands of pods has hundreds of templates. Nobody changes the objects of a snapshot, so sharing cannot be seen.
func sharedTemplates() func(*corev1.Pod) bool {
	first := map[string]*corev1.PodSpec{}
	return func(p *corev1.Pod) bool {
		owner := metav1.GetControllerOf(p)
		if owner == nil {
			return true
		}
		k := p.Namespace + "/" + owner.Kind + "/" + owner.Name
		model, have := first[k]
		if !have {
			spec := p.Spec
			first[k] = &spec
			return true
		}
		shareContainers(model.Containers, p.Spec.Containers)
		shareContainers(model.InitContainers, p.Spec.InitContainers)
		shareEqual(&model.Volumes, &p.Spec.Volumes)
		shareEqual(&model.Tolerations, &p.Spec.Tolerations)
		shareEqual(&model.Affinity, &p.Spec.Affinity)
		shareEqual(&model.SecurityContext, &p.Spec.SecurityContext)
		shareEqual(&model.TopologySpreadConstraints, &p.Spec.TopologySpreadConstraints)
		return true
	}
}

func shareContainers(model, own []corev1.Container) {
	if len(model) != len(own) {
		return
	}
	for i := range own {
		m, c := &model[i], &own[i]
		shareEqual(&m.Name, &c.Name)
		shareEqual(&m.Image, &c.Image)
		shareEqual(&m.Command, &c.Command)
		shareEqual(&m.Args, &c.Args)
		shareEqual(&m.Ports, &c.Ports)
		shareEqual(&m.Env, &c.Env)
		shareEqual(&m.EnvFrom, &c.EnvFrom)
		shareEqual(&m.Resources, &c.Resources)
		shareEqual(&m.VolumeMounts, &c.VolumeMounts)
		shareEqual(&m.LivenessProbe, &c.LivenessProbe)
		shareEqual(&m.ReadinessProbe, &c.ReadinessProbe)
		shareEqual(&m.StartupProbe, &c.StartupProbe)
		shareEqual(&m.Lifecycle, &c.Lifecycle)
		shareEqual(&m.SecurityContext, &c.SecurityContext)
	}
}

// shareEqual puts the model in the place of a value that equals it, so that one of the two can go.
func shareEqual[T any](model, own *T) {
	if reflect.DeepEqual(model, own) {
		*own = *model
	}
}
