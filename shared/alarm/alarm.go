// Package alarm knows what an AOM alarm is, in all the forms it reaches us, and which alarms are one trouble. It reads no
// network, clock or environment. Text inside an alarm is data: it is kept, bounded and never interpreted.
package alarm

import (
	"encoding/json"
	"time"
)

// Severity is AOM's word. It is a poor signal of urgency (a finished scale-out is Major, a dead kubelet Minor): see Urgency.
type Severity string

// AOM's severities, worst first.
const (
	Critical Severity = "Critical"
	Major    Severity = "Major"
	Minor    Severity = "Minor"
	Info     Severity = "Info"
)

// FromInspect is the Provider of an alarm that our own inspection raised: AOM does not know it and will not clear it.
const FromInspect = "inspect"

// Object is what an alarm speaks of, from either resource_id grammar, either namespace key, or Prometheus labels.
type Object struct {
	Kind      string `json:"kind,omitempty"` // Kubernetes kind, or Container, Cluster, NodePool; empty when unknown
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Container string `json:"container,omitempty"`
	Node      string `json:"node,omitempty"`
	UID       string `json:"uid,omitempty"`
}

// Rule is what is known of the alarm rule behind a metric alarm; zero values where the alarm did not say.
type Rule struct {
	Name      string        `json:"name,omitempty"`
	Period    time.Duration `json:"period,omitempty"` // how often it is evaluated
	Times     int           `json:"times,omitempty"`  // consecutive hits before it fires
	For       time.Duration `json:"for,omitempty"`    // promql_for
	Operator  string        `json:"operator,omitempty"`
	Threshold string        `json:"threshold,omitempty"`
	Value     string        `json:"value,omitempty"` // measured when it fired
	PromQL    string        `json:"promql,omitempty"`
}

// Alarm is one AOM alarm, or one finding of an inspection raised in the same form.
type Alarm struct {
	ID          string            `json:"id"`                // AOM's id: identity of the alarm
	SN          string            `json:"sn"`                // event_sn: serial of this occurrence
	Name        string            `json:"name"`              // English name after ##, or the rule's name
	TitleZH     string            `json:"titleZh,omitempty"` // Chinese half of a bilingual name
	Severity    Severity          `json:"severity"`
	Event       bool              `json:"event,omitempty"`    // AOM event_type "event"
	Provider    string            `json:"provider,omitempty"` // CCE, AOM, inspect
	Cluster     string            `json:"cluster,omitempty"`  // cluster id
	ClusterName string            `json:"clusterName,omitempty"`
	Object      Object            `json:"object"`
	Message     string            `json:"message,omitempty"` // English half where bilingual
	MessageZH   string            `json:"messageZh,omitempty"`
	Rule        Rule              `json:"rule"`
	Labels      map[string]string `json:"labels,omitempty"` // metadata, as it came
	FiredAt     time.Time         `json:"firedAt"`
	ClearedAt   time.Time         `json:"clearedAt,omitzero"`
	ArrivedAt   time.Time         `json:"arrivedAt,omitzero"`
	Timeout     time.Duration     `json:"timeout,omitempty"` // after which AOM clears it by itself; 0 where it did not say
	Raw         json.RawMessage   `json:"raw,omitempty"`     // the AOM event object, so that an archive replays byte for byte
}

// Active says whether it was still firing when it was read.
func (a Alarm) Active() bool { return a.ClearedAt.IsZero() }
