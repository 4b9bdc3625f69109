package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/observe"
)

// ask is one thing that diagnose is asked: a notification, alarms that inspect raises, or a question.
type ask struct {
	id       string // deterministic: the same event again is the same ask
	cluster  config.Cluster
	hint     alarm.Hint
	raised   []alarm.Alarm
	question string
	where    observe.Scope
}

// Raised is the event by which inspect hands over what it found, and a person asks about something by hand.
type Raised struct {
	Cluster  string            `json:"cluster"`
	ID       string            `json:"id"`     // names this event: a repeat with the same id changes nothing
	Alarms   []json.RawMessage `json:"alarms"` // AOM event objects
	Question string            `json:"question"`
	Scope    observe.Scope     `json:"scope"`
}

// stranger is a notification about a cluster that this deployment does not serve: topics are shared.
type stranger struct{ message, cluster string }

// read tells what an event asks. Several notifications in one envelope are several asks, and one that is odd holds up no other.
func read(payload []byte, clusters config.Clusters) ([]ask, []stranger, error) {
	ev, err := functiongraph.Decode(payload)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(ev.SMN) > 0:
		asks, strange := notifications(ev.SMN, clusters)
		return asks, strange, nil
	case ev.Invoke != nil:
		asks, err := raised(ev.Invoke, clusters)
		return asks, nil, err
	}
	return nil, nil, errors.New("neither a notification nor raised alarms")
}

func notifications(notes []functiongraph.Notification, clusters config.Clusters) (asks []ask, strange []stranger) {
	for _, n := range notes {
		hint, err := alarm.ParseMessage(n.Message)
		if err != nil {
			hint = alarm.Hint{} // no words at all still say that something fires: AOM knows what
		}
		a := ask{id: "smn-" + n.MessageID, hint: hint}
		if n.MessageID == "" {
			a.id = "smn-" + hint.ID + "-" + hint.SN
		}
		named, ok := clusters.Find(hint.Cluster)
		if !ok {
			named, ok = clusters.Find(hint.ClusterName)
		}
		switch {
		case ok:
			a.cluster = named
			asks = append(asks, a)
		case clusterID.MatchString(hint.Cluster) || hint.Cluster != "" && len(clusters) > 1:
			strange = append(strange, stranger{n.MessageID, hint.Cluster})
		default: // it names none, or one by a name of its own: every configured cluster is asked whether it knows the alarm
			for _, c := range clusters {
				each := a
				each.id, each.cluster = a.id+"-"+c.ID, c
				asks = append(asks, each)
			}
		}
	}
	return asks, strange
}

// clusterID is the form of CCE's cluster ids, which are UUIDs.
var clusterID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func raised(payload json.RawMessage, clusters config.Clusters) ([]ask, error) {
	var r Raised
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("the event: %w", err)
	}
	if r.Cluster == "" {
		return nil, errors.New("neither a notification nor raised alarms: it names no cluster")
	}
	c, ok := clusters.Find(r.Cluster)
	if !ok {
		return nil, fmt.Errorf("cluster %q is not configured", r.Cluster)
	}
	if len(r.Alarms) == 0 && r.Question == "" {
		return nil, errors.New("the event holds neither alarms nor a question")
	}
	a := ask{id: "raised-" + r.ID, cluster: c, question: r.Question, where: r.Scope}
	if r.ID == "" {
		a.id = "raised-" + alarm.Fingerprint(payload)
	}
	for _, raw := range r.Alarms {
		one, err := alarm.ParseEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("a raised alarm: %w", err)
		}
		a.raised = append(a.raised, one)
	}
	return []ask{a}, nil
}

// words are what the event said, for a person who has nothing else.
func (a ask) words() []string {
	var out []string
	if a.hint.Name != "" {
		out = append(out, strings.TrimSpace(a.hint.Name+" "+a.hint.Object.Kind+" "+a.hint.Object.Namespace+"/"+a.hint.Object.Name))
	}
	for _, r := range a.raised {
		out = append(out, strings.TrimSpace(r.Name+" "+r.Object.Kind+" "+r.Object.Namespace+"/"+r.Object.Name))
	}
	return out
}

// scope is where to look first.
func (a ask) scope() observe.Scope {
	if a.where != (observe.Scope{}) {
		return a.where
	}
	objects := []alarm.Object{a.hint.Object}
	for _, r := range a.raised {
		objects = append(objects, r.Object)
	}
	for _, o := range objects {
		if o.Name != "" {
			return observe.Scope{Namespace: o.Namespace, Kind: o.Kind, Name: o.Name}
		}
	}
	return observe.Scope{}
}

// complete adds what AOM did not show: raised alarms, and the hinted alarm itself where AOM lags or cannot be read.
func (a ask) complete(known []alarm.Alarm) []alarm.Alarm {
	known = append(known, a.raised...)
	if a.hint.Empty() || a.among(known) {
		return known
	}
	if h, ok := a.hint.Alarm(a.cluster.ID); ok {
		known = append(known, h)
	}
	return known
}

// among says whether the hinted alarm is one of these.
func (a ask) among(list []alarm.Alarm) bool {
	for _, k := range list {
		if a.hint.Matches(k) {
			return true
		}
	}
	return false
}

// about says whether a group is what was asked about.
func (a ask) about(g alarm.Group) bool {
	if a.hint.Empty() && len(a.raised) == 0 && a.question == "" {
		return g.Active > 0 // words that name no alarm still say that something fires: whatever has no incident yet gets one
	}
	for _, k := range g.Alarms {
		if !a.hint.Empty() && a.hint.Matches(k) {
			return true
		}
		for _, r := range a.raised {
			if r.SN == k.SN && r.ID == k.ID {
				return true
			}
		}
	}
	return false
}

// groups are the groups of alarms that were asked about, correlated by what belongs together in the cluster.
func groups(known []alarm.Alarm, snap *observe.Snapshot, a ask, silences []alarm.Silence) []alarm.Group {
	var out []alarm.Group
	for _, g := range alarm.Correlate(known, snap.Topology(), alarm.Options{Now: snap.At, Silences: silences}) {
		if a.about(g) {
			out = append(out, g)
		}
	}
	return out
}
