package remediate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cce-oncall/shared/incident"
)

// kept is one revision of a workload in the snapshot.
type kept struct {
	name     string
	number   int
	template corev1.PodTemplateSpec
	serving  bool // pods of it are available now
}

// history are a workload's revisions, newest first.
func (b *bench) history() []kept {
	var out []kept
	for _, rs := range b.s.Objects.ReplicaSets {
		if b.load.target.Kind == "Deployment" && b.controls(rs) {
			out = append(out, kept{rs.Name, revisionOf(rs), rs.Spec.Template, rs.Status.AvailableReplicas > 0})
		}
	}
	for _, cr := range b.s.Objects.ControllerRevisions {
		if template, err := templateOf(cr); err == nil && b.load.target.Kind != "Deployment" && b.controls(cr) {
			out = append(out, kept{cr.Name, int(cr.Revision), template, b.servesRevision(cr.Name)})
		}
	}
	slices.SortStableFunc(out, func(a, c kept) int { return cmp.Compare(c.number, a.number) })
	return out
}

func (b *bench) controls(o metav1.Object) bool {
	ref := metav1.GetControllerOf(o)
	return ref != nil && o.GetNamespace() == b.load.target.Namespace && ref.Kind == b.load.target.Kind && ref.Name == b.load.target.Name
}

func (b *bench) servesRevision(name string) bool {
	return slices.ContainsFunc(b.load.pods, func(p *corev1.Pod) bool {
		return p.Labels[appsv1.ControllerRevisionHashLabelKey] == name && podReady(p)
	})
}

// offerRollBack goes back to the revision that the diagnosis found healthy, else to the one before that still serves.
func offerRollBack(b *bench) (incident.Solution, bool) {
	if b.load == nil || b.load.paused {
		return incident.Solution{}, false
	}
	all := b.history()
	if len(all) < 2 {
		return incident.Solution{}, false
	}
	from := all[0]
	i := slices.IndexFunc(all[1:], func(k kept) bool {
		if want := b.cause.Facts[factRollback]; want != "" {
			return strconv.Itoa(k.number) == want
		}
		return k.serving
	})
	if i < 0 {
		return incident.Solution{}, false
	}
	return b.rollBackTo(from, all[1+i]), true
}

func (b *bench) rollBackTo(from, to kept) incident.Solution {
	l := b.load
	template := to.template.DeepCopy()
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	surge, unavailable := pace(l)
	s := incident.Solution{
		Title: say("Roll %s back from revision %d to %d", "将 %s 从版本 %d 回滚到 %d", name(l.target), from.number, to.number),
		Risk:  incident.Disruptive,
		When:  say("The trouble came with revision %d and revision %d was healthy.", "问题由版本 %d 引入，版本 %d 正常。", from.number, to.number),
		Impact: join(say("Restarts all %d pod(s) by a rollout: up to %d more and %d fewer at a time. What revision %d brought is gone.",
			"滚动重启全部 %d 个 Pod：过程中最多多出 %d 个、最多减少 %d 个；版本 %d 的变更将失效。", l.replicas, surge, unavailable, from.number), l.headroom()),
		Resources:  requestedMore(difference(template.Spec, l.template.Spec), int64(l.replicas)),
		Scheduling: l.conditions(),
		Cost:       say("None.", "无。"),
		Verify:     say("%d of %d replicas available on revision %d's template, restarts stop, the alarm clears.", "%d/%d 个副本以版本 %d 的模板可用，不再重启，告警恢复。", l.replicas, l.replicas, to.number),
		Rollback:   say("Forward to the template of revision %d, while its history is kept.", "在历史版本保留期间可前滚到版本 %d 的模板。", from.number),
		Prediction: b.world().rollout(l, *template).Text(),
		Change:     []incident.Text{change("revision", strconv.Itoa(from.number), fmt.Sprintf("%d (%s)", to.number, to.name))},
		Steps: []incident.Step{{
			Action: incident.RollBack, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "revision": strconv.Itoa(from.number), "from": from.name},
			Goal:   map[string]string{"revision": strconv.Itoa(to.number), "to": to.name},
		}},
	}
	s.Change = append(s.Change, templateChanges(l.template.Spec, template.Spec)...)
	if diff := b.cause.Facts[factDiff]; diff != "" && len(s.Change) == 1 {
		s.Change = append(s.Change, say("takes back: %s", "撤销变更：%s", diff))
	}
	if l.target.Kind == "StatefulSet" {
		s.Steps = append(s.Steps, b.stuckOn(from.name)...)
		for _, step := range s.Steps[1:] {
			s.Change = append(s.Change, say("deletes pod %s, which is stuck on the bad revision", "删除卡在问题版本上的 Pod %s", step.Target.Name))
		}
	}
	return s
}

