package remediate

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

// owner is who keeps an object as it is: a direct change is taken back, at once or with its next release.
type owner struct {
	who  string // "Argo CD application shop", "Helm release chat-app"
	when incident.Text
	how  incident.Text // the way through it
}

// ownerOf reads the marks that GitOps tools, Helm, operators and CCE's own add-ons leave on what they keep.
func ownerOf(o metav1.Object) (owner, bool) {
	labels, notes := o.GetLabels(), o.GetAnnotations()
	first := func(m map[string]string, keys ...string) string {
		for _, k := range keys {
			if m[k] != "" {
				return m[k]
			}
		}
		return ""
	}
	release := notes["meta.helm.sh/release-name"]
	if addon, ok := strings.CutPrefix(first(labels, "release", "app.kubernetes.io/instance"), "cceaddon-"); ok {
		return addonOwner(addon), true
	}
	if addon, ok := strings.CutPrefix(release, "cceaddon-"); ok {
		return addonOwner(addon), true
	}
	if id := first(notes, "argocd.argoproj.io/tracking-id"); id != "" {
		app, _, _ := strings.Cut(id, ":")
		return gitOwner("Argo CD", "application", app), true
	}
	if app := labels["argocd.argoproj.io/instance"]; app != "" {
		return gitOwner("Argo CD", "application", app), true
	}
	if name := labels["kustomize.toolkit.fluxcd.io/name"]; name != "" {
		return gitOwner("Flux", "kustomization", name), true
	}
	if name := labels["helm.toolkit.fluxcd.io/name"]; name != "" {
		return gitOwner("Flux", "Helm release", name), true
	}
	if ref := metav1.GetControllerOf(o); ref != nil {
		return operatorOwner(ref), true
	}
	if release != "" || labels["app.kubernetes.io/managed-by"] == "Helm" {
		return helmOwner(release, o.GetNamespace()), true
	}
	return owner{}, false
}

func gitOwner(tool, what, name string) owner {
	return owner{
		who:  fmt.Sprintf("%s %s %s", tool, what, name),
		when: say("at its next synchronisation, which may be within minutes", "在下次同步时（可能几分钟内）"),
		how:  say("Make the change in the Git repository of %s and synchronise, or suspend its automatic synchronisation first.", "请在 %s 对应的 Git 仓库中修改并同步，或先暂停其自动同步。", tool+" "+what+" "+name),
	}
}

func helmOwner(release, namespace string) owner {
	name := named(release)
	return owner{
		who:  "Helm release " + name,
		when: say("with the next helm upgrade", "在下次 helm upgrade 时"),
		how: say("helm history %[1]s -n %[2]s; then helm upgrade with the changed values, or helm rollback %[1]s <revision> -n %[2]s.",
			"helm history %[1]s -n %[2]s；然后修改 values 执行 helm upgrade，或执行 helm rollback %[1]s <版本> -n %[2]s。", shell(name), shell(namespace)),
	}
}

func operatorOwner(ref *metav1.OwnerReference) owner {
	return owner{
		who:  fmt.Sprintf("%s %s (an operator)", ref.Kind, ref.Name),
		when: say("at once, when its operator reconciles", "由其 Operator 立即调谐还原"),
		how:  say("Change the spec of %s %s; its operator carries it out.", "请修改 %s %s 的 spec，由其 Operator 生效。", ref.Kind, ref.Name),
	}
}

func addonOwner(addon string) owner {
	return owner{
		who:  "CCE add-on " + addon,
		when: say("when the add-on is updated or reconciled", "在插件升级或调谐时"),
		how:  say("CCE console → Add-ons → %s → Edit: change replicas or specifications there.", "CCE 控制台 → 插件中心 → %s → 编辑：在此调整副本数或规格。", addon),
	}
}

// throughOwner says of every solution that changes an owned object that the change will be reverted, and puts the way through
// the owner before the first of them: it is a person's, since the source is not within reach.
func (b *bench) throughOwner(all []incident.Solution) []incident.Solution {
	for i := range all {
		who, owned := b.ownerOfSteps(all[i])
		if !owned {
			continue
		}
		for k := i; k < len(all); k++ {
			if o, owned := b.ownerOfSteps(all[k]); owned {
				all[k].Impact = join(all[k].Impact, incident.Text{
					EN: fmt.Sprintf("Kept by %s: a direct change is reverted %s.", o.who, o.when.EN),
					ZH: fmt.Sprintf("该对象由 %s 管理：直接修改会%s被还原。", o.who, o.when.ZH),
				})
			}
		}
		return append(append(append([]incident.Solution{}, all[:i]...), b.atSource(all[i], who)), all[i:]...)
	}
	return all
}

// ownerOfSteps is who keeps one of the objects that a solution changes.
func (b *bench) ownerOfSteps(s incident.Solution) (owner, bool) {
	for _, step := range s.Steps {
		if o := b.object(step.Target); o != nil {
			if who, owned := ownerOf(o); owned {
				return who, true
			}
		}
	}
	return owner{}, false
}

// object finds what a step changes, where it can have an owner that takes changes back. Pods and Jobs are left out: their
// controllers are why they can be deleted.
func (b *bench) object(t incident.Target) metav1.Object {
	o := &b.s.Objects
	switch t.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		if l := b.find(t); l != nil {
			return l.object
		}
	case "HorizontalPodAutoscaler":
		if h := objectNamed(o.HPAs, t); h != nil {
			return h
		}
	case "Service":
		if svc := objectNamed(o.Services, t); svc != nil {
			return svc
		}
	case "CronJob":
		if c := objectNamed(o.CronJobs, t); c != nil {
			return c
		}
	}
	return nil
}

// atSource is the same change, made by a person where the object comes from.
func (b *bench) atSource(direct incident.Solution, who owner) incident.Solution {
	want := make([]incident.Text, 0, len(direct.Change)+1)
	want = append(want, who.how)
	for _, line := range direct.Change {
		want = append(want, incident.Text{EN: "\n" + line.EN, ZH: "\n" + line.In("zh")})
	}
	return incident.Solution{
		Title:      say("Change it where it comes from: %s", "在其来源处修改：%s", who.who),
		Risk:       incident.ReadOnly,
		When:       say("The object is kept by %s; a direct change would be reverted.", "该对象由 %s 管理，直接修改会被还原。", who.who),
		Change:     direct.Change,
		Impact:     direct.Impact,
		Resources:  direct.Resources,
		Scheduling: direct.Scheduling,
		Cost:       direct.Cost,
		Verify:     direct.Verify,
		Rollback:   say("By the same way.", "以同样方式回退。"),
		Prediction: direct.Prediction,
		Manual:     join(want...),
	}
}
