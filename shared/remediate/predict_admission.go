package remediate

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"

	"cce-oncall/shared/observe"
)

// newPods are the first n pods to come, as the API server would make them of the template.
func newPods(s *observe.Snapshot, set PodSet, n int) []*corev1.Pod {
	pods := make([]*corev1.Pod, 0, n)
	for i := range n {
		p := &corev1.Pod{ObjectMeta: *set.Template.ObjectMeta.DeepCopy(), Spec: *set.Template.Spec.DeepCopy()}
		p.Namespace = set.Namespace
		p.Name = fmt.Sprintf("%s-new-%d", set.Workload, i)
		for _, c := range set.Claims {
			p.Spec.Volumes = append(p.Spec.Volumes, claimVolume(s, set, c, set.Ordinal+i))
		}
		if len(set.Claims) > 0 {
			p.Name = fmt.Sprintf("%s-%d", set.Workload, set.Ordinal+i)
		}
		complete(s, p)
		pods = append(pods, p)
	}
	return pods
}

// claimVolume is the volume a StatefulSet gives a pod: the claim of that number where there is one, else one to be made.
func claimVolume(s *observe.Snapshot, set PodSet, c corev1.PersistentVolumeClaim, ordinal int) corev1.Volume {
	name := fmt.Sprintf("%s-%s-%d", c.Name, set.Workload, ordinal)
	if slices.ContainsFunc(s.Objects.PersistentVolumeClaims, func(pvc *corev1.PersistentVolumeClaim) bool {
		return pvc.Namespace == set.Namespace && pvc.Name == name
	}) {
		return corev1.Volume{Name: c.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}}
	}
	return corev1.Volume{Name: c.Name, VolumeSource: corev1.VolumeSource{
		Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: c.Spec}},
	}}
}

// complete fills in what admission gives a pod: defaults of the namespace's limit ranges, requests equal to limits where only
// limits are set, and the number behind the priority class.
func complete(s *observe.Snapshot, p *corev1.Pod) {
	containers := make([]*corev1.Container, 0, len(p.Spec.Containers)+len(p.Spec.InitContainers))
	for i := range p.Spec.Containers {
		containers = append(containers, &p.Spec.Containers[i])
	}
	for i := range p.Spec.InitContainers {
		containers = append(containers, &p.Spec.InitContainers[i])
	}
	for _, c := range containers {
		c.Resources.Requests = filled(c.Resources.Requests, c.Resources.Limits)
		for _, lr := range s.Objects.LimitRanges {
			if lr.Namespace != p.Namespace {
				continue
			}
			for _, item := range lr.Spec.Limits {
				if item.Type == corev1.LimitTypeContainer {
					c.Resources.Limits = filled(c.Resources.Limits, item.Default)
					c.Resources.Requests = filled(c.Resources.Requests, item.DefaultRequest)
				}
			}
		}
	}
	if p.Spec.Priority != nil {
		return
	}
	for _, class := range s.Objects.PriorityClasses {
		if class.Name == p.Spec.PriorityClassName || p.Spec.PriorityClassName == "" && class.GlobalDefault {
			p.Spec.Priority = &class.Value
			p.Spec.PreemptionPolicy = class.PreemptionPolicy
		}
	}
}

func filled(list, from corev1.ResourceList) corev1.ResourceList {
	for name, q := range from {
		if _, ok := list[name]; !ok {
			if list == nil {
				list = corev1.ResourceList{}
			}
			list[name] = q.DeepCopy()
		}
	}
	return list
}

// admit says how many of the pods to come the API server lets be created, and in its words why not all.
func admit(s *observe.Snapshot, set PodSet) (int, string) {
	if set.Count <= 0 {
		return 0, ""
	}
	p := newPods(s, set, 1)[0]
	if why := outOfRange(s, p); why != "" {
		return 0, why
	}
	n, why := set.Count, ""
	for _, quota := range s.Objects.ResourceQuotas {
		if quota.Namespace != set.Namespace || !scoped(quota, p) {
			continue
		}
		if m, reason := within(quota, p, set); m < n {
			n, why = m, reason
		}
	}
	return n, why
}

// within is how many more pods a quota has room for, after those that leave.
func within(quota *corev1.ResourceQuota, p *corev1.Pod, set PodSet) (int, string) {
	per := usage(p)
	n, why := set.Count, ""
	for _, name := range sortedQuota(quota.Status.Hard) {
		hard := quota.Status.Hard[name]
		one, ok := per[name]
		if !ok {
			if mustBeSet(name) {
				return 0, fmt.Sprintf("failed quota: %s: must specify %s", quota.Name, name)
			}
			continue
		}
		used := quota.Status.Used[name]
		used = used.DeepCopy()
		for _, gone := range set.Gone {
			if freed, ok := usage(gone)[name]; ok && scoped(quota, gone) {
				used.Sub(freed)
			}
		}
		for m := range n {
			used.Add(one)
			if used.Cmp(hard) > 0 {
				used.Sub(one)
				n = m
				why = fmt.Sprintf("exceeded quota: %s, requested: %s=%s, used: %s=%s, limited: %s=%s",
					quota.Name, name, one.String(), name, used.String(), name, hard.String())
				break
			}
		}
	}
	return n, why
}