// stuckOn are deletions of a StatefulSet's pods that are not ready on a bad revision: the controller waits for them for ever.
func (b *bench) stuckOn(revision string) []incident.Step {
	var out []incident.Step
	for _, p := range b.load.pods {
		if p.Labels[appsv1.ControllerRevisionHashLabelKey] == revision && !podReady(p) && len(out) < mostPods {
			out = append(out, b.deletion(p))
		}
	}
	return out
}

// templateChanges lists images, commands and probes that differ; values of the environment are never shown.
func templateChanges(now, then corev1.PodSpec) []incident.Text {
	var out []incident.Text
	for _, c := range now.Containers {
		_, old := containerNamed(then.Containers, c.Name)
		if old == nil {
			out = append(out, change("container "+c.Name, "present", "removed"))
			continue
		}
		if c.Image != old.Image {
			out = append(out, change(c.Name+" image", c.Image, old.Image))
		}
		for _, key := range []string{"requests.cpu", "limits.cpu", "requests.memory", "limits.memory"} {
			if a, z := quantityAt(c.Resources, key), quantityAt(old.Resources, key); a != z {
				out = append(out, change(c.Name+" "+key, a, z))
			}
		}
		for _, part := range []struct {
			name    string
			now, ex any
		}{
			{"command", append(slices.Clone(c.Command), c.Args...), append(slices.Clone(old.Command), old.Args...)},
			{"liveness probe", c.LivenessProbe, old.LivenessProbe},
			{"readiness probe", c.ReadinessProbe, old.ReadinessProbe},
			{"startup probe", c.StartupProbe, old.StartupProbe},
			{"environment", c.Env, old.Env},
			{"environment sources", c.EnvFrom, old.EnvFrom},
			{"volume mounts", c.VolumeMounts, old.VolumeMounts},
			{"ports", c.Ports, old.Ports},
			{"security context", c.SecurityContext, old.SecurityContext},
		} {
			if !sameValue(part.now, part.ex) {
				out = append(out, say("%s %s: as in the former revision", "%s %s：恢复为旧版本", c.Name, part.name))
			}
		}
	}
	return out
}

