package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// cloudMeters tell what ELB, EIP and NAT report of themselves, by the names that Cloud Eye gives its metrics (AOM shows them with a
// prefix of its own) and by the words of its alarm rules in both languages.
var cloudMeters = []struct {
	reason incident.Reason
	metric *regexp.Regexp
	alarm  *regexp.Regexp
	count  bool // the metric counts broken members; the others are shares of a capacity
}{
	{
		incident.ELBBackendUnhealthy, regexp.MustCompile(`(?i)(^|_)abnormal_servers$|m9_abnormal_servers|unhealthy_(host|member)s?(_count)?$`),
		regexp.MustCompile(`(?i)(elb|load ?balancer|负载均衡).*(unhealthy|abnormal|异常|不健康)|m9_abnormal_servers|(异常主机数|后端.*(异常|不健康)).*`), true,
	},
	{
		incident.ELBCapacitySaturated, regexp.MustCompile(`(?i)(^|_)l[47]_(con|ncps|qps|in_bps|out_bps)_usage$`),
		regexp.MustCompile(`(?i)(elb|load ?balancer|负载均衡).*(usage|utili[sz]ation|saturat|使用率|利用率)|l[47]_(con|ncps|qps|in_bps|out_bps)_usage`), false,
	},
	{
		incident.EIPBandwidthSaturated, regexp.MustCompile(`(?i)(^|_)(up|down)stream_bandwidth_usage$`),
		regexp.MustCompile(`(?i)(\beip\b|elastic ip|弹性公网|公网带宽|bandwidth).*(usage|utili[sz]ation|exceed|使用率|利用率|超限)|(up|down)stream_bandwidth_usage`), false,
	},
	{
		incident.NATSaturated, regexp.MustCompile(`(?i)(^|_)(snat_connection_ratio|(in|out)bound_(bandwidth|pps|bps)_(ratio|usage))$`),
		regexp.MustCompile(`(?i)(\bs?nat\b|NAT ?网关).*(usage|ratio|connection|使用率|利用率|连接数)|snat_connection_ratio`), false,
	},
}

// meterHigh is the share of a capacity above which connections are about to be refused; Huawei's own rules fire there.
const meterHigh = 0.8

// cloudMeters holds the meters of load balancers, addresses and gateways against their capacity, and cites the alarms about them.
func (g *gather) cloudMeters() {
	v := g.v
	for i := range v.Series {
		s := &v.Series[i]
		for _, m := range cloudMeters {
			if !m.metric.MatchString(s.Name()) {
				continue
			}
			level, ok := v.current(*s)
			if !m.count && level > 1.5 {
				level /= 100 // Cloud Eye counts in per cent
			}
			if ok && (m.count && level >= 1 || !m.count && level >= meterHigh) {
				g.meter(m.reason, s, level)
			}
			break
		}
	}
	for _, a := range v.Alarms {
		if a.Active() && !informational(a) {
			g.meterAlarm(a)
		}
	}
}

func (g *gather) meter(r incident.Reason, s *observe.Series, level float64) {
	v := g.v
	t, fronts := v.facing(r, s.Labels)
	d, fresh := g.on(r, t)
	if fresh {
		g.sayMeter(d, t, r, fronts)
	}
	value, bound := fmt.Sprintf("%.0f %%", 100*level), meterHigh
	if r == incident.ELBBackendUnhealthy {
		value, bound = fmt.Sprintf("%.0f", level), 1
	} else if p, ok := s.Last(); ok && p.Value > 1.5 {
		bound *= 100
	}
	d.metric(t, v.At, "%s %s (mean of the last three samples)", quoteTo(s.Name(), 80), value).since(heldSince(*s, bound))
}

func (g *gather) sayMeter(d *draft, t incident.Target, r incident.Reason, fronts []*corev1.Service) {
	i := incident.Info(r)
	d.say(fmt.Sprintf("%s: %s", t, i.Title.EN), fmt.Sprintf("%s：%s", t, i.Title.ZH))
	if r != incident.ELBBackendUnhealthy {
		d.weigh(1)
	}
	for _, s := range fronts {
		d.affects(serviceTarget(s))
		for _, w := range g.v.apps().behind[name{s.Namespace, s.Name}] {
			if r == incident.ELBBackendUnhealthy && g.v.allReady(w) {
				d.object(w.target, "all %d pods behind it are ready", w.readyCount())
			}
		}
		if e := g.v.lastEvent(serviceTarget(s), g.v.ago(2*fresh), "UpdateLoadBalancerFailed"); e != nil {
			d.event(e)
		}
	}
}

func (g *gather) meterAlarm(a alarm.Alarm) {
	text := strings.Join([]string{a.Name, a.TitleZH, a.Message, a.MessageZH, a.Rule.Name, a.Rule.PromQL, a.Labels["metricName"], a.Labels["metric_name"]}, " ")
	for _, m := range cloudMeters {
		if !m.alarm.MatchString(text) {
			continue
		}
		labels := map[string]string{"namespace": a.Object.Namespace, "id": a.Object.Name}
		for k, x := range a.Labels {
			labels[k] = x
		}
		if a.Object.Kind == "Service" {
			labels["service"] = a.Object.Name
		}
		t, fronts := g.v.facing(m.reason, labels)
		d, fresh := g.on(m.reason, t)
		if fresh {
			g.sayMeter(d, t, m.reason, fronts)
		}
		d.add(incident.FromAlarm, a.FiredAt, t, "alarm %s (%s): %s", alarmName(a), a.Severity, quote(a.Message)).since(a.FiredAt)
		return
	}
}

// elbIDs are the annotations in which CCE keeps the load balancer of a Service or Ingress.
var elbIDs = []string{"kubernetes.io/elb.id", "kubernetes.io/elb.eip-id"}

// facing finds the Services that stand behind a piece of the cloud: by the identity of their load balancer, by their public address, by
// name, or because there is only one. A NAT gateway stands for the whole cluster.
func (v *view) facing(r incident.Reason, labels map[string]string) (incident.Target, []*corev1.Service) {
	if r == incident.NATSaturated {
		return v.clusterTarget(), nil
	}
	var public, hit []*corev1.Service
	for _, s := range v.Objects.Services {
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		public = append(public, s)
		if v.faces(s, labels) {
			hit = append(hit, s)
		}
	}
	if len(hit) == 0 && len(public) == 1 {
		hit = public
	}
	if len(hit) == 0 {
		return v.clusterTarget(), nil
	}
	return serviceTarget(hit[0]), hit
}

func (v *view) faces(s *corev1.Service, labels map[string]string) bool {
	if n := cmpOr(labels["service"], labels["exported_service"]); n != "" && n == s.Name {
		ns := cmpOr(labels["exported_namespace"], labels["namespace"])
		return ns == "" || ns == s.Namespace
	}
	ids := make([]string, 0, len(elbIDs)+1)
	for _, k := range elbIDs {
		ids = append(ids, s.Annotations[k])
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		ids = append(ids, in.IP)
	}
	ids = append(ids, s.Spec.LoadBalancerIP)
	for _, val := range labels {
		if len(val) >= 7 && slices.Contains(ids, val) {
			return true
		}
	}
	return false
}
