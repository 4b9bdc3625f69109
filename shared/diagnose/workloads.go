package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineWorkloads is the workload-failure-diagnoser.
func examineWorkloads(v *view) []incident.Finding {
	g := v.gather()
	for _, w := range v.workloads {
		g.refused(w)
		g.rollout(w)
		g.zero(w)
		g.schedulePods(w)
		g.job(w)
		g.heldByInit(w)
		g.daemons(w)
		g.ordinals(w)
		g.flappingReadiness(w)
		g.shortOfReplicas(w)
		g.atRest(w)
		g.stuckPending(w)
	}
	g.cronJobs()
	g.quotas()
	g.disruptionBudgets()
	g.notices()
	g.stuckNamespaces()
	return g.done()
}

// refusalWords tell why the API server refuses to create pods; the first that fits decides.
var refusalWords = []struct {
	re     *regexp.Regexp
	reason incident.Reason
}{
	{regexp.MustCompile(`(?i)failed calling webhook|failed to call webhook`), incident.AdmissionWebhookUnavailable},
	{regexp.MustCompile(`(?i)admission webhook "[^"]*" denied`), incident.AdmissionWebhookDenied},
	{regexp.MustCompile(`(?i)violates PodSecurity|unable to validate against any (pod security policy|security context constraint)`), incident.PodSecurityViolation},
	{regexp.MustCompile(`(?i)must specify (limits|requests|cpu|memory)`), incident.QuotaRequiresRequestsLimits},
	{regexp.MustCompile(`(?i)exceeded quota`), incident.ResourceQuotaExceeded},
	{regexp.MustCompile(`(?i)(maximum|minimum) (cpu|memory|ephemeral-storage|storage) usage per|LimitRange|limit to request ratio`), incident.LimitRangeViolation},
	{regexp.MustCompile(`(?i)serviceaccount "[^"]*" not found|error looking up service account`), incident.ServiceAccountMissing},
	{regexp.MustCompile(`(?i)no PriorityClass with name`), incident.PriorityClassMissing},
}

// refused looks at why a controller cannot create the pods it wants.
func (g *gather) refused(w *workload) {
	e, message, about := g.v.refusal(w)
	if message == "" {
		g.missingAccount(w)
		return
	}
	r := incident.ReplicaSetCreateBlocked
	for _, x := range refusalWords {
		if x.re.MatchString(message) {
			r = x.reason
			break
		}
	}
	if r == incident.ResourceQuotaExceeded {
		g.overQuota(w, e, message, about)
		return
	}
	target := w.target
	if r == incident.AdmissionWebhookUnavailable {
		target = g.v.webhookOf(firstQuoted(message))
	}
	d, fresh := g.on(r, target)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s cannot create pods: %s", w.target, i.Title.EN), fmt.Sprintf("%s 无法创建 Pod：%s", w.target, i.Title.ZH))
		if r == incident.ServiceAccountMissing && w.template != nil {
			d.fact(FactObjectName, w.template.Spec.ServiceAccountName)
		}
	}
	d.affects(w.target)
	g.quoteRefusal(d, w, e, message, about)
}

func (g *gather) quoteRefusal(d *draft, w *workload, e *corev1.Event, message string, about incident.Target) {
	if e != nil {
		d.since(observe.FirstSeen(e))
	}
	if d.wordy() {
		return
	}
	d.event(e)
	if e == nil {
		d.object(about, "conditions[ReplicaFailure]: %s", quote(message))
	}
	if w.desired >= 0 {
		d.object(w.target, "spec.replicas %d, pods that exist %d, ready %d", w.desired, len(w.live()), w.readyCount())
	}
}

var quotedName = regexp.MustCompile(`"([^"]*)"`)

func firstQuoted(s string) string {
	if m := quotedName.FindStringSubmatch(s); m != nil {
		return quoteTo(m[1], 120)
	}
	return ""
}

// refusal is the newest refusal that still holds: an event of the controller, or the condition of its ReplicaSet. A workload that
// has all its pods is not refused any more.
func (v *view) refusal(w *workload) (*corev1.Event, string, incident.Target) {
	if w.desired >= 0 && len(w.live()) >= w.desired && w.target.Kind != "Job" && !v.surging(w) {
		return nil, "", incident.Target{}
	}
	if j := jobOf(w); j != nil && jobDone(j) {
		return nil, "", incident.Target{}
	}
	about := []incident.Target{w.target}
	if s := w.currentSet(); s != nil {
		about = append(about, incident.Target{Kind: "ReplicaSet", Namespace: s.Namespace, Name: s.Name})
	}
	for _, t := range about {
		if e := v.lastEvent(t, v.ago(2*time.Hour), "FailedCreate", "ReplicaSetCreateError"); e != nil {
			return e, e.Message, t
		}
	}
	if w.currentSet() == nil && w.target.Kind == "Deployment" {
		if e := v.setRefusal(w); e != nil {
			return e, e.Message, involved(e)
		}
	}
	if s := w.currentSet(); s != nil {
		for _, c := range s.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				return nil, c.Message, about[len(about)-1]
			}
		}
	}
	if d, ok := w.object.(*appsv1.Deployment); ok {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return nil, c.Message, w.target
			}
		}
	}
	return nil, "", incident.Target{}
}