func sameValue(a, b any) bool {
	x, errA := canonical(a)
	y, errB := canonical(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// difference is how much more one pod requests than another.
func difference(a, b corev1.PodSpec) map[corev1.ResourceName]int64 {
	out := requestsOf(&corev1.Pod{Spec: a})
	add(out, requestsOf(&corev1.Pod{Spec: b}), -1)
	return out
}

// offerRestart replaces all pods with like ones: it helps where a process is in a bad state and its template is sound.
func offerRestart(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.paused || len(l.pods) == 0 {
		return incident.Solution{}, false
	}
	when := b.s.At.UTC().Format(time.RFC3339)
	surge, unavailable := pace(l)
	return incident.Solution{
		Title: say("Restart the pods of %s", "滚动重启 %s 的 Pod", name(l.target)),
		Risk:  incident.Disruptive,
		When:  say("The processes are in a bad state and the template is sound; the cause may come back.", "进程状态异常而模板无误；根因可能再次出现。"),
		Change: []incident.Text{
			change("restartedAt", l.template.Annotations[restartedAt], when),
		},
		Impact: join(say("Restarts all %d pod(s) by a rollout: up to %d more and %d fewer at a time.", "滚动重启全部 %d 个 Pod：过程中最多多出 %d 个、最多减少 %d 个。",
			l.replicas, surge, unavailable), l.headroom()),
		Resources:  say("None in the end.", "最终资源占用不变。"),
		Scheduling: l.conditions(),
		Cost:       say("None.", "无。"),
		Verify:     say("%d of %d replicas available, the alarm clears.", "%d/%d 个副本可用，告警恢复。", l.replicas, l.replicas),
		Rollback:   say("Not needed and not possible: a restart changes no setting.", "无需也无法回退：重启不改变任何配置。"),
		Prediction: b.world().rollout(l, *l.template).Text(),
		Steps: []incident.Step{{
			Action: incident.RestartRollout, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "restartedAt": l.template.Annotations[restartedAt]},
			Goal:   map[string]string{"restartedAt": when},
		}},
	}, true
}

// offerResume lets a paused rollout go on.
func offerResume(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || !l.paused {
		return incident.Solution{}, false
	}
	return incident.Solution{
		Title:      say("Resume the rollout of %s", "恢复 %s 的滚动更新", name(l.target)),
		Risk:       incident.Disruptive,
		When:       say("It was paused and forgotten; the template that waits is wanted.", "滚动更新被暂停且未恢复，待发布的模板确实需要上线。"),
		Change:     []incident.Text{change("paused", "true", "false")},
		Impact:     join(say("The template that waits is rolled out: its pods are replaced.", "待发布的模板将开始滚动更新，Pod 会被替换。"), l.headroom()),
		Resources:  say("As the waiting template asks.", "以待发布模板为准。"),
		Scheduling: l.conditions(),
		Cost:       say("None.", "无。"),
		Verify:     say("The rollout completes, %d of %d replicas available.", "滚动更新完成，%d/%d 个副本可用。", l.replicas, l.replicas),
		Rollback:   say("Paused again, where it then stands.", "可再次暂停（停在当时的进度）。"),
		Prediction: b.world().rollout(l, *l.template).Text(),
		Steps: []incident.Step{{
			Action: incident.ResumeRollout, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "paused": "true"}, Goal: map[string]string{"paused": "false"},
		}},
	}, true
}

// offerRestoreReplicas gives a workload at 0 the count it had.
func offerRestoreReplicas(b *bench) (incident.Solution, bool) {
	l := b.load
	if l == nil || l.target.Kind == "DaemonSet" || l.replicas != 0 {
		return incident.Solution{}, false
	}
	want, err := strconv.Atoi(b.cause.Facts[factFormer])
	known := err == nil && want > 0 && want <= maxReplicas
	if !known {
		want = 1
		if l.hpa != nil {
			want = max(1, int(deref(l.hpa.Spec.MinReplicas)))
		}
	}
	s := incident.Solution{
		Title:      say("Give %s its %d replica(s) back", "恢复 %s 的副本数为 %d", name(l.target), want),
		Risk:       incident.Reversible,
		When:       say("It was scaled to 0 and is needed.", "负载被缩容到 0，但业务仍需要。"),
		Change:     []incident.Text{change("replicas", "0", strconv.Itoa(want))},
		Impact:     say("Pods start; nothing running is touched.", "启动新 Pod，不影响正在运行的 Pod。"),
		Resources:  incident.Text{EN: listed(requestsOf(newPods(b.s, l.podSet(1), 1)[0]), int64(want)) + " requested in all.", ZH: "共申请 " + listedZH(requestsOf(newPods(b.s, l.podSet(1), 1)[0]), int64(want)) + "。"},
		Scheduling: l.conditions(),
		Cost:       say("None by itself: no node is added.", "本身不增加费用：不新增节点。"),
		Verify:     say("%d of %d replicas available, the alarm clears.", "%d/%d 个副本可用，告警恢复。", want, want),
		Rollback:   say("Back to 0, unless somebody has changed it since.", "恢复为 0（若期间被他人修改则不回退）。"),
		Prediction: b.world().predict(l.podSet(want)).Text(),
		Steps: []incident.Step{{
			Action: incident.RestoreReplicas, Target: l.target,
			Expect: map[string]string{"uid": string(l.GetUID()), "replicas": "0"}, Goal: map[string]string{"replicas": strconv.Itoa(want)},
		}},
	}
	if !known {
		s.When = join(s.When, say("How many it had is not known.", "原副本数未知。"))
	}
	return s, true
}
