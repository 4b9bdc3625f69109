package diagnose

import (
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

var (
	etcdWords    = regexp.MustCompile(`(?i)mvcc: database space exceeded|etcdserver: (request timed out|too many requests|no leader|leader changed)|etcdserver: .*NOSPACE|apply request took too long`)
	refusedWords = regexp.MustCompile(`(?i)Too Many Requests|the server has received too many requests|apiserver is shutting down`)
	monitorWord  = regexp.MustCompile(`(?i)prometheus|cie-collector|kube-state-metrics|node-exporter|node-problem-detector|\bnpd\b|log-agent|otel-collector|victoria-?metrics`)
)

// pressure is what clients of the API server report of the store behind it: etcd that is full or late, an API server that refuses.
func (g *gather) pressure() {
	v := g.v
	cite := func(r incident.Reason) *draft {
		d, fresh := g.on(r, v.clusterTarget())
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", v.clusterTarget(), i.Title.EN), fmt.Sprintf("%s：%s", v.clusterTarget(), i.Title.ZH)).weigh(0.9)
		}
		return d
	}
	full, late := []*corev1.Event{}, []*corev1.Event{}
	for _, e := range v.Objects.Events {
		if !v.happened(e, time.Hour) {
			continue
		}
		switch {
		case etcdWords.MatchString(e.Message):
			full = append(full, e)
		case refusedWords.MatchString(e.Message):
			late = append(late, e)
		}
	}
	if len(full) > 0 {
		for i, e := range full {
			if i < 3 {
				cite(incident.EtcdPressure).event(e).since(observe.FirstSeen(e))
			}
		}
		if len(full) > 1 {
			cite(incident.EtcdPressure).object(v.clusterTarget(), "%d objects meet it within the hour", len(full))
		}
	}
	if len(late) >= 2 {
		for i, e := range late {
			if i < 3 {
				cite(incident.MasterOverloaded).event(e).since(observe.FirstSeen(e))
			}
		}
	}
	for _, w := range v.workloads {
		for _, s := range v.signsOf(w) {
			if etcdWords.MatchString(s.line) {
				if d := cite(incident.EtcdPressure); !d.wordy() {
					d.line(s.pod, s.container, s.line)
				}
			}
		}
	}
}

// strangers are nodes that CCE has an alarm about and the cluster does not hold.
func (g *gather) strangers() {
	v := g.v
	for _, a := range v.Alarms {
		e, ok := a.Entry()
		if !ok || !a.Active() || len(e.Reasons) == 0 || e.Class != alarm.NodeDown || a.Object.Name == "" || a.Object.Kind != "Node" && a.Object.Kind != "" {
			continue
		}
		r := incident.Reason(e.Reasons[0])
		if r != incident.NodeMissingInKubernetes && r != incident.NodeEcsDeleted || len(v.Objects.Nodes) == 0 || v.unreadable("nodes") {
			continue
		}
		n := v.idx.Node(a.Object.Name)
		t := nodeTarget(a.Object.Name)
		if r == incident.NodeMissingInKubernetes && n != nil || r == incident.NodeEcsDeleted && n != nil && nodeReady(n) == corev1.ConditionTrue {
			continue
		}
		d, fresh := g.on(r, t)
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).fact(FactNode, t.Name)
			if n == nil {
				d.object(v.clusterTarget(), "no node of this name among its %d nodes", len(v.Objects.Nodes))
			} else {
				g.podsOf(d, n)
				d.object(t, "conditions[Ready]: %s", nodeReady(n))
			}
		}
		d.since(a.FiredAt).add(incident.FromAlarm, a.FiredAt, t, "alarm %s (%s): %s", alarmName(a), a.Severity, quote(a.Message))
	}
}

// blindSpots are parts of the monitoring that do not run: what they would show is unknown, not fine.
func (g *gather) blindSpots() {
	v := g.v
	for _, w := range v.workloads {
		if !system(w.target.Namespace) || !monitorWord.MatchString(w.target.Name) || w.isJob() || w.desired <= 0 || w.readyCount() > 0 || v.onlyYoung(w) {
			continue
		}
		d, _ := g.on(incident.MonitoringGap, v.clusterTarget())
		d.say("part of the monitoring does not run, so what it watches is unknown", "部分监控组件未运行，相关状态未知").object(w.target, "ready 0 of %d", w.desired).affects(w.target)
	}
}
