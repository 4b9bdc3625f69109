package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// examineAutoscaling is the autoscaling-failure-diagnoser.
func examineAutoscaling(v *view) []incident.Finding {
	g := v.gather()
	for _, h := range v.Objects.HPAs {
		g.hpa(h)
		g.scalerAtRest(h)
	}
	g.metricsAPI()
	g.cronScalers()
	g.pools()
	g.scaleUps()
	g.autoscalerState()
	return g.done()
}

func scaling(h *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for i := range h.Status.Conditions {
		if h.Status.Conditions[i].Type == kind {
			return &h.Status.Conditions[i]
		}
	}
	return nil
}

var missingRequest = regexp.MustCompile(`(?i)missing request for (\S+)`)

// hpa says why an autoscaler does not do its work. One at its minimum with low load, and one whose target was scaled to zero, rest.
func (g *gather) hpa(h *autoscalingv2.HorizontalPodAutoscaler) {
	v := g.v
	t := target("HorizontalPodAutoscaler", h)
	ref := incident.Target{Kind: h.Spec.ScaleTargetRef.Kind, Namespace: h.Namespace, Name: h.Spec.ScaleTargetRef.Name}
	w := v.byTarget[ref]
	begin := func(r incident.Reason, c *autoscalingv2.HorizontalPodAutoscalerCondition) *draft {
		i := incident.Info(r)
		d, fresh := g.on(r, t)
		if fresh {
			d.say(fmt.Sprintf("%s of %s: %s", t, ref.Name, i.Title.EN), fmt.Sprintf("%s（%s）：%s", t, ref.Name, i.Title.ZH)).affects(ref).
				fact(FactHPA, h.Name).number(FactMax, int64(h.Spec.MaxReplicas)).number(FactMin, int64(countOr(h.Spec.MinReplicas, 1))).number(FactReplicas, int64(h.Status.CurrentReplicas)).
				fact(FactWorkload, ref.Kind+"/"+ref.Name)
		}
		if c != nil {
			d.object(t, "conditions[%s]: %s %s: %s", c.Type, c.Status, c.Reason, quote(c.Message)).since(c.LastTransitionTime.Time)
		}
		return d
	}
	if c := scaling(h, autoscalingv2.AbleToScale); c != nil && c.Status == corev1.ConditionFalse {
		r := incident.HPAScaleBlocked
		if c.Reason == "FailedGetScale" {
			r = incident.HPATargetNotFound
		}
		if r != incident.HPAScaleBlocked || c.Reason == "FailedUpdateScale" {
			begin(r, c).event(v.lastEvent(t, v.ago(2*time.Hour), "FailedGetScale", "FailedRescale", "FailedUpdateScale"))
			return
		}
	}
	if w == nil && knownKind(ref.Kind) && v.sawAny(ref.Kind, h.Namespace) {
		begin(incident.HPATargetNotFound, nil).object(t, "spec.scaleTargetRef: %s %s; no such object", ref.Kind, ref.Name)
		return
	}
	if c := scaling(h, autoscalingv2.ScalingActive); c != nil && c.Status == corev1.ConditionFalse && c.Reason != "ScalingDisabled" {
		g.inactive(h, c, w, begin)
		return
	}
	g.atMaximum(h, w, begin)
}

func knownKind(k string) bool { return k == "Deployment" || k == "StatefulSet" || k == "ReplicaSet" }

// sawAny says whether objects of a kind were read in a namespace, so that the lack of one means something.
func (v *view) sawAny(kind, namespace string) bool {
	for _, w := range v.inSpace[namespace] {
		if w.target.Kind == kind && w.object != nil {
			return true
		}
	}
	return false
}

func (g *gather) inactive(h *autoscalingv2.HorizontalPodAutoscaler, c *autoscalingv2.HorizontalPodAutoscalerCondition, w *workload,
	begin func(incident.Reason, *autoscalingv2.HorizontalPodAutoscalerCondition) *draft,
) {
	v := g.v
	t := target("HorizontalPodAutoscaler", h)
	said := v.lastEvent(t, v.ago(2*time.Hour), "FailedGetResourceMetric", "FailedGetContainerResourceMetric", "FailedGetPodsMetric", "FailedGetObjectMetric", "FailedGetExternalMetric", "FailedComputeMetricsReplicas", "InvalidSelector", "InvalidTargetRange")
	text := c.Reason + " " + c.Message
	if said != nil {
		text += " " + said.Reason + " " + said.Message
	}
	r := incident.HPAMetricsMissing
	switch {
	case missingRequest.MatchString(text):
		r = incident.HPARequestsMissing
	case c.Reason == "InvalidSelector" || strings.Contains(text, "selector is required") || strings.Contains(text, "no pods"):
		r = incident.HPASelectorMismatch
	case strings.Contains(text, "InvalidTargetRange"):
		r = incident.HPAInvalidTarget
	case v.lacksRequests(w, h) && c.Reason == "FailedGetResourceMetric" && !strings.Contains(text, "unable to fetch metrics") && !strings.Contains(text, "could not find the requested resource"):
		r = incident.HPARequestsMissing
	}
	if r == incident.HPAMetricsMissing && w != nil && (w.readyCount() == 0 || v.onlyYoung(w)) {
		return // nothing to measure: the pods' own cause says why
	}
	d := begin(r, c).event(said)
	if r != incident.HPARequestsMissing || w == nil {
		return
	}
	for _, x := range w.containers() {
		q, ok := x.Resources.Requests[corev1.ResourceCPU]
		if !ok {
			d.object(w.target, "containers[%s].resources.requests.cpu: none", x.Name).fact(FactContainer, x.Name)
		} else if !d.wordy() {
			d.object(w.target, "containers[%s].resources.requests.cpu: %s", x.Name, q.String())
		}
	}
}

