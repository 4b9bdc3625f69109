package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// templateDiff lists what a release changed, field by field, in the words of the manifest. Values of secrets-like variables are
// withheld.
func templateDiff(old, now *corev1.PodTemplateSpec) []string {
	var out []string
	for _, c := range now.Spec.Containers {
		o := specOf(old.Spec.Containers, c.Name)
		if o == nil {
			out = append(out, fmt.Sprintf("container %s added (%s)", c.Name, c.Image))
			continue
		}
		out = append(out, containerDiff(o, &c)...)
	}
	for _, c := range old.Spec.Containers {
		if specOf(now.Spec.Containers, c.Name) == nil {
			out = append(out, fmt.Sprintf("container %s removed", c.Name))
		}
	}
	for _, c := range now.Spec.InitContainers {
		if o := specOf(old.Spec.InitContainers, c.Name); o == nil {
			out = append(out, fmt.Sprintf("init container %s added (%s)", c.Name, c.Image))
		} else {
			out = append(out, containerDiff(o, &c)...)
		}
	}
	say := func(field, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s: %s → %s", field, cmpOr(quoteTo(a, 80), "none"), cmpOr(quoteTo(b, 80), "none")))
		}
	}
	say("serviceAccountName", old.Spec.ServiceAccountName, now.Spec.ServiceAccountName)
	say("dnsPolicy", string(old.Spec.DNSPolicy), string(now.Spec.DNSPolicy))
	say("nodeSelector", selectorText(old.Spec.NodeSelector), selectorText(now.Spec.NodeSelector))
	say("priorityClassName", old.Spec.PriorityClassName, now.Spec.PriorityClassName)
	say("schedulerName", old.Spec.SchedulerName, now.Spec.SchedulerName)
	say("hostNetwork", fmt.Sprint(old.Spec.HostNetwork), fmt.Sprint(now.Spec.HostNetwork))
	say("volumes", volumesText(old.Spec.Volumes), volumesText(now.Spec.Volumes))
	say("tolerations", fmt.Sprint(len(old.Spec.Tolerations)), fmt.Sprint(len(now.Spec.Tolerations)))
	return out
}

func containerDiff(old, now *corev1.Container) []string {
	var out []string
	say := func(field, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s.%s: %s → %s", now.Name, field, cmpOr(quoteTo(a, 80), "none"), cmpOr(quoteTo(b, 80), "none")))
		}
	}
	say("image", old.Image, now.Image)
	say("command", strings.Join(old.Command, " "), strings.Join(now.Command, " "))
	say("args", strings.Join(old.Args, " "), strings.Join(now.Args, " "))
	say("ports", portsText(old.Ports), portsText(now.Ports))
	for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		a, b := old.Resources.Requests[r], now.Resources.Requests[r]
		say("requests."+string(r), a.String(), b.String())
		a, b = old.Resources.Limits[r], now.Resources.Limits[r]
		say("limits."+string(r), a.String(), b.String())
	}
	for _, k := range probeKinds {
		a, b := "", ""
		if p := k.of(old); p != nil {
			a = probeText(p)
		}
		if p := k.of(now); p != nil {
			b = probeText(p)
		}
		if a != b {
			out = append(out, fmt.Sprintf("%s.%sProbe: %s → %s", now.Name, k.kind, cmpOr(a, "none"), cmpOr(b, "none")))
		}
	}
	out = append(out, envDiff(old, now)...)
	say("volumeMounts", mountsText(old.VolumeMounts), mountsText(now.VolumeMounts))
	return out
}

func envDiff(old, now *corev1.Container) []string {
	var out []string
	for _, e := range now.Env {
		i := slices.IndexFunc(old.Env, func(o corev1.EnvVar) bool { return o.Name == e.Name })
		switch {
		case i < 0:
			out = append(out, fmt.Sprintf("%s.env %s added", now.Name, e.Name))
		case !sameEnv(old.Env[i], e):
			if passwordKey.MatchString(e.Name) || passwordWords.MatchString(e.Name) {
				out = append(out, fmt.Sprintf("%s.env %s changed (values withheld)", now.Name, e.Name))
				continue
			}
			out = append(out, fmt.Sprintf("%s.env %s: %s → %s", now.Name, e.Name, envText(old.Env[i]), envText(e)))
		}
	}
	for _, e := range old.Env {
		if !slices.ContainsFunc(now.Env, func(n corev1.EnvVar) bool { return n.Name == e.Name }) {
			out = append(out, fmt.Sprintf("%s.env %s removed", now.Name, e.Name))
		}
	}
	return out
}

func envText(e corev1.EnvVar) string {
	switch {
	case e.ValueFrom == nil:
		return cmpOr(quoteTo(e.Value, 80), "empty")
	case e.ValueFrom.ConfigMapKeyRef != nil:
		return "ConfigMap " + e.ValueFrom.ConfigMapKeyRef.Name + " key " + e.ValueFrom.ConfigMapKeyRef.Key
	case e.ValueFrom.SecretKeyRef != nil:
		return "Secret " + e.ValueFrom.SecretKeyRef.Name + " key " + e.ValueFrom.SecretKeyRef.Key
	}
	return "a reference"
}

func volumesText(all []corev1.Volume) string {
	var out []string
	for _, v := range all {
		switch {
		case v.ConfigMap != nil:
			out = append(out, v.Name+"=ConfigMap "+v.ConfigMap.Name)
		case v.Secret != nil:
			out = append(out, v.Name+"=Secret "+v.Secret.SecretName)
		case v.PersistentVolumeClaim != nil:
			out = append(out, v.Name+"=claim "+v.PersistentVolumeClaim.ClaimName)
		default:
			out = append(out, v.Name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

func mountsText(all []corev1.VolumeMount) string {
	var out []string
	for _, m := range all {
		out = append(out, m.Name+":"+m.MountPath)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