// setRefusal is a refusal of a ReplicaSet that is known only by its name: the Deployment's, a dash, and a hash.
func (v *view) setRefusal(w *workload) *corev1.Event {
	for i := len(v.Objects.Events) - 1; i >= 0; i-- {
		e := v.Objects.Events[i]
		rest, ok := strings.CutPrefix(e.InvolvedObject.Name, w.target.Name+"-")
		if ok && !strings.Contains(rest, "-") && e.Reason == "FailedCreate" && e.InvolvedObject.Kind == "ReplicaSet" &&
			e.InvolvedObject.Namespace == w.target.Namespace && v.happened(e, 2*time.Hour) {
			return e
		}
	}
	return nil
}

// surging says whether the newest ReplicaSet lacks pods while an older one still serves.
func (v *view) surging(w *workload) bool {
	s := w.currentSet()
	return s != nil && s.Spec.Replicas != nil && s.Status.Replicas < *s.Spec.Replicas
}

// missingAccount is the service account that the template names and nobody made, where no refusal was seen.
func (g *gather) missingAccount(w *workload) {
	if w.template == nil || len(g.v.Objects.ServiceAccounts) == 0 || w.desired <= len(w.live()) {
		return
	}
	n := w.template.Spec.ServiceAccountName
	if n == "" || n == "default" || slices.ContainsFunc(g.v.Objects.ServiceAccounts, func(a *corev1.ServiceAccount) bool {
		return a.Namespace == w.target.Namespace && a.Name == n
	}) {
		return
	}
	d, _ := g.on(incident.ServiceAccountMissing, w.target)
	d.say(fmt.Sprintf("%s names service account %s, which does not exist", w.target, n), fmt.Sprintf("%s 引用的 ServiceAccount %s 不存在", w.target, n)).
		object(w.target, "spec.template.spec.serviceAccountName: %s; no such ServiceAccount in namespace %s", n, w.target.Namespace).
		object(w.target, "spec.replicas %d, pods that exist %d", w.desired, len(w.live())).fact(FactObjectName, n).affects(w.target)
}

// rollout looks at a Deployment's progress.
func (g *gather) rollout(w *workload) {
	d, ok := w.object.(*appsv1.Deployment)
	if !ok {
		return
	}
	if d.Status.ObservedGeneration > 0 && d.Status.ObservedGeneration < d.Generation && g.v.quiet(d, time.Minute) {
		f, _ := g.on(incident.ControlPlaneNotObserved, w.target)
		f.say(fmt.Sprintf("the controllers have not processed the latest change of %s", w.target), fmt.Sprintf("控制器尚未处理 %s 的最新变更", w.target)).
			object(w.target, "status.observedGeneration %d < metadata.generation %d", d.Status.ObservedGeneration, d.Generation).weigh(0.7).affects(w.target)
	}
	if d.Spec.Paused && d.Status.UpdatedReplicas < d.Status.Replicas {
		f, _ := g.on(incident.RolloutPaused, w.target)
		f.say(fmt.Sprintf("the rollout of %s is paused with a change pending", w.target), fmt.Sprintf("%s 的滚动升级已暂停，变更未完成", w.target)).
			object(w.target, "spec.paused true, updatedReplicas %d of %d", d.Status.UpdatedReplicas, d.Status.Replicas).affects(w.target)
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded" {
			f, _ := g.on(incident.RolloutTimeout, w.target)
			f.say(fmt.Sprintf("the rollout of %s exceeded its deadline", w.target), fmt.Sprintf("%s 滚动升级超时", w.target)).
				object(w.target, "conditions[Progressing]: False ProgressDeadlineExceeded, updated %d, available %d of %d",
					d.Status.UpdatedReplicas, d.Status.AvailableReplicas, count(d.Spec.Replicas)).since(c.LastTransitionTime.Time).affects(w.target).affectsPods(unreadyOf(w)...)
			g.heldByStrategy(w, d)
		}
	}
}

// heldByStrategy is a rollout that cannot take a step although nothing else stops it: no surge allowed, no pod may go.
func (g *gather) heldByStrategy(w *workload, d *appsv1.Deployment) {
	u := d.Spec.Strategy.RollingUpdate
	if u == nil || u.MaxSurge == nil || u.MaxUnavailable == nil || u.MaxSurge.IntValue() != 0 || u.MaxUnavailable.IntValue() != 0 {
		return
	}
	if u.MaxSurge.String() != "0" && u.MaxSurge.String() != "0%" || u.MaxUnavailable.String() != "0" && u.MaxUnavailable.String() != "0%" {
		return
	}
	f, _ := g.on(incident.RolloutHeldByStrategy, w.target)
	f.say(fmt.Sprintf("the update strategy of %s leaves no room", w.target), fmt.Sprintf("%s 的升级策略没有余量", w.target)).
		object(w.target, "spec.strategy.rollingUpdate: maxSurge %s, maxUnavailable %s", u.MaxSurge, u.MaxUnavailable).affects(w.target)
}

