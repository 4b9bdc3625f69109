package diagnose

import (
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

func jobOf(w *workload) *batchv1.Job {
	j, _ := w.object.(*batchv1.Job)
	return j
}

// jobDone says whether a job came to a good end, however often it was tried.
func jobDone(j *batchv1.Job) bool {
	for _, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobSuccessCriteriaMet) && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return j.Status.CompletionTime != nil
}

// supersededJob says whether a later run of the same CronJob succeeded, or the failure is too old to speak of the present.
func (v *view) supersededJob(j *batchv1.Job) bool {
	c := metav1.GetControllerOf(j)
	if c == nil {
		return false
	}
	for _, o := range v.Objects.Jobs {
		oc := metav1.GetControllerOf(o)
		if oc != nil && oc.Name == c.Name && o.Namespace == j.Namespace && o.CreationTimestamp.After(j.CreationTimestamp.Time) && jobDone(o) {
			return true
		}
	}
	return false
}

// job says why a job failed as a whole.
func (g *gather) job(w *workload) {
	j := jobOf(w)
	if j == nil || jobDone(j) || g.v.supersededJob(j) {
		return
	}
	for _, c := range j.Status.Conditions {
		if c.Type != batchv1.JobFailed || c.Status != corev1.ConditionTrue || !g.v.recent(c.LastTransitionTime.Time, 24*time.Hour) {
			continue
		}
		r := incident.JobBackoffLimitExceeded
		if c.Reason == "DeadlineExceeded" {
			r = incident.JobDeadlineExceeded
		}
		d, _ := g.on(r, w.target)
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s", w.target, i.Title.EN), fmt.Sprintf("%s：%s", w.target, i.Title.ZH)).since(c.LastTransitionTime.Time).affects(w.target).
			object(w.target, "conditions[Failed]: %s %s; failed %d, succeeded %d, backoffLimit %d", c.Reason, quote(c.Message), j.Status.Failed, j.Status.Succeeded, countOr(j.Spec.BackoffLimit, 6)).
			event(g.v.lastEvent(w.target, g.v.ago(24*time.Hour), "BackoffLimitExceeded", "DeadlineExceeded"))
		if w.parent.Name != "" {
			d.affects(w.parent)
		}
	}
	if e := g.v.lastEvent(w.target, g.v.ago(time.Hour), "TooManyActivePods", "TooManySucceededPods"); e != nil {
		d, _ := g.on(incident.JobTooManyPods, w.target)
		d.say(fmt.Sprintf("%s has more pods than it should", w.target), fmt.Sprintf("%s 的 Pod 数超出预期", w.target)).event(e).since(observe.FirstSeen(e))
	}
}

func countOr(n *int32, other int32) int32 {
	if n == nil {
		return other
	}
	return *n
}

// cronJobs looks at schedules that do not run. One that is suspended rests by intent.
func (g *gather) cronJobs() {
	for _, c := range g.v.Objects.CronJobs {
		t := target("CronJob", c)
		if c.Spec.Suspend != nil && *c.Spec.Suspend {
			g.suspended(c)
			continue
		}
		if e := g.v.lastEvent(t, g.v.ago(2*time.Hour), "FailedNeedsStart", "TooManyMissedTimes", "MissSchedule"); e != nil && (e.Reason != "MissSchedule" || observe.Times(e) >= 3) {
			d, _ := g.on(incident.CronJobMissedStarts, t)
			d.say(fmt.Sprintf("%s missed too many starts", t), fmt.Sprintf("%s 错过的调度次数过多", t)).event(e).since(observe.FirstSeen(e))
			if c.Status.LastScheduleTime != nil {
				d.object(t, "status.lastScheduleTime: %s", c.Status.LastScheduleTime.UTC().Format(time.RFC3339))
			}
		}
		g.heldByFormerRun(c)
		if e := g.v.lastEvent(t, g.v.ago(2*time.Hour), "UnexpectedJob", "FailedGet", "FailedList"); e != nil {
			d, _ := g.on(incident.CronJobInconsistent, t)
			d.say(fmt.Sprintf("%s and its jobs disagree", t), fmt.Sprintf("%s 与其 Job 状态不一致", t)).event(e).since(observe.FirstSeen(e)).weigh(0.8)
		}
	}
}

// suspended is a schedule that somebody switched off: it rests by intent unless somebody asks for it, or it was switched off lately.
func (g *gather) suspended(c *batchv1.CronJob) {
	v, t := g.v, target("CronJob", c)
	change, changed := v.changeOf(t)
	if !v.asked(t) && !changed {
		return
	}
	d, _ := g.on(incident.CronJobSuspended, t)
	d.say(fmt.Sprintf("%s is suspended, so nothing runs at %q", t, quoteTo(c.Spec.Schedule, 40)), fmt.Sprintf("%s 已被暂停（schedule %s），不会触发", t, quoteTo(c.Spec.Schedule, 40))).object(t, "spec.suspend: true").weigh(0.95)
	if at := c.Status.LastScheduleTime; at != nil {
		d.object(t, "status.lastScheduleTime: %s", at.UTC().Format(time.RFC3339))
	}
	if changed {
		d.change(change, "%s %s%s: %s → %s", change.Verb, change.Target, byWhom(change), quote(change.Before), quote(change.After)).since(change.At)
	}
}

// disruptionBudgets looks at evictions that a budget refuses.
func (g *gather) disruptionBudgets() {
	for _, b := range g.v.Objects.PDBs {
		if b.Status.DisruptionsAllowed > 0 || b.Spec.Selector == nil {
			continue
		}
		e := g.v.refusedEviction(b)
		if e == nil {
			continue
		}
		t := target("PodDisruptionBudget", b)
		d, _ := g.on(incident.ApiEvictionBlockedByPDB, t)
		d.say(fmt.Sprintf("%s allows no disruption, so a drain cannot proceed", t), fmt.Sprintf("%s 不允许中断，排空无法继续", t)).event(e).since(observe.FirstSeen(e)).
			object(t, "status.disruptionsAllowed 0, currentHealthy %d, desiredHealthy %d", b.Status.CurrentHealthy, b.Status.DesiredHealthy)
	}
}

func (v *view) refusedEviction(b *policyv1.PodDisruptionBudget) *corev1.Event {
	sel, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	if err != nil {
		return nil
	}
	for _, e := range v.Objects.Events {
		if !strings.Contains(e.Message, "disruption budget") || !v.happened(e, time.Hour) {
			continue
		}
		p := v.idx.Pod(e.InvolvedObject.Namespace, e.InvolvedObject.Name)
		if p != nil && p.Namespace == b.Namespace && sel.Matches(labels.Set(p.Labels)) || strings.Contains(e.Message, b.Name) {
			return e
		}
	}
	return nil
}
