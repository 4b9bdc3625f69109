package remediate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"cce-oncall/shared/incident"
)

// say puts the same values into a sentence of each language. "pod(s)" behind a number becomes pod or pods.
func say(en, zh string, args ...any) incident.Text {
	if len(args) == 0 {
		return incident.Text{EN: en, ZH: zh}
	}
	return incident.Text{EN: plural(fmt.Sprintf(en, args...)), ZH: fmt.Sprintf(zh, args...)}
}

var countedNoun = regexp.MustCompile(`\b(\d+)((?: [a-z]+){1,2})\(s\)`)

func plural(s string) string {
	return countedNoun.ReplaceAllStringFunc(s, func(m string) string {
		noun := strings.TrimSuffix(m, "(s)")
		if strings.HasPrefix(m, "1 ") {
			return noun
		}
		return noun + "s"
	})
}

// join puts sentences behind each other; empty ones are left out.
func join(all ...incident.Text) incident.Text {
	var en, zh []string
	for _, t := range all {
		if t.EN != "" {
			en = append(en, t.EN)
		}
		if s := t.In("zh"); s != "" {
			zh = append(zh, s)
		}
	}
	return incident.Text{EN: strings.Join(en, " "), ZH: strings.Join(zh, "")}
}

// change is one line before → after. It is the same in both languages but for the words around it.
func change(what, before, after string) incident.Text {
	return incident.Both(fmt.Sprintf("%s: %s → %s", what, named(before), named(after)))
}

// name is how people say an object: namespace/name.
func name(t incident.Target) string {
	if t.Namespace == "" {
		return t.Name
	}
	return t.Namespace + "/" + t.Name
}

var plain = regexp.MustCompile(`^[A-Za-z0-9._/:=,@%+-]+$`)

// shell makes a name safe to paste: names come from objects and alarms, which anybody may have written.
func shell(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// amount is what a container requests of a resource, or its limit where it requests none.
func amount(r corev1.ResourceRequirements, name corev1.ResourceName) *resource.Quantity {
	if q, ok := r.Requests[name]; ok {
		return &q
	}
	if q, ok := r.Limits[name]; ok {
		return &q
	}
	return &resource.Quantity{}
}

// listed writes a resource list as "1 CPU, 512Mi memory".
func listed(m map[corev1.ResourceName]int64, times int64) string {
	var parts []string
	if cpu := m[corev1.ResourceCPU] * times; cpu > 0 {
		parts = append(parts, resource.NewMilliQuantity(cpu, resource.DecimalSI).String()+" CPU")
	}
	if mem := m[corev1.ResourceMemory] * times; mem > 0 {
		parts = append(parts, resource.NewQuantity(mem, resource.BinarySI).String()+" memory")
	}
	for _, other := range sortedNames(m) {
		if other != corev1.ResourceCPU && other != corev1.ResourceMemory && m[other] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[other]*times, other))
		}
	}
	if len(parts) == 0 {
		return "no requests"
	}
	return strings.Join(parts, ", ")
}

func listedZH(m map[corev1.ResourceName]int64, times int64) string {
	s := listed(m, times)
	if s == "no requests" {
		return "未声明 requests"
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, " memory", " 内存"), ", ", "、")
}

// headroom says how many of a workload's pods may be missing at once.
func (l *load) headroom() incident.Text {
	if len(l.pdbs) == 0 {
		return say("No PodDisruptionBudget covers it.", "未配置 PodDisruptionBudget。")
	}
	var en, zh []string
	for _, pdb := range l.pdbs {
		en = append(en, plural(fmt.Sprintf("PodDisruptionBudget %s allows %d disruption(s) now.", pdb.Name, pdb.Status.DisruptionsAllowed)))
		zh = append(zh, fmt.Sprintf("PodDisruptionBudget %s 当前允许中断 %d 个 Pod。", pdb.Name, pdb.Status.DisruptionsAllowed))
	}
	slices.Sort(en)
	slices.Sort(zh)
	return incident.Text{EN: strings.Join(en, " "), ZH: strings.Join(zh, "")}
}
