package lark

import (
	"time"

	"cce-oncall/shared/incident"
)

// Probe is what a deployment found when it asked each service it depends on.
type Probe struct {
	Look
	Cluster incident.Cluster
	At      time.Time
	Checks  []ProbeCheck
	Links   []Link
}

// ProbeCheck is one question to one service.
type ProbeCheck struct {
	Name   incident.Text // "OBS returns the bytes that were put"
	State  string        // ok, bad, unknown
	Detail string        // what was seen: quoted
	Fix    incident.Text // with a bad one: what an operator changes
}

// ProbeCard says whether the deployment works, what does not first.
func ProbeCard(o Probe) ([]byte, error) {
	return write(o.Look, o.At, func(p pen, c cut) card {
		good, bad, unknown := 0, 0, 0
		for _, ch := range o.Checks {
			switch ch.State {
			case "ok":
				good++
			case "bad":
				bad++
			default:
				unknown++
			}
		}
		name := p.data(o.Cluster.Label(), 60)
		s := sheet{title: say("%s: the deployment works, all %s checks passed", "%s：部署自检全部通过（共 %s 项）", name, num(good)), colour: green}
		state := say("Passed", "通过")
		switch {
		case bad > 0:
			s.title, s.colour, state = say("%s: %s of the deployment failed", "%s：部署自检有 %s未通过", name, count(bad, "check", "checks", "项")), carmine, say("Failed", "未通过")
		case unknown > 0 || good == 0:
			s.title, s.colour, state = say("%s: %s of the deployment had no answer", "%s：部署自检有 %s无结论", name, count(unknown, "check", "checks", "项")), yellow, say("Incomplete", "不完整")
		}
		s.tags = []tag{{state, s.colour}, {say("Probe", "自检"), greyed}}
		s.parts = append([]element{p.markdown(p.probeLines(o.Checks, c))}, p.footer(o.Links, say("Probe of %s · times in %s", "自检时间 %s · 时区 %s", p.stamp(o.At), p.clockName()), c)...)
		return s.card(p)
	})
}

func (p pen) probeLines(all []ProbeCheck, c cut) words {
	limit, n := c.few(30, 10), 0
	var out []words
	for _, want := range []string{"bad", "unknown", "ok"} {
		for _, ch := range all {
			state := ch.State
			if _, known := checkMarks[state]; !known {
				state = "unknown"
			}
			if state != want {
				continue
			}
			n++
			if n > limit {
				continue
			}
			out = append(out, p.probeLine(ch, state))
		}
	}
	if n > limit {
		out = append(out, say("and %s more", "另有 %s 项", num(n-limit)))
	}
	if len(out) == 0 {
		return say("Nothing was asked.", "未执行任何检查。")
	}
	return lines(out...)
}

func (p pen) probeLine(ch ProbeCheck, state string) words {
	w := p.text(ch.Name, 160)
	if state == "bad" {
		w = bold(w)
	}
	w = say("%s %s", "%s %s", checkMarks[state], w)
	if ch.Detail != "" {
		w = say("%s: %s", "%s：%s", w, p.data(ch.Detail, 200))
	}
	if state == "bad" && ch.Fix.EN != "" {
		w = lines(w, say("   To do: %s", "   处理：%s", p.text(ch.Fix, 240)))
	}
	return w
}