// quiet says whether a Deployment's last known change is older than the span.
func (v *view) quiet(d *appsv1.Deployment, span time.Duration) bool {
	last := d.CreationTimestamp.Time
	for _, c := range d.Status.Conditions {
		if c.LastUpdateTime.After(last) {
			last = c.LastUpdateTime.Time
		}
	}
	for _, c := range v.Changes {
		if c.Target.Same(incident.Target{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name}) && c.At.After(last) {
			last = c.At
		}
	}
	return !v.recent(last, span)
}

// ordinals is a StatefulSet whose first unready pod keeps the following from being made.
func (g *gather) ordinals(w *workload) {
	s, ok := w.object.(*appsv1.StatefulSet)
	if !ok || s.Spec.PodManagementPolicy == appsv1.ParallelPodManagement || len(w.live()) >= w.desired {
		return
	}
	for _, p := range unreadyOf(w) {
		if g.v.age(p.CreationTimestamp.Time) < 3*time.Minute {
			continue
		}
		f, _ := g.on(incident.StatefulSetOrdinalBlocked, w.target)
		f.say(fmt.Sprintf("pod %s of %s is not ready and holds back %d more", p.Name, w.target, w.desired-len(w.live())),
			fmt.Sprintf("%s 的 Pod %s 未就绪，阻塞后续 %d 个", w.target, p.Name, w.desired-len(w.live()))).
			object(w.target, "podManagementPolicy OrderedReady: %d of %d pods exist, %s is not ready", len(w.live()), w.desired, p.Name).
			affectsPods(p).affects(w.target).since(p.CreationTimestamp.Time)
		return
	}
}

// daemons is a DaemonSet that does not cover its nodes, with nothing known of the pods it lacks.
func (g *gather) daemons(w *workload) {
	d, ok := w.object.(*appsv1.DaemonSet)
	if !ok || d.Status.NumberUnavailable == 0 && d.Status.CurrentNumberScheduled >= d.Status.DesiredNumberScheduled {
		return
	}
	if len(unreadyOf(w)) > 0 || d.Status.CurrentNumberScheduled >= d.Status.DesiredNumberScheduled {
		return
	}
	f, _ := g.on(incident.DaemonSetNodeUncovered, w.target)
	f.say(fmt.Sprintf("%s runs on %d of %d nodes", w.target, d.Status.CurrentNumberScheduled, d.Status.DesiredNumberScheduled),
		fmt.Sprintf("%s 仅运行在 %d/%d 个节点", w.target, d.Status.CurrentNumberScheduled, d.Status.DesiredNumberScheduled)).
		object(w.target, "status.desiredNumberScheduled %d, currentNumberScheduled %d", d.Status.DesiredNumberScheduled, d.Status.CurrentNumberScheduled).weigh(0.7)
}

// shortOfReplicas is the symptom of a workload that has fewer ready pods than it wants. A rollout in progress is none.
func (g *gather) shortOfReplicas(w *workload) {
	if w.desired <= 0 || w.isJob() || w.target.Kind == "Pod" || w.readyCount() >= w.desired || g.any(w.target) {
		return
	}
	if len(w.live()) < w.desired && slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil && g.v.age(p.DeletionTimestamp.Time) < 2*time.Minute
	}) {
		return // a pod is being replaced
	}
	var since time.Time
	for _, p := range w.live() {
		c := condition(p, corev1.PodReady)
		if podReady(p) || c == nil {
			continue
		}
		if g.v.age(c.LastTransitionTime.Time) < g.v.grace(p) && g.v.age(p.CreationTimestamp.Time) < 10*time.Minute {
			return // still starting
		}
		if since.IsZero() || c.LastTransitionTime.Time.Before(since) {
			since = c.LastTransitionTime.Time
		}
	}
	if d, ok := w.object.(*appsv1.Deployment); ok {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionFalse {
				since = c.LastTransitionTime.Time
			}
			if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionTrue && c.Reason == "ReplicaSetUpdated" && g.v.recent(c.LastUpdateTime.Time, 2*time.Minute) {
				return
			}
		}
	}
	f, _ := g.on(incident.ReplicasUnavailable, w.target)
	f.say(fmt.Sprintf("%s has %d of %d replicas ready", w.target, w.readyCount(), w.desired), fmt.Sprintf("%s 就绪副本 %d/%d", w.target, w.readyCount(), w.desired)).
		object(w.target, "ready %d of spec.replicas %d", w.readyCount(), w.desired).affectsPods(unreadyOf(w)...).since(since).number(FactReplicas, int64(w.desired))
}

// asked says whether an active alarm, the scope or the question names an object.
func (v *view) asked(t incident.Target) bool {
	for _, a := range v.Alarms {
		if a.Active() && slices.Contains(v.alarmTargets(a), t) {
			return true
		}
	}
	return v.Scope.Name != "" && v.Scope.Name == t.Name && (v.Scope.Namespace == "" || v.Scope.Namespace == t.Namespace) || named(v.Question, t.Name)
}
