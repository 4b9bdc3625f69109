package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// wrongPort says whether the probe asks a port that the container does not serve: a name that no port has, or a number that is
// neither declared nor used by anything else that works.
func (v *view) wrongPort(w *workload, c *corev1.Container, probe *corev1.Probe, message string) (mistake, bool) {
	port := probePort(probe)
	if port == nil {
		return mistake{}, false
	}
	right := v.servedPort(w, c, port)
	m := mistake{right: right, strength: 1}
	if len(c.Ports) > 0 {
		m.fields = append(m.fields, fmt.Sprintf("containers[%s].ports: %s", c.Name, portsText(c.Ports)))
	}
	if port.Type == intstr.String {
		if hasPortName(c.Ports, port.StrVal) {
			return m, false
		}
		m.en, m.zh = fmt.Sprintf("it names port %q, which the container does not have", port.StrVal), fmt.Sprintf("探针使用的端口名 %q 在容器中不存在", port.StrVal)
		return m, true
	}
	n := port.IntVal
	if hasPort(c.Ports, n) {
		return m, false
	}
	answered := message != "" && !notListening.MatchString(message) && !tooSlow.MatchString(message) && !wrongProtocol.MatchString(message)
	if answered {
		return m, false // something listens there and said no
	}
	former := formerProbePort(w, c.Name, probe)
	switch {
	case len(c.Ports) > 0:
		m.strength = 0.95
	case former != 0 && former != n:
		m.strength = 0.9
		m.right = fmt.Sprint(former)
	case right != "" && right != fmt.Sprint(n) && notListening.MatchString(message):
		m.strength = 0.8
	default:
		return m, false
	}
	if former != 0 && former != n {
		m.fields = append(m.fields, fmt.Sprintf("the revision before asked port %d", former))
	}
	m.en = fmt.Sprintf("it asks port %d, the container serves %s", n, cmpOr(m.right, portsText(c.Ports)))
	m.zh = fmt.Sprintf("探针访问端口 %d，容器实际端口为 %s", n, cmpOr(m.right, portsText(c.Ports)))
	return m, true
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// servedPort is the port the container serves, by its declaration, its other probes, or the Services in front of it; "" if unsure.
func (v *view) servedPort(w *workload, c *corev1.Container, not *intstr.IntOrString) string {
	if len(c.Ports) == 1 {
		return fmt.Sprint(c.Ports[0].ContainerPort)
	}
	for _, k := range probeKinds {
		if pr := k.of(c); pr != nil {
			if port := probePort(pr); port != nil && port.IntVal != 0 && port.IntVal != not.IntVal && (len(c.Ports) == 0 || hasPort(c.Ports, port.IntVal)) {
				return fmt.Sprint(port.IntVal)
			}
		}
	}
	for _, k := range v.apps().fronts[w] {
		for _, sp := range v.idx.Service(k.namespace, k.name).Spec.Ports {
			if n := sp.TargetPort.IntVal; n != 0 && (len(c.Ports) == 0 || hasPort(c.Ports, n)) {
				return fmt.Sprint(n)
			}
		}
	}
	if len(c.Ports) > 0 {
		return fmt.Sprint(c.Ports[0].ContainerPort)
	}
	return ""
}

func formerProbePort(w *workload, containerName string, probe *corev1.Probe) int32 {
	for _, k := range probeKinds {
		for _, s := range w.sets {
			for i := range s.Spec.Template.Spec.Containers {
				c := &s.Spec.Template.Spec.Containers[i]
				if c.Name != containerName || w.template == nil {
					continue
				}
				now := specOf(w.template.Spec.Containers, containerName)
				if now == nil || k.of(now) == nil || portWord(k.of(now)) != portWord(probe) {
					continue
				}
				if old := k.of(c); old != nil {
					if port := probePort(old); port != nil && port.IntVal != 0 && fmt.Sprint(port.IntVal) != portWord(probe) {
						return port.IntVal
					}
				}
			}
		}
	}
	return 0
}

func timeoutOf(p *corev1.Probe) int32 {
	if p.TimeoutSeconds == 0 {
		return 1
	}
	return p.TimeoutSeconds
}

func probePort(p *corev1.Probe) *intstr.IntOrString {
	switch {
	case p.HTTPGet != nil:
		return &p.HTTPGet.Port
	case p.TCPSocket != nil:
		return &p.TCPSocket.Port
	case p.GRPC != nil:
		return &intstr.IntOrString{Type: intstr.Int, IntVal: p.GRPC.Port}
	}
	if p.Exec != nil {
		return execPort(p.Exec.Command)
	}
	return nil
}

var execAddress = regexp.MustCompile(`(?:-addr[= ]|localhost|127\.0\.0\.1|0\.0\.0\.0)?:(\d{2,5})\b`)

// execPort is the port that a probe command such as grpc_health_probe -addr=:9090 asks.
func execPort(command []string) *intstr.IntOrString {
	m := execAddress.FindStringSubmatch(strings.Join(command, " "))
	if m == nil {
		return nil
	}
	x := intstr.Parse(m[1])
	return &x
}

func portWord(p *corev1.Probe) string {
	if port := probePort(p); port != nil {
		return port.String()
	}
	return ""
}

func probeWord(p *corev1.Probe) string {
	switch {
	case p.HTTPGet != nil:
		if p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
			return "httpGet HTTPS"
		}
		return "httpGet"
	case p.TCPSocket != nil:
		return "tcpSocket"
	case p.GRPC != nil:
		return "grpc"
	}
	return "exec"
}

func probeText(p *corev1.Probe) string {
	path := ""
	if p.HTTPGet != nil {
		path = p.HTTPGet.Path
	}
	what := fmt.Sprintf("%s %s%s", probeWord(p), portWord(p), path)
	if p.Exec != nil {
		what = "exec " + quoteTo(strings.Join(p.Exec.Command, " "), 80)
	}
	return fmt.Sprintf("%s, initialDelaySeconds %d, periodSeconds %d, timeoutSeconds %d, failureThreshold %d",
		what, p.InitialDelaySeconds, p.PeriodSeconds, p.TimeoutSeconds, p.FailureThreshold)
}

func hasPort(ports []corev1.ContainerPort, n int32) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == n })
}

func hasPortName(ports []corev1.ContainerPort, n string) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == n })
}

func portsText(ports []corev1.ContainerPort) string {
	var out []string
	for _, p := range ports {
		s := fmt.Sprint(p.ContainerPort)
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			s += "/" + string(p.Protocol)
		}
		if p.Name != "" {
			s += " (" + p.Name + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}
