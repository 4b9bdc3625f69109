package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"cce-oncall/shared/incident"
)

var (
	// An access log line of ingress-nginx: … "GET /cart HTTP/1.1" 503 … [shop-web-8080] …
	accessLine   = regexp.MustCompile(`"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\S+) HTTP/[\d.]+" (\d{3})\b`)
	upstreamName = regexp.MustCompile(`\[([a-z0-9-]+)\](?: |$)`)
	ingressWord  = regexp.MustCompile(`(?i)ingress`)
)

// fewest is how many lines of one kind in an access log are more than chance.
const fewest = 5

// gatewayLogs reads the access logs of Ingress controllers: which backend fails behind them, and which requests no rule takes.
func (g *gather) gatewayLogs() {
	v := g.v
	for _, w := range v.workloads {
		if !ingressWord.MatchString(w.target.Name) && !ingressWord.MatchString(w.label()["app.kubernetes.io/name"]) {
			continue
		}
		failing, lost := map[string][]string{}, map[string][]string{}
		container := ""
		for _, l := range v.logsOf(w) {
			container = l.Container
			for _, line := range l.Lines {
				m := accessLine.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				up := ""
				for _, x := range upstreamName.FindAllStringSubmatch(line, 4) {
					up = cmpOr(up, x[1])
				}
				switch {
				case m[2] == "502" || m[2] == "503" || m[2] == "504":
					failing[up] = append(failing[up], line)
				case m[2] == "404" && (up == "" || up == "upstream-default-backend") && strings.Contains(line, "[upstream-default-backend]"):
					path, _, _ := strings.Cut(m[1], "?")
					lost[path] = append(lost[path], line)
				}
			}
		}
		for _, up := range sortedKeys(failing) {
			if lines := failing[up]; len(lines) >= fewest {
				g.upstreamError(w, container, up, lines)
			}
		}
		for _, p := range sortedKeys(lost) {
			if lines := lost[p]; len(lines) >= fewest {
				g.noRule(w, container, p, lines)
			}
		}
	}
}

// upstreamError is the symptom of a gateway that answers for a backend which does not.
func (g *gather) upstreamError(w *workload, container, up string, lines []string) {
	v := g.v
	for _, i := range v.Objects.Ingresses {
		for _, b := range backendsOf(i) {
			n := i.Namespace + "-" + b.service.Name + "-"
			if !strings.HasPrefix(up+"-", n) {
				continue
			}
			t := target("Ingress", i)
			d, fresh := g.on(incident.IngressUpstreamError, t)
			if !fresh {
				break
			}
			d.say(fmt.Sprintf("%s answers 502, 503 or 504 for %s", t, b.service.Name), fmt.Sprintf("%s 对后端 %s 返回 502/503/504", t, b.service.Name)).
				object(t, "backend %s; %d such answers in the log that was read", b.service.Name, len(lines)).line(w.target, container, lines[len(lines)-1]).
				affects(incident.Target{Kind: "Service", Namespace: i.Namespace, Name: b.service.Name})
			for _, x := range v.apps().behind[name{i.Namespace, b.service.Name}] {
				d.affects(x.target)
			}
			break
		}
	}
}

// noRule are requests that no rule of any Ingress takes. Whose rule it should have been is told by a rule for a path near it, by a late
// change, or by there being one Ingress only.
func (g *gather) noRule(w *workload, container, path string, lines []string) {
	i := g.v.nearestIngress(path)
	if i == nil {
		return
	}
	t := target("Ingress", i)
	d, _ := g.on(incident.IngressHostPathMismatch, t)
	d.say(fmt.Sprintf("no rule of %s takes requests for %s", t, quoteTo(path, 80)), fmt.Sprintf("%s 没有规则匹配路径 %s", t, quoteTo(path, 80))).weigh(0.85).
		object(t, "spec.rules: %s", quote(rulesText(i))).line(w.target, container, lines[len(lines)-1])
	if c, ok := g.v.changeOf(t); ok {
		d.change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After)).since(c.At)
	}
}

func (v *view) nearestIngress(path string) *networkingv1.Ingress {
	first := func(p string) string {
		p, _, _ = strings.Cut(strings.Trim(p, "/"), "/")
		return p
	}
	var near *networkingv1.Ingress
	for _, i := range v.Objects.Ingresses {
		if v.changedLately(target("Ingress", i)) {
			return i
		}
		for _, b := range backendsOf(i) {
			if a, c := first(b.path), first(path); near == nil && a != "" && c != "" && distance(a, c) <= 2 {
				near = i
			}
		}
	}
	if near == nil && len(v.Objects.Ingresses) == 1 {
		near = v.Objects.Ingresses[0]
	}
	return near
}

func rulesText(i *networkingv1.Ingress) string {
	var out []string
	for _, r := range i.Spec.Rules {
		if r.HTTP == nil {
			continue
		}
		for _, p := range r.HTTP.Paths {
			out = append(out, cmpOr(r.Host, "*")+cmpOr(p.Path, "/"))
		}
	}
	return strings.Join(out, ", ")
}
