package diagnose

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// alarmName is what a person may call an alarm: its name, else whatever it carries that is one.
func alarmName(a alarm.Alarm) string {
	for _, n := range []string{a.Name, a.TitleZH, a.Rule.Name, a.Labels["alertname"], a.Labels["metricName"], a.Labels["metric_name"]} {
		if n = quoteTo(n, 120); n != "" {
			return n
		}
	}
	return "without a name"
}

// objectNotices are events that say what is wrong with the object they are about, where no field of it does. They speak of the last
// hour only.
var objectNotices = map[string]incident.Reason{
	"SelectorOverlap": incident.SelectorOverlap, "SelectingAll": incident.DaemonSetSelectsAll,
	"DeploymentRollbackRevisionNotFound": incident.RollbackRevisionMissing, "ProvisioningCleanupFailed": incident.ProvisionCleanupFailed,
	"FailedPreStopHook": incident.PreStopHookFailed, "FailedUnMount": incident.VolumeUnmountFailed, "FailedUnmount": incident.VolumeUnmountFailed,
	"TearDownAtVolumeFailed": incident.VolumeUnmountFailed, "UnmountDeviceFailed": incident.VolumeUnmountFailed,
}

// notices reads the events of objectNotices.
func (g *gather) notices() {
	v := g.v
	for _, e := range v.Objects.Events {
		r, ok := objectNotices[e.Reason]
		if !ok || !v.happened(e, time.Hour) {
			continue
		}
		t := involved(e)
		if p := v.idx.Pod(t.Namespace, t.Name); t.Kind == "Pod" && p != nil {
			t = v.owner[p].target
			if incident.Info(r).Kind == "Node" && p.Spec.NodeName != "" {
				t = nodeTarget(p.Spec.NodeName)
			}
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH))
		}
		if !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
}

// stuckNamespaces are namespaces that cannot be deleted; their conditions say why.
func (g *gather) stuckNamespaces() {
	for _, n := range g.v.Objects.Namespaces {
		if n.DeletionTimestamp == nil || g.v.age(n.DeletionTimestamp.Time) < 5*time.Minute {
			continue
		}
		for _, c := range n.Status.Conditions {
			if c.Status != corev1.ConditionTrue {
				continue
			}
			t := incident.Target{Kind: "Namespace", Name: n.Name}
			d, _ := g.on(incident.NamespaceStuckTerminating, t)
			d.say(fmt.Sprintf("%s cannot be deleted: %s", t, quoteTo(c.Message, 120)), fmt.Sprintf("%s 无法删除：%s", t, quoteTo(c.Message, 120))).
				object(t, "conditions[%s]: True %s %s", c.Type, c.Reason, quote(c.Message)).since(n.DeletionTimestamp.Time)
		}
	}
}
