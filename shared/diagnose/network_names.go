package diagnose

import (
	"fmt"
	"slices"

	"cce-oncall/shared/incident"
)

// unknownNames are hosts that only logs tell of: they are written like the name of a Service, cannot be found, and no setting that was
// read holds them. A Service of nearly that name was meant; a workload of exactly that name lacks its Service.
func (g *gather) unknownNames() {
	v := g.v
	for _, s := range v.lines() {
		if s.kind != signNoHost || s.host == "" || system(s.w.target.Namespace) || s.count < 2 && len(unreadyOf(s.w)) == 0 {
			continue
		}
		ns, svc := v.hostService(s.host, s.w.target.Namespace)
		if svc == "" || v.idx.Service(ns, svc) != nil || slices.ContainsFunc(v.apps().uses, func(u use) bool { return u.caller == s.w && u.service == svc && u.sure }) {
			continue
		}
		n := name{ns, svc}
		near := v.nearest(ns, svc)
		if !v.spaces[ns] && v.idx.Service(s.w.target.Namespace, svc) != nil {
			near = svc
		}
		if home := v.homeOf(n, []use{{}}); home != nil {
			t := incident.Target{Kind: "Service", Namespace: ns, Name: svc}
			d, fresh := g.on(incident.ServiceMissing, t)
			if fresh {
				d.say(fmt.Sprintf("%s does not exist, and %s asks for it", t, s.w.target), fmt.Sprintf("%s 不存在，而 %s 需要它", t, s.w.target)).fact(FactService, svc).
					object(home.target, "its pods run (%d ready) and no Service selects them", home.readyCount()).fact(FactWorkload, home.target.Kind+"/"+home.target.Name)
			}
			d.affects(s.w.target).line(s.pod, s.container, s.line)
			continue
		}
		if near == "" {
			continue
		}
		d, fresh := g.on(incident.EnvAddressInvalid, s.w.target)
		if fresh {
			d.say(fmt.Sprintf("%s asks for host %s, which does not exist", s.w.target, s.host), fmt.Sprintf("%s 访问的主机 %s 不存在", s.w.target, s.host)).weigh(0.9).
				object(s.w.target, "no Service %s in namespace %s; there is %s", svc, ns, near).affects(s.w.target).fact(FactValue, s.host).fact(FactRightHost, near)
		}
		if !d.wordy() {
			d.line(s.pod, s.container, s.line)
		}
	}
}