// lacksRequests says whether a container of the target has no request for the resource that the HPA measures in per cent.
func (v *view) lacksRequests(w *workload, h *autoscalingv2.HorizontalPodAutoscaler) bool {
	if w == nil {
		return false
	}
	for _, m := range h.Spec.Metrics {
		if m.Resource == nil || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		for _, c := range w.containers() {
			_, request := c.Resources.Requests[m.Resource.Name]
			_, limit := c.Resources.Limits[m.Resource.Name]
			if !request && !limit {
				return true
			}
		}
	}
	return false
}

// atMaximum is an HPA that wants more replicas than it may have.
func (g *gather) atMaximum(h *autoscalingv2.HorizontalPodAutoscaler, w *workload, begin func(incident.Reason, *autoscalingv2.HorizontalPodAutoscalerCondition) *draft) {
	v := g.v
	t := target("HorizontalPodAutoscaler", h)
	c := scaling(h, autoscalingv2.ScalingLimited)
	limited := c != nil && c.Status == corev1.ConditionTrue && c.Reason == "TooManyReplicas"
	if !limited && !(h.Status.CurrentReplicas >= h.Spec.MaxReplicas && w != nil && v.hot(w)) || h.Status.CurrentReplicas < h.Spec.MaxReplicas {
		return
	}
	above, text := aboveTarget(h)
	if !above && !(w != nil && v.hot(w)) && !v.asked(t) {
		return
	}
	if !limited {
		c = nil
	}
	d := begin(incident.HPAMaxReached, c).weigh(0.85).object(t, "status.currentReplicas %d = spec.maxReplicas %d%s", h.Status.CurrentReplicas, h.Spec.MaxReplicas, orNothing("; ", text))
	if w != nil {
		if s, level, ok := v.highest("container_cpu_limit_ratio", w); ok && level >= cpuHigh {
			d.metric(w.target, v.At, "container_cpu_limit_ratio %.2f", level).since(heldSince(s, cpuHigh))
		}
	}
}

// aboveTarget says whether a measured value is above the wanted one by more than the tolerance of 10 %.
func aboveTarget(h *autoscalingv2.HorizontalPodAutoscaler) (bool, string) {
	for _, m := range h.Spec.Metrics {
		if m.Resource == nil || m.Resource.Target.AverageUtilization == nil {
			continue
		}
		for _, s := range h.Status.CurrentMetrics {
			if s.Resource == nil || s.Resource.Name != m.Resource.Name || s.Resource.Current.AverageUtilization == nil {
				continue
			}
			now, want := *s.Resource.Current.AverageUtilization, *m.Resource.Target.AverageUtilization
			if 10*now > 11*want {
				return true, fmt.Sprintf("%s at %d %%, target %d %%", m.Resource.Name, now, want)
			}
		}
	}
	return false, ""
}

// metricsAPI looks at the aggregated API that autoscalers and kubectl top read, and at other aggregated ones.
func (g *gather) metricsAPI() {
	for _, u := range g.v.Objects.Other {
		if u.GetKind() != "APIService" {
			continue
		}
		ok, reason, at := conditionOf(u, "Available")
		if ok != "False" {
			continue
		}
		r := incident.ApiServiceUnavailable
		if strings.Contains(u.GetName(), "metrics.k8s.io") {
			r = incident.MetricsServerUnavailable
		}
		t := incident.Target{Kind: "APIService", Name: u.GetName()}
		d, _ := g.on(r, t)
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH)).object(t, "conditions[Available]: False %s", quote(reason)).since(at)
		for _, w := range g.v.inSpace["kube-system"] {
			if strings.Contains(w.target.Name, "metrics-server") && r == incident.MetricsServerUnavailable {
				d.affects(w.target)
				if w.readyCount() == 0 {
					d.object(w.target, "0 ready pods")
				}
			}
		}
	}
}

// cronScalers are CCE's own scalers, which are custom resources: their events tell.
func (g *gather) cronScalers() {
	for _, e := range g.v.Objects.Events {
		r := incident.Reason("")
		switch e.InvolvedObject.Kind {
		case "CronHorizontalPodAutoscaler":
			switch e.Reason {
			case "ScaleFailed", "FailedGetHorizontalPodAutoscaler", "FailedGetHpaScale", "UpdateHPAFailed":
				r = incident.CronHPAFailed
			}
		case "CustomedHorizontalPodAutoscaler":
			switch e.Reason {
			case "FailedSetPolicySettings", "FailedSubmitRule", "FailedComputeReplicas", "FailedScale":
				r = incident.CustomedHPAFailed
			}
		}
		if r == "" || !g.v.happened(e, 2*time.Hour) {
			continue
		}
		d, fresh := g.on(r, involved(e))
		if fresh {
			i := incident.Info(r)
			d.say(fmt.Sprintf("%s: %s", involved(e), i.Title.EN), fmt.Sprintf("%s：%s", involved(e), i.Title.ZH))
		}
		if !d.wordy() {
			d.event(e).since(observe.FirstSeen(e))
		}
	}
}