func sortedQuota(list corev1.ResourceList) []corev1.ResourceName {
	names := make([]corev1.ResourceName, 0, len(list))
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// mustBeSet: a quota on CPU or memory turns away pods that do not say how much they take (the API server's own rule).
func mustBeSet(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory,
		corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory:
		return true
	}
	return false
}

// usage is what one pod counts for in a quota.
func usage(p *corev1.Pod) corev1.ResourceList {
	out := corev1.ResourceList{corev1.ResourcePods: *one, "count/pods": *one}
	for name, q := range resource.PodRequests(p, resource.PodResourcesOptions{}) {
		if !strings.Contains(string(name), "/") {
			out[name] = q
		}
		out["requests."+name] = q
	}
	for name, q := range resource.PodLimits(p, resource.PodResourcesOptions{}) {
		if !strings.Contains(string(name), "/") {
			out["limits."+name] = q
		}
	}
	return out
}

var one = apiresource.NewQuantity(1, apiresource.DecimalSI)

// scoped says whether a quota counts a pod.
func scoped(quota *corev1.ResourceQuota, p *corev1.Pod) bool {
	for _, scope := range quota.Spec.Scopes {
		if !inScope(corev1.ScopedResourceSelectorRequirement{ScopeName: scope, Operator: corev1.ScopeSelectorOpExists}, p) {
			return false
		}
	}
	if quota.Spec.ScopeSelector == nil {
		return true
	}
	for _, e := range quota.Spec.ScopeSelector.MatchExpressions {
		if !inScope(e, p) {
			return false
		}
	}
	return true
}

func inScope(e corev1.ScopedResourceSelectorRequirement, p *corev1.Pod) bool {
	switch e.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return p.Spec.ActiveDeadlineSeconds != nil
	case corev1.ResourceQuotaScopeNotTerminating:
		return p.Spec.ActiveDeadlineSeconds == nil
	case corev1.ResourceQuotaScopeBestEffort:
		return bestEffort(p)
	case corev1.ResourceQuotaScopeNotBestEffort:
		return !bestEffort(p)
	case corev1.ResourceQuotaScopeCrossNamespacePodAffinity:
		return crossNamespace(p)
	case corev1.ResourceQuotaScopePriorityClass:
		return inClass(e, p.Spec.PriorityClassName)
	default:
		return false
	}
}

func inClass(e corev1.ScopedResourceSelectorRequirement, class string) bool {
	switch e.Operator {
	case corev1.ScopeSelectorOpExists:
		return class != ""
	case corev1.ScopeSelectorOpDoesNotExist:
		return class == ""
	case corev1.ScopeSelectorOpIn:
		return slices.Contains(e.Values, class)
	case corev1.ScopeSelectorOpNotIn:
		return !slices.Contains(e.Values, class)
	}
	return false
}

func bestEffort(p *corev1.Pod) bool {
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
		for _, list := range []corev1.ResourceList{c.Resources.Requests, c.Resources.Limits} {
			if !list.Cpu().IsZero() || !list.Memory().IsZero() {
				return false
			}
		}
	}
	return true
}

func crossNamespace(p *corev1.Pod) bool {
	return slices.ContainsFunc(append(requiredNear(p), requiredFar(p)...), func(t corev1.PodAffinityTerm) bool {
		return len(t.Namespaces) > 0 || t.NamespaceSelector != nil
	})
}

// outOfRange is the limit range that turns a pod away, in the API server's words.
func outOfRange(s *observe.Snapshot, p *corev1.Pod) string {
	for _, lr := range s.Objects.LimitRanges {
		if lr.Namespace != p.Namespace {
			continue
		}
		for _, item := range lr.Spec.Limits {
			switch item.Type {
			case corev1.LimitTypeContainer:
				for _, c := range p.Spec.Containers {
					if why := outside(item, c.Resources.Requests, c.Resources.Limits); why != "" {
						return why
					}
				}
			case corev1.LimitTypePod:
				opts := resource.PodResourcesOptions{ExcludeOverhead: true}
				if why := outside(item, resource.PodRequests(p, opts), resource.PodLimits(p, opts)); why != "" {
					return why
				}
			case corev1.LimitTypePersistentVolumeClaim:
			}
		}
	}
	return ""
}

func outside(item corev1.LimitRangeItem, requests, limits corev1.ResourceList) string {
	for _, name := range sortedQuota(item.Max) {
		ceiling, limit := item.Max[name], limits[name]
		if _, ok := limits[name]; !ok || limit.Cmp(ceiling) > 0 {
			return fmt.Sprintf("maximum %s usage per %s is %s, but limit is %s", name, item.Type, ceiling.String(), limit.String())
		}
	}
	for _, name := range sortedQuota(item.Min) {
		floor, request := item.Min[name], requests[name]
		if _, ok := requests[name]; !ok || request.Cmp(floor) < 0 {
			return fmt.Sprintf("minimum %s usage per %s is %s, but request is %s", name, item.Type, floor.String(), request.String())
		}
	}
	return ""
}
