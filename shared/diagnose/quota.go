package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

var (
	quotaWords    = regexp.MustCompile(`exceeded quota: ([^,\s]+)`)
	quotaResource = regexp.MustCompile(`(requested|used|limited): ([^\s].*?)(?:, (?:used|limited):|$)`)
)

// quotaReason is the finer name for the resource that is used up.
func quotaReason(resource string) incident.Reason {
	r := strings.TrimPrefix(resource, "count/")
	switch {
	case strings.HasSuffix(r, "cpu"):
		return incident.NamespaceCPUQuotaExceeded
	case strings.HasSuffix(r, "memory"):
		return incident.NamespaceMemoryQuotaExceeded
	case r == "pods":
		return incident.NamespacePodQuotaExceeded
	case strings.HasPrefix(r, "services"):
		return incident.NamespaceServiceQuotaExceeded
	case strings.Contains(r, "persistentvolumeclaims") || strings.HasSuffix(r, "requests.storage"):
		return incident.NamespaceStorageQuotaExceeded
	}
	return incident.ResourceQuotaExceeded
}

// overQuota reads which resource of which quota refuses the pods of a workload.
func (g *gather) overQuota(w *workload, e *corev1.Event, message string, about incident.Target) {
	quota := ""
	if m := quotaWords.FindStringSubmatch(message); m != nil {
		quota = quoteTo(m[1], 80)
	}
	parts := map[string]string{}
	for rest := message; ; {
		m := quotaResource.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		parts[rest[m[2]:m[3]]] = rest[m[4]:m[5]]
		rest = rest[m[5]:]
	}
	resource, _, _ := strings.Cut(firstOf(parts["limited"], parts["requested"]), "=")
	if i := strings.LastIndexByte(resource, ','); i >= 0 {
		resource = resource[i+1:]
	}
	d, fresh := g.on(quotaReason(resource), incident.Target{Kind: "Namespace", Name: w.target.Namespace})
	if fresh {
		d.say(fmt.Sprintf("quota %s of namespace %s refuses new pods of %s: %s used %s of %s", quota, w.target.Namespace, w.target, resource,
			value(parts["used"], resource), value(parts["limited"], resource)),
			fmt.Sprintf("命名空间 %s 的配额 %s 拒绝创建 %s 的 Pod：%s 已用 %s，上限 %s", w.target.Namespace, quota, w.target, resource,
				value(parts["used"], resource), value(parts["limited"], resource)))
		d.fact(FactQuota, quota).fact(FactResource, resource).fact(FactUsed, value(parts["used"], resource)).fact(FactHard, value(parts["limited"], resource))
		g.quoteQuota(d, w.target.Namespace, quota, resource)
	}
	d.affects(w.target)
	g.quoteRefusal(d, w, e, message, about)
}

func firstOf(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// value is what a list such as "requests.cpu=3,pods=10" says of a resource.
func value(list, resource string) string {
	for _, x := range strings.Split(list, ",") {
		if k, val, ok := strings.Cut(strings.TrimSpace(x), "="); ok && k == resource {
			return val
		}
	}
	return list
}

func (g *gather) quoteQuota(d *draft, namespace, quota, resource string) {
	for _, q := range g.v.Objects.ResourceQuotas {
		if q.Namespace != namespace || quota != "" && q.Name != quota {
			continue
		}
		hard, used := q.Status.Hard[corev1.ResourceName(resource)], q.Status.Used[corev1.ResourceName(resource)]
		if hard.IsZero() {
			hard = q.Spec.Hard[corev1.ResourceName(resource)]
		}
		d.object(incident.Target{Kind: "ResourceQuota", Namespace: namespace, Name: q.Name}, "%s: used %s of hard %s", resource, used.String(), hard.String())
	}
}

// quotas looks at full quotas whose refusals leave no event on any pod: pods that do not come, a Service or a claim that is expected
// and does not exist.
func (g *gather) quotas() {
	for _, q := range g.v.Objects.ResourceQuotas {
		t := incident.Target{Kind: "Namespace", Name: q.Namespace}
		hard := q.Status.Hard
		if len(hard) == 0 {
			hard = q.Spec.Hard
		}
		for _, n := range sortedKeys(hard) {
			h, used := hard[n], q.Status.Used[n]
			r := quotaReason(string(n))
			if g.has(t, r) {
				continue
			}
			victims, needs := g.v.waitingFor(q.Namespace, n)
			over := used.DeepCopy()
			over.Add(needs)
			if len(victims) == 0 || over.Cmp(h) <= 0 {
				continue
			}
			d, _ := g.on(r, t)
			d.say(fmt.Sprintf("quota %s of namespace %s is used up (%s %s of %s) and %s is missing", q.Name, q.Namespace, n, used.String(), h.String(), victims[0]),
				fmt.Sprintf("命名空间 %s 的配额 %s 已用尽（%s %s/%s），%s 缺失", q.Namespace, q.Name, n, used.String(), h.String(), victims[0])).
				object(incident.Target{Kind: "ResourceQuota", Namespace: q.Namespace, Name: q.Name}, "%s: used %s of hard %s", n, used.String(), h.String()).
				fact(FactQuota, q.Name).fact(FactResource, string(n)).fact(FactHard, h.String()).fact(FactUsed, used.String()).affects(victims...).weigh(0.9)
			for _, x := range victims {
				d.object(x, "expected, and does not exist or lacks pods")
			}
			if g.v.recent(q.CreationTimestamp.Time, early) {
				d.since(q.CreationTimestamp.Time)
			}
		}
	}
}
