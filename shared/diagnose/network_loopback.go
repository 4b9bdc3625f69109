package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

func loopbackHost(h string) bool { return h == "localhost" || h == "127.0.0.1" || h == "::1" }

// loopback is a workload whose setting names its own pod for something that no container of it serves, and whose log says that nobody
// answers there.
func (g *gather) loopback() {
	v := g.v
	for _, u := range v.apps().uses {
		if !loopbackHost(u.host) || telemetryKey.MatchString(u.key) || !hostKey.MatchString(u.key) && u.wire == "" || len(u.caller.containers()) > 1 {
			continue
		}
		var hit *sign
		for _, s := range v.signsOf(u.caller, signRefused) {
			if loopbackHost(s.host) && (u.port == 0 || s.port == 0 || u.port == s.port) {
				hit = &s
				break
			}
		}
		if hit == nil || hit.count < 2 && !v.suffering([]*workload{u.caller}) {
			continue
		}
		served := false
		for _, c := range u.caller.containers() {
			served = served || u.port != 0 && hasPort(c.Ports, int32(u.port)) //nolint:gosec // a port
		}
		if served {
			continue
		}
		r := incident.EnvAddressInvalid
		if aboutDatabase(u.key, u.wire, max(u.port, hit.port)) {
			r = incident.DatabaseAddressInvalid
		}
		d, fresh := g.on(r, u.from)
		if !fresh {
			continue
		}
		near := v.serviceWithPort(u.caller.target.Namespace, max(u.port, hit.port))
		d.weigh(0.9).say(fmt.Sprintf("%s of %s names the pod itself (%s), where nothing listens", u.setting, u.caller.target, hostText(u)), fmt.Sprintf("%s 的 %s 指向 Pod 自身（%s），但没有进程监听", u.caller.target, u.setting, hostText(u))).
			object(u.from, "%s: %s", u.setting, hostText(u)).line(hit.pod, hit.container, hit.line).affects(u.caller.target)
		g.addressFacts(d, u, near)
	}
}
