package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cce-oncall/shared/incident"
)

var (
	corePlugin  = regexp.MustCompile(`(?m)^\s*kubernetes\s+([^{\n]*)`)
	coreDenies  = regexp.MustCompile(`(?is)template\s+(?:IN|ANY)\s+(?:A|ANY)\s*([^{\n]*)\{[^}]*rcode\s+(NXDOMAIN|SERVFAIL|REFUSED)`)
	coreRewrite = regexp.MustCompile(`(?m)^\s*(?:rewrite\s+)?(?:stop\s+)?(?:rewrite\s+)?name\s+(?:exact\s+)?([a-z0-9.-]+)\s+([a-z0-9.-]+)`)
	coreHosts   = regexp.MustCompile(`(?m)^\s*(\d+\.\d+\.\d+\.\d+)\s+([a-z0-9.-]+\.svc[a-z0-9.-]*)`)
)

// corefile reads what the configuration of cluster DNS does with the names of Services: it must serve them, and answer none of them
// otherwise.
func (g *gather) corefile() {
	v := g.v
	for _, m := range v.Objects.ConfigMaps {
		text := m.Data["Corefile"]
		if m.Namespace != "kube-system" || text == "" || m.Name == "node-local-dns" {
			continue
		}
		why := v.corefileFault(withoutComments(text))
		if why == "" {
			continue
		}
		t := target("ConfigMap", m)
		d, _ := g.on(incident.CoreDNSConfigInvalid, t)
		d.say("the configuration of cluster DNS answers the names of Services wrongly: "+why, "CoreDNS 配置使集群内服务名解析异常："+quote(why)).weigh(0.9).object(t, "key Corefile: %s", quote(why))
		for _, w := range v.workloads {
			if v.isResolver(w) {
				d.affects(w.target)
			}
		}
		for _, s := range v.lines() {
			if s.kind == signNoHost && len(d.f.Evidence) < 4 {
				d.line(s.pod, s.container, s.line)
				d.weigh(1)
			}
		}
		if c, ok := v.changeOf(t); ok {
			d.change(c, "%s %s: %s → %s", c.Verb, c.Target, quote(c.Before), quote(c.After)).since(c.At)
		}
	}
}

func withoutComments(text string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// corefileFault says what a Corefile does wrong, "" when nothing is known.
func (v *view) corefileFault(text string) string {
	all := corePlugin.FindAllStringSubmatch(text, -1)
	hasNoHost := slices.ContainsFunc(v.lines(), func(s sign) bool { return s.kind == signNoHost })
	if len(all) == 0 && !strings.Contains(text, "forward . 10.") {
		return "no kubernetes plugin serves the names of Services"
	}
	for _, x := range all {
		zones := strings.Fields(x[1])
		if hasNoHost && len(zones) > 0 && !slices.Contains(zones, "cluster.local") && v.usesZone("cluster.local") {
			return fmt.Sprintf("kubernetes serves %s, and callers ask for cluster.local", quoteTo(zones[0], 60))
		}
	}
	for _, x := range coreDenies.FindAllStringSubmatch(text, -1) {
		for _, zone := range append(strings.Fields(x[1]), orDot(x[1])) {
			if zone == "." || strings.HasSuffix(zone, "cluster.local") || strings.HasSuffix(zone, "cluster.local.") {
				return fmt.Sprintf("template answers %s for %s", strings.ToUpper(x[2]), quoteTo(zone, 60))
			}
		}
	}
	for _, x := range coreRewrite.FindAllStringSubmatch(text, -1) {
		if v.liveName(x[1]) && !v.liveName(x[2]) {
			return fmt.Sprintf("rewrite sends %s to %s, which is no Service", quoteTo(x[1], 80), quoteTo(x[2], 80))
		}
	}
	for _, x := range coreHosts.FindAllStringSubmatch(text, -1) {
		if ns, svc := v.hostService(x[2], ""); v.liveName(x[2]) && v.serviceAt(x[1]) != svc+"."+ns {
			return fmt.Sprintf("hosts gives %s the address %s, which is not its Service's", quoteTo(x[2], 80), x[1])
		}
	}
	return ""
}

func orDot(zones string) string {
	if strings.TrimSpace(zones) == "" {
		return "."
	}
	return ""
}

// liveName says whether a full name is the name of a Service that exists.
func (v *view) liveName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if !strings.Contains(host, ".svc") {
		return false
	}
	return v.idx.Service(v.hostService(host, "")) != nil
}

func (v *view) usesZone(zone string) bool {
	return slices.ContainsFunc(v.apps().uses, func(u use) bool { return strings.HasSuffix(u.host, "."+zone) })
}
