package diagnose

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// heldByFormerRun is a schedule that may not run beside itself, and whose former run does not end: its starts are passed over one after
// the other (the CronJob controller says JobAlreadyActive each time).
func (g *gather) heldByFormerRun(c *batchv1.CronJob) {
	v, t := g.v, target("CronJob", c)
	if c.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent || len(c.Status.Active) == 0 {
		return
	}
	e := v.lastEvent(t, v.ago(2*time.Hour), "JobAlreadyActive")
	if e == nil || observe.Times(e) < 3 {
		return
	}
	for _, j := range v.Objects.Jobs {
		if j.Namespace != c.Namespace || j.Name != c.Status.Active[0].Name || jobDone(j) || j.Status.StartTime == nil {
			continue
		}
		d, _ := g.on(incident.CronJobMissedStarts, t)
		d.say(fmt.Sprintf("%s passes over its starts: its run %s does not end", t, j.Name), fmt.Sprintf("%s 因上一次运行 %s 未结束而跳过调度", t, j.Name)).weigh(0.95).since(observe.FirstSeen(e)).event(e).
			object(t, "spec.concurrencyPolicy Forbid, status.active %s", j.Name).
			object(target("Job", j), "runs since %s (%s)", j.Status.StartTime.UTC().Format(time.RFC3339), spanEN(v.At.Sub(j.Status.StartTime.Time))).affects(target("Job", j))
	}
}
