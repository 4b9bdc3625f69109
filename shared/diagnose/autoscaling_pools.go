package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// conditionOf reads a condition of an object that is only known as a tree of fields.
func conditionOf(u *unstructured.Unstructured, kind string) (status, why string, at time.Time) {
	all, _, err := unstructured.NestedSlice(u.Object, "status", "conditions")
	if err != nil {
		return "", "", time.Time{}
	}
	for _, x := range all {
		c, _ := x.(map[string]any)
		if text(c["type"]) != kind {
			continue
		}
		when, err := time.Parse(time.RFC3339, text(c["lastTransitionTime"]))
		if err != nil {
			when = time.Time{}
		}
		return text(c["status"]), strings.TrimSpace(text(c["reason"]) + " " + text(c["message"])), when
	}
	return "", "", time.Time{}
}

// poolWords are the states in which CCE says that a pool cannot grow.
var poolWords = map[string]incident.Reason{
	"soldout": incident.NodePoolSoldOut, "quotainsufficient": incident.NodePoolQuotaInsufficient, "resourceinsufficient": incident.NodePoolSoldOut,
	"configurationinvalid": incident.NodePoolConfigInvalid, "subnetipinsufficient": incident.SubnetIPExhausted,
}

// pools looks at node pools that cannot give what waiting pods need. A pool at its maximum that nobody asks for more is at rest.
func (g *gather) pools() {
	v := g.v
	waiting := v.waitingForRoom()
	for _, p := range v.Objects.NodePools {
		t := incident.Target{Kind: "NodePool", Name: p.Name}
		for _, c := range p.Conditions {
			r, ok := poolWords[strings.ToLower(c.Type)]
			if !ok || !strings.EqualFold(c.Status, "true") || len(waiting) == 0 && p.Desired <= p.Active {
				continue
			}
			g.pool(r, t, p, waiting).object(t, "conditions[%s]: %s %s %s", c.Type, c.Status, c.Reason, quote(c.Message))
		}
		if len(waiting) == 0 {
			continue
		}
		switch {
		case p.Autoscaling && p.Max > 0 && p.Desired >= p.Max:
			g.pool(incident.NodePoolMaxReached, t, p, waiting).weigh(0.85)
		case !p.Autoscaling && len(v.Objects.NodePools) == 1:
			g.pool(incident.AutoscalerPoolDisabled, t, p, waiting).weigh(0.6)
		}
	}
	g.poolEvents()
}

func (g *gather) pool(r incident.Reason, t incident.Target, p observe.NodePool, waiting []*workload) *draft {
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNodePool, p.Name).number(FactMax, int64(p.Max)).
			object(t, "desired %d, active %d, min %d, max %d, autoscaling %t", p.Desired, p.Active, p.Min, p.Max, p.Autoscaling)
		for _, w := range waiting {
			d.affects(w.target)
		}
	}
	return d
}

// waitingForRoom are the workloads whose pods wait for CPU, memory or pod slots.
func (v *view) waitingForRoom() []*workload {
	var out []*workload
	for _, w := range v.workloads {
		for _, p := range w.live() {
			c := condition(p, corev1.PodScheduled)
			if p.Spec.NodeName != "" || c == nil || c.Status != corev1.ConditionFalse {
				continue
			}
			if strings.Contains(c.Message, "Insufficient") || strings.Contains(c.Message, "Too many pods") {
				out = append(out, w)
				break
			}
		}
	}
	return out
}

var poolNotices = map[string]incident.Reason{
	"NodePoolSoldOut": incident.NodePoolSoldOut, "ScaleUpTimedOut": incident.ScaleUpTimedOut, "NodeGroupInBackOff": incident.NodeGroupBackoff,
	"FixNodeGroupSizeError": incident.ScaleUpTimedOut, "DeleteUnregisteredFailed": incident.UnregisteredNodeCleanupFailed,
	"FailedToScaleUpGroup": incident.NodePoolSoldOut, "ScaleUpFailed": incident.NodePoolSoldOut,
}

// scaleUpWords tell why a pool could not grow.
var scaleUpWords = []struct {
	word   string
	reason incident.Reason
}{
	{"quota", incident.NodePoolQuotaInsufficient},
	{"sold", incident.NodePoolSoldOut},
	{"insufficient resource", incident.NodePoolSoldOut},
	{"servergroup", incident.NodePoolConfigInvalid},
	{"server group", incident.NodePoolConfigInvalid},
	{"keypair", incident.NodePoolConfigInvalid},
	{"key pair", incident.NodePoolConfigInvalid},
	{"subnet", incident.SubnetIPExhausted},
	{"403", incident.AgencyPermissionDenied},
	{"401", incident.AgencyPermissionDenied},
}

// poolEvents are what the cluster autoscaler says about a pool.
func (g *gather) poolEvents() {
	v := g.v
	for _, e := range v.Objects.Events {
		r, ok := poolNotices[e.Reason]
		if !ok || !v.happened(e, time.Hour) {
			continue
		}
		low := strings.ToLower(e.Message)
		for _, x := range scaleUpWords {
			if e.Reason != "NodeGroupInBackOff" && e.Reason != "DeleteUnregisteredFailed" && strings.Contains(low, x.word) {
				r = x.reason
				break
			}
		}
		n := e.InvolvedObject.Name
		for _, p := range v.Objects.NodePools {
			if strings.Contains(e.Message, p.Name) || p.ID != "" && strings.Contains(e.Message, p.ID) {
				n = p.Name
			}
		}
		t := incident.Target{Kind: "NodePool", Name: n}
		if incident.Info(r).Kind == "Cluster" {
			t = v.clusterTarget()
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNodePool, n)
		}
		if !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
}

// scaleUps are pods for which the autoscaler found no pool that helps.
func (g *gather) scaleUps() {
	v := g.v
	for _, w := range v.workloads {
		for _, p := range w.live() {
			if p.Spec.NodeName != "" {
				continue
			}
			e := v.lastEvent(podTarget(p), v.ago(time.Hour), "NotTriggerScaleUp")
			if e == nil {
				continue
			}
			d, fresh := g.on(incident.ScaleUpNotHelpful, w.target)
			if fresh {
				d.say(fmt.Sprintf("no node pool could host the pods of %s", w.target), fmt.Sprintf("没有节点池能容纳 %s 的 Pod", w.target)).weigh(0.8)
			}
			d.affectsPods(p).since(observe.FirstSeen(e))
			if !d.wordy() {
				d.event(e)
			}
		}
	}
}
