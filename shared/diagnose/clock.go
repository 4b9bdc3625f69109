package diagnose

import (
	"fmt"
	"strings"

	"cce-oncall/shared/incident"
)

// clock is an application that refuses tokens or certificates for their time. Tokens expire every day, so lines about expiry count only
// when requests fail; those about the future cannot be right anyway.
func (g *gather) clock(w *workload) {
	v := g.v
	n, sure := 0, false
	hits := v.signsOf(w, signClock)
	for _, s := range hits {
		n += s.count
		sure = sure || !strings.Contains(strings.ToLower(s.line), "expired")
	}
	_, failing := v.failing(w)
	if n < 3 || !failing && (!sure || !v.suffering([]*workload{w}) && n < 5) {
		return
	}
	strength := 0.75
	if sure {
		strength = 0.95
	}
	d, _ := g.on(incident.ClockSkewed, w.target)
	d.weigh(strength).say(fmt.Sprintf("the clock of %s differs from the others'", w.target), fmt.Sprintf("%s 的时钟与其他组件不一致", w.target)).affects(w.target)
	for i, s := range hits {
		if i < 3 {
			d.line(s.pod, s.container, s.line)
		}
	}
	if j, ok := v.failing(w); ok {
		d.metric(w.target, j.at, "request_success_ratio fell from %.3f to %.3f", j.before, j.after).since(j.at)
	}
}
