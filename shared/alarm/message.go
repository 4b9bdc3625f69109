package alarm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// State is what a notification says of an alarm.
type State string

// The states; empty where the text does not say.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Hint is what a notification says of an alarm. It is only a hint: a text may be cut, translated or forged, so the alarm is read
// again from AOM where that is possible. Every field may be empty.
type Hint struct {
	ID          string
	SN          string
	Name        string
	Severity    Severity
	Cluster     string
	ClusterName string
	Object      Object
	State       State
	FiredAt     time.Time
	Text        string // the message without markup, bounded: data
	Others      []Hint // further alarms of the same message

	alarm Alarm
	whole bool // the message was the event object itself
}

// ErrEmptyMessage is the only message that ParseMessage refuses.
var ErrEmptyMessage = errors.New("the notification is empty")

// ParseMessage reads the text of an SMN message about alarms, in any of its forms: one event object or a list of them as JSON;
// key=value lines of a custom template; AOM's built-in texts in English or Chinese, HTML or plain; or free text, of which only a
// known alarm name is taken. Odd text yields an emptier hint, never an error.
func ParseMessage(text string) (Hint, error) {
	plain := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if plain == "" {
		return Hint{}, ErrEmptyMessage
	}
	if hints := fromJSON([]byte(plain), 0); len(hints) > 0 {
		h := hints[0]
		h.Others = hints[1:]
		return h, nil
	}
	plain = clip(stripHTML(plain), maxMessage)
	fields := brokenJSON(plain)
	if len(fields) == 0 {
		fields = lines(plain)
	}
	h := fromFields(fields, plain)
	h.Text = plain
	return h, nil
}

// Empty says whether the message told nothing that an alarm could be found by.
func (h Hint) Empty() bool {
	if len(h.Others) > 0 {
		return false
	}
	return h.ID == "" && h.SN == "" && h.Name == ""
}

// Matches says whether an alarm is one of those the message spoke of: by serial number or id where it gave them, else by name and
// by all that it said of the object.
func (h Hint) Matches(a Alarm) bool {
	if h.matches(a) {
		return true
	}
	for _, o := range h.Others {
		if o.matches(a) {
			return true
		}
	}
	return false
}

func (h Hint) matches(a Alarm) bool {
	switch {
	case h.SN != "" && h.SN == a.SN, h.ID != "" && h.ID == a.ID:
		return true
	case h.SN != "" || h.ID != "" || h.Name == "":
		return false
	}
	same := func(x, y string) bool { return x == "" || y == "" || x == y }
	return sameName(h.Name, a.Name) && same(h.Cluster, a.Cluster) && same(h.Object.Namespace, a.Object.Namespace) &&
		same(h.Object.Name, a.Object.Name) && same(h.Object.Kind, a.Object.Kind) && h.near(a.FiredAt)
}

// near says whether a time may be when the hinted alarm fired.
func (h Hint) near(at time.Time) bool {
	const apart = 5 * time.Minute // the text's clock has seconds at best and may name the notification instead
	return h.FiredAt.IsZero() || at.IsZero() || at.Sub(h.FiredAt).Abs() <= apart
}

func sameName(x, y string) bool {
	a, known := Lookup(x)
	b, also := Lookup(y)
	if known && also {
		return a.Name == b.Name
	}
	return nameKey(x) == nameKey(y)
}

// Alarm is the hinted alarm itself, for when AOM does not show it: whole where the message was the event object, else as much as
// the text said. ok is false where it has no name, or is about another cluster.
func (h Hint) Alarm(cluster string) (a Alarm, ok bool) {
	a = h.alarm
	if a.Name == "" || a.Cluster != "" && cluster != "" && a.Cluster != cluster && a.Cluster != h.ClusterName {
		return Alarm{}, false
	}
	if a.Cluster == "" {
		a.Cluster = cluster
	}
	return a, true
}

// Fingerprint names a message by its content, so that the same message again has the same name: 16 hex digits of SHA-256.
func Fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// fromJSON reads an event object, a list of them, an object that wraps such a list, or JSON text that holds one of these.
func fromJSON(data []byte, depth int) []Hint {
	const deepest = 4
	data = bytes.TrimSpace(data)
	if depth > deepest || len(data) == 0 {
		return nil
	}
	switch data[0] {
	case '"':
		var s string
		if json.Unmarshal(data, &s) != nil {
			return nil
		}
		return fromJSON([]byte(s), depth+1)
	case '[':
		var all []json.RawMessage
		if json.Unmarshal(data, &all) != nil {
			return nil
		}
		var out []Hint
		for _, one := range all {
			out = append(out, fromJSON(one, depth+1)...)
		}
		return out
	case '{':
		var m map[string]json.RawMessage
		if json.Unmarshal(data, &m) != nil {
			return nil
		}
		for _, wrap := range []string{"events", "alarms", "alerts", "event", "alarm", "message", "default"} {
			if inner, has := m[wrap]; has && len(m["metadata"]) == 0 {
				if out := fromJSON(inner, depth+1); len(out) > 0 {
					return out
				}
			}
		}
		a, err := ParseEvent(data)
		if err != nil {
			return nil
		}
		if a.Name == "" && len(m["id"]) == 0 && len(m["event_sn"]) == 0 {
			return nil // JSON, but no alarm
		}
		return []Hint{hintOf(a, true)}
	}
	return nil
}

func hintOf(a Alarm, whole bool) Hint {
	h := Hint{
		ID: a.ID, SN: a.SN, Name: a.Name, Severity: a.Severity, Cluster: a.Cluster, ClusterName: a.ClusterName, Object: a.Object,
		FiredAt: a.FiredAt, Text: a.Message, alarm: a, whole: whole, State: Firing,
	}
	if !a.Active() {
		h.State = Resolved
	}
	return h
}
