package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"cce-oncall/shared/incident"
)

var hostName = regexp.MustCompile(`(?i)\b[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\b`)

// ingressHosts looks at hosts that people ask for and no rule takes, while a rule of an Ingress is for a host that is written almost
// alike: the host of its own certificate, the one its rule had before a late change, or the one the question or an alarm names.
func (g *gather) ingressHosts() {
	v := g.v
	taken := map[string]bool{}
	for _, i := range v.Objects.Ingresses {
		for _, r := range i.Spec.Rules {
			taken[strings.ToLower(r.Host)] = true
		}
	}
	if taken[""] {
		return // a rule without a host takes all
	}
	served := func(host string) bool {
		_, parent, _ := strings.Cut(host, ".")
		return taken[host] || taken["*."+parent]
	}
	asked := v.hostsAsked()
	for _, i := range v.Objects.Ingresses {
		t := target("Ingress", i)
		c, changed := v.changeOf(t)
		for _, r := range i.Spec.Rules {
			has := strings.ToLower(r.Host)
			near := func(host string) bool { return !served(host) && host != has && distance(host, has) <= 2 }
			from, wanted := "", ""
			for _, tls := range i.Spec.TLS {
				if k := slices.IndexFunc(tls.Hosts, func(h string) bool { return near(strings.ToLower(h)) }); k >= 0 && !slices.Contains(tls.Hosts, r.Host) {
					wanted, from = strings.ToLower(tls.Hosts[k]), "spec.tls names "+quoteTo(tls.Hosts[k], 80)
				}
			}
			if k := slices.IndexFunc(asked, near); k >= 0 {
				wanted, from = asked[k], quoteTo(asked[k], 80)+" is asked for, and no rule of any Ingress takes it"
			}
			if changed {
				before := hostName.FindAllString(strings.ToLower(c.Before), 20)
				if k := slices.IndexFunc(before, func(h string) bool { return !served(h) && (near(h) || slices.Contains(asked, h)) }); k >= 0 {
					wanted, from = before[k], "it was for "+quoteTo(before[k], 80)+" before the change"
				}
			}
			if wanted != "" {
				g.wrongRule(i, has, wanted, from)
			}
		}
	}
}

func (g *gather) wrongRule(i *networkingv1.Ingress, has, wanted, from string) {
	t := target("Ingress", i)
	d, _ := g.on(incident.IngressHostPathMismatch, t)
	d.say(fmt.Sprintf("%s takes requests for %s, and nothing takes those for %s", t, quoteTo(has, 80), quoteTo(wanted, 80)), fmt.Sprintf("%s 的规则域名为 %s，没有规则匹配 %s", t, quoteTo(has, 80), quoteTo(wanted, 80))).weigh(0.9).
		object(t, "spec.rules: %s", quote(rulesText(i))).object(t, "%s", from)
	for _, b := range backendsOf(i) {
		if b.host == "" || strings.EqualFold(b.host, has) {
			d.affects(incident.Target{Kind: "Service", Namespace: i.Namespace, Name: b.service.Name})
		}
	}
	if c, ok := g.v.changeOf(t); ok {
		d.change(c, "%s %s%s: %s → %s", quoteTo(c.Verb, 40), c.Target, byWhom(c), quote(c.Before), quote(c.After)).since(c.At)
	}
}

// hostsAsked are the host names in the question and in the words of active alarms.
func (v *view) hostsAsked() []string {
	texts := []string{v.Question}
	for _, a := range v.Alarms {
		if a.Active() {
			texts = append(texts, a.Message, a.MessageZH)
		}
	}
	var out []string
	for _, x := range texts {
		out = append(out, hostName.FindAllString(strings.ToLower(x), 20)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
