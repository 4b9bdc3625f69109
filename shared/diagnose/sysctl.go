package diagnose

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

// kernelSettings are the kernel parameters that break a node's network when they hold these values.
var kernelSettings = []struct {
	reason incident.Reason
	key    string // as sysctl writes it
	series string // as node-exporter's sysctl collector writes it
	wrong  float64
}{
	{incident.IpForwardDisabled, "net.ipv4.ip_forward", "node_sysctl_net_ipv4_ip_forward", 0},
	{incident.TcpRecycleEnabled, "net.ipv4.tcp_tw_recycle", "node_sysctl_net_ipv4_tcp_tw_recycle", 1},
}

// kernel looks at kernel parameters, as far as anything in a cluster tells them: the collector of node-exporter, and the workloads that
// write them.
func (g *gather) kernel() {
	for _, k := range kernelSettings {
		for i := range g.v.Series {
			s := &g.v.Series[i]
			if s.Name() != k.series && !(s.Name() == "node_sysctl_info" && s.Labels["name"] == k.key) {
				continue
			}
			p, ok := s.Last()
			value := p.Value
			if x, err := strconv.ParseFloat(s.Labels["value"], 64); err == nil && s.Name() == "node_sysctl_info" {
				value = x
			}
			if !ok || !g.v.recent(p.At, lately) || value != k.wrong || s.Labels["node"] == "" {
				continue
			}
			t := nodeTarget(s.Labels["node"])
			g.setting(k.reason, t, k.key, value).metric(t, p.At, "%s is %.0f", k.key, value).weigh(1)
		}
		for _, w := range g.v.workloads {
			if text := writes(w, k.key, k.wrong); text != "" {
				g.written(k.reason, k.key, k.wrong, w, text)
			}
		}
	}
	g.reusedConnections()
}

func (g *gather) setting(r incident.Reason, t incident.Target, key string, value float64) *draft {
	d, fresh := g.on(r, t)
	if fresh {
		i := incident.Info(r)
		d.say(fmt.Sprintf("%s: %s (%s is %.0f)", t, i.Title.EN, key, value), fmt.Sprintf("%s：%s（%s=%.0f）", t, i.Title.ZH, key, value)).fact(FactNode, t.Name)
		if n := g.v.idx.Node(t.Name); n != nil {
			g.podsOf(d, n)
		}
	}
	return d
}

// written are the nodes on which a workload with the power to do so writes a wrong value.
func (g *gather) written(r incident.Reason, key string, wrong float64, w *workload, text string) {
	for i, p := range w.live() {
		if p.Spec.NodeName == "" || i >= 50 {
			continue
		}
		t := nodeTarget(p.Spec.NodeName)
		g.setting(r, t, key, wrong).object(w.target, "a container of it runs %s", quoteTo(text, 120)).weigh(0.9).affects(w.target)
	}
}

var assignment = regexp.MustCompile(`(net\.ipv4\.[a-z_]+|net/ipv4/[a-z_]+)\s*=?\s*(\d+)`)

// writes is the command in which a workload sets a kernel parameter of its node to a value, "" when it does not: from a privileged
// container, or as a sysctl of a pod in the host's network.
func writes(w *workload, key string, wrong float64) string {
	if w.template == nil {
		return ""
	}
	spec := &w.template.Spec
	if s := spec.SecurityContext; s != nil && spec.HostNetwork {
		for _, x := range s.Sysctls {
			if x.Name == key && x.Value == fmt.Sprintf("%.0f", wrong) {
				return x.Name + "=" + x.Value
			}
		}
	}
	for _, c := range append(append([]corev1.Container{}, spec.InitContainers...), spec.Containers...) {
		if c.SecurityContext == nil || c.SecurityContext.Privileged == nil || !*c.SecurityContext.Privileged {
			continue
		}
		text := strings.Join(append(append([]string{}, c.Command...), c.Args...), " ")
		if !strings.Contains(text, "sysctl") {
			continue
		}
		for _, m := range assignment.FindAllStringSubmatch(text, 40) {
			if strings.ReplaceAll(m[1], "/", ".") == key && m[2] == fmt.Sprintf("%.0f", wrong) {
				return m[0]
			}
		}
	}
	return ""
}

var kernelVersion = regexp.MustCompile(`^(\d+)\.(\d+)`)

// oldIPVS says whether a kernel is older than 5.9, where IPVS reuses the connection of a port to a server that is gone.
func oldIPVS(kernel string) bool {
	m := kernelVersion.FindStringSubmatch(kernel)
	if m == nil {
		return false
	}
	major, err1 := strconv.Atoi(m[1])
	minor, err2 := strconv.Atoi(m[2])
	return err1 == nil && err2 == nil && (major < 5 || major == 5 && minor < 9)
}

// reusedConnections are callers on nodes with IPVS and an old kernel that time out since what they call was rolled out, although all of
// it is ready.
func (g *gather) reusedConnections() {
	v := g.v
	if !v.usesIPVS() {
		return
	}
	for _, w := range v.workloads {
		set := w.currentSet()
		if set == nil || !v.allReady(w) || len(w.sets) < 2 || !v.recent(v.releasedAt(w, set), time.Hour) {
			continue
		}
		for _, k := range v.apps().fronts[w] {
			for _, c := range v.apps().callersOf(k.namespace, k.name) {
				for _, s := range v.signsOf(c, signTimeout, signRefused) {
					ns, svc := v.hostService(s.host, c.target.Namespace)
					p := v.idx.Pod(s.pod.Namespace, s.pod.Name)
					if ns != k.namespace || svc != k.name || p == nil || s.count < 3 {
						continue
					}
					n := v.idx.Node(p.Spec.NodeName)
					if n == nil || !oldIPVS(n.Status.NodeInfo.KernelVersion) {
						continue
					}
					t := nodeTarget(n.Name)
					d, fresh := g.on(incident.IPVSConnReuse, t)
					if fresh {
						d.say(fmt.Sprintf("callers on %s still connect to pods of %s that are gone", t, w.target), fmt.Sprintf("%s 上的调用方仍连接到 %s 已退出的 Pod", t, w.target)).weigh(0.7).
							object(t, "status.nodeInfo.kernelVersion %s, kube-proxy in IPVS mode", quoteTo(n.Status.NodeInfo.KernelVersion, 60)).since(v.releasedAt(w, set)).
							add(incident.FromChange, v.releasedAt(w, set), target("ReplicaSet", set), "%s was rolled out and is ready", w.target).fact(FactNode, n.Name)
					}
					if !d.wordy() {
						d.line(s.pod, s.container, s.line)
					}
					d.affects(c.target)
				}
			}
		}
	}
}

// usesIPVS says whether kube-proxy says of itself that it works with IPVS.
func (v *view) usesIPVS() bool {
	for _, m := range v.Objects.ConfigMaps {
		if m.Namespace != "kube-system" || !strings.Contains(m.Name, "kube-proxy") {
			continue
		}
		for _, text := range m.Data {
			if ipvsMode.MatchString(text) {
				return true
			}
		}
	}
	for _, n := range v.Objects.Nodes {
		if strings.EqualFold(n.Labels["kube-proxy-mode"], "ipvs") || strings.EqualFold(n.Annotations["kube-proxy-mode"], "ipvs") {
			return true
		}
	}
	return false
}

var ipvsMode = regexp.MustCompile(`(?m)mode"?\s*[:=]\s*"?ipvs`)
