package diagnose

import (
	"fmt"
	"regexp"
	"slices"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// A queue tells of its consumers: what waits in it grows when they stand still. Exporters call it lag, depth, backlog, messages ready.

var (
	lagMetric = regexp.MustCompile(`(?i)(consumer|kafka|queue|topic|subscription|stream|amqp|rabbitmq|nats|pulsar).*(lag|depth|backlog|messages_(ready|waiting|unacked)|unacked|pending|length|size)$|(^|_)(consumer_)?lag(_|$)|messages_ready`)
	lagLabels = []string{"consumergroup", "consumer_group", "group", "group_id", "consumer", "queue", "topic"}
)

// lagEnough is how many waiting messages are worth a word.
const lagEnough = 50

// lags finds queues in which more and more waits, and the consumer that should have taken it.
func (g *gather) lags() {
	v := g.v
	for _, m := range v.idx.Metrics() {
		if !lagMetric.MatchString(m) {
			continue
		}
		for _, w := range v.workloads {
			for _, s := range v.seriesOf(m, w) {
				g.lag(m, w, s)
			}
		}
	}
}

func (g *gather) lag(metric string, w *workload, s observe.Series) {
	v := g.v
	from, to, ok := v.piledUp(s)
	if !ok {
		return
	}
	who := v.consumerOf(w, s)
	d, fresh := g.on(incident.QueueConsumerLagging, who.target)
	if fresh {
		d.say(fmt.Sprintf("%s falls behind: %.0f messages wait instead of %.0f", who.target, to, from), fmt.Sprintf("%s 消费积压：由 %.0f 条增至 %.0f 条", who.target, from, to)).weigh(0.95).affects(who.target).
			number(FactReplicas, int64(max(who.desired, 0)))
	}
	d.metric(w.target, v.At, "%s grew from %.0f to %.0f", metric, from, to)
	if v.allReady(who) {
		d.object(who.target, "all %d pods ready", who.readyCount())
	}
	for i, x := range v.signsOf(who) {
		if i < 2 {
			d.line(x.pod, x.container, x.line)
		}
	}
}

// piledUp says whether a backlog has at least trebled and still stands there.
func (v *view) piledUp(s observe.Series) (from, to float64, ok bool) {
	now, fine := v.current(s)
	if !fine || now < lagEnough {
		return 0, 0, false
	}
	if j, ok := v.step(s); ok && j.after > j.before && j.ratio(1) >= 3 {
		return j.before, now, true
	}
	if t, ok := trend(s.Points); ok && t.perHour > 0 && t.fit > 0.7 && now >= 3*max(t.from, 1) {
		return t.from, now, true
	}
	return 0, 0, false
}

// consumerOf is the workload that should empty a queue: the one that a label of the series names, else the one the series is about.
func (v *view) consumerOf(w *workload, s observe.Series) *workload {
	for _, l := range lagLabels {
		for _, x := range v.inSpace[w.target.Namespace] {
			if x != w && !servesQueue(x) && plainName(x.target.Name) != "" && s.Labels[l] != "" && slices.Contains(words(s.Labels[l]), plainName(x.target.Name)) {
				return x
			}
		}
	}
	return w
}

var notLetters = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// words takes a label apart: the whole, its parts, and each as plain names.
func words(label string) []string {
	out := []string{plainName(label)}
	for _, x := range notLetters.Split(label, -1) {
		if x != "" {
			out = append(out, plainName(x))
		}
	}
	return out
}

var queuePorts = map[int32]bool{9092: true, 5672: true, 4222: true, 6650: true, 61616: true, 1883: true}

// servesQueue says whether a workload is a message broker, by the ports that brokers use.
func servesQueue(w *workload) bool {
	for _, c := range w.containers() {
		for _, p := range c.Ports {
			if queuePorts[p.ContainerPort] {
				return true
			}
		}
	}
	return false
}
