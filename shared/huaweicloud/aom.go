package huaweicloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// AOM reads alarms and metrics of one cluster, and raises alarms of our own.
type AOM struct {
	Session *Session
	// Cluster keeps alarms of other clusters out; the zero value keeps none out.
	Cluster incident.Cluster
	// Instance is the Prometheus instance that holds the cluster's metrics; CCE.PromInstance finds it. "" is the default instance.
	Instance string
	// EnterpriseProject is an id or all_granted_eps; "" is the caller's default.
	EnterpriseProject string
}

const (
	eventPage  = 1000 // ListEvents' default limit
	eventPages = 50
	// longestWindow is how far back AOM can be asked (source: AOM usage restrictions, 15 days).
	longestWindow = 15 * 24 * time.Hour
)

// Events is what ListEvents answered: alarms, oldest first, and the events that could not be read as one.
type Events struct {
	Alarms []alarm.Alarm
	Odd    []json.RawMessage
}

// Alarms lists the alarms that are active, or that have been cleared, within the window before now by AOM's own clock, oldest
// first. An event that cannot be read is kept out and logged with its count; Events gives it.
func (a *AOM) Alarms(ctx context.Context, active bool, window time.Duration) ([]alarm.Alarm, error) {
	events, err := a.Events(ctx, active, window)
	if err != nil {
		return nil, err
	}
	if n := len(events.Odd); n > 0 {
		zerolog.Ctx(ctx).Warn().Int("events", n).Msg("AOM sent events that are no alarms; they are left out")
	}
	return events.Alarms, nil
}

// Events is Alarms with what could not be read. Source: ListEvents, POST /v2/{project}/events.
func (a *AOM) Events(ctx context.Context, active bool, window time.Duration) (Events, error) {
	const op = "ListEvents"
	kind := "history_alert"
	if active {
		kind = "active_alert"
	}
	minutes := int(min(window, longestWindow)+time.Minute-1) / int(time.Minute)
	if minutes <= 0 {
		return Events{}, refused(AOMService, op, "the window is empty")
	}
	c := call{
		service: AOMService, op: op, method: http.MethodPost, path: path("v2", a.Session.Project, "events"),
		header: map[string]string{"Enterprise-Project-Id": a.EnterpriseProject},
		body: map[string]any{
			"time_range": fmt.Sprintf("-1.-1.%d", minutes),
			"sort":       map[string]any{"order_by": []string{"starts_at"}, "order": "desc"},
		},
	}
	var all []json.RawMessage
	seen := map[string]bool{}
	for marker := "0"; !seen[marker]; {
		if len(seen) == eventPages {
			return Events{}, refused(AOMService, op, fmt.Sprintf("more than %d pages of alarms", eventPages))
		}
		seen[marker] = true
		c.query = url.Values{"type": {kind}, "limit": {strconv.Itoa(eventPage)}, "marker": {marker}}
		var page struct {
			Events []json.RawMessage `json:"events"`
			Info   struct {
				Next json.RawMessage `json:"next_marker"` // a string, seen as a number
			} `json:"page_info"`
		}
		if err := a.Session.do(ctx, c, &page); err != nil {
			return Events{}, err
		}
		all = append(all, page.Events...)
		next := strings.Trim(string(page.Info.Next), `"`)
		if len(page.Events) == 0 || next == "" || next == "null" {
			break
		}
		marker = next
	}
	return a.read(all), nil
}

// read parses events, leaves out those of other clusters and repeats, and sorts.
func (a *AOM) read(raw []json.RawMessage) Events {
	var out Events
	at := map[string]int{}
	for _, event := range raw {
		parsed, err := alarm.ParseEvent(event)
		if err != nil {
			out.Odd = append(out.Odd, event)
			continue
		}
		if !a.mine(parsed) {
			continue
		}
		key := parsed.ID + "\x00" + parsed.SN
		i, again := at[key]
		switch {
		case !again:
			at[key] = len(out.Alarms)
			out.Alarms = append(out.Alarms, parsed)
		case !parsed.Active(): // a page read later may know that it cleared
			out.Alarms[i] = parsed
		}
	}
	slices.SortStableFunc(out.Alarms, func(x, y alarm.Alarm) int {
		if d := x.FiredAt.Compare(y.FiredAt); d != 0 {
			return d
		}
		return strings.Compare(x.ID+"\x00"+x.SN, y.ID+"\x00"+y.SN)
	})
	return out
}

// mine says whether an alarm may be of this cluster. One that names no cluster may be, and is kept.
func (a *AOM) mine(x alarm.Alarm) bool {
	switch {
	case a.Cluster.ID == "":
		return true
	case x.Cluster != "":
		return x.Cluster == a.Cluster.ID
	case x.ClusterName != "" && a.Cluster.Name != "":
		return x.ClusterName == a.Cluster.Name
	}
	return true
}

// Raise pushes alarms of our own to AOM, where its notification rules apply to them. An alarm with ClearedAt clears the one with
// its ID. Source: PushEvents, PUT /v2/{project}/push/events.
func (a *AOM) Raise(ctx context.Context, alarms []alarm.Alarm) error {
	var raised, cleared []json.RawMessage
	for _, x := range alarms {
		event, err := pushed(x)
		if err != nil {
			return refused(AOMService, "PushEvents", "an alarm cannot be encoded")
		}
		if x.Active() {
			raised = append(raised, event)
		} else {
			cleared = append(cleared, event)
		}
	}
	if err := a.push(ctx, "", raised); err != nil {
		return err
	}
	return a.push(ctx, "clear", cleared)
}

func (a *AOM) push(ctx context.Context, action string, events []json.RawMessage) error {
	if len(events) == 0 {
		return nil
	}
	c := call{
		service: AOMService, op: "PushEvents", method: http.MethodPut, path: path("v2", a.Session.Project, "push", "events"),
		header: map[string]string{"enterprise-project-id": a.EnterpriseProject},
		body:   map[string]any{"events": events}, write: true,
	}
	if action != "" {
		c.query = url.Values{"action": {action}}
	}
	return a.Session.do(ctx, c, nil)
}

// maxMetadata is AOM's bound of one metadata value; an empty one is refused.
const maxMetadata = 2048

// pushed is an alarm as PushEvents takes it. AOM gives the id; only a clearing names one.
func pushed(x alarm.Alarm) (json.RawMessage, error) {
	x.Raw = nil // what AOM would not take back: event_sn, arrives_at and the rest of its own
	encoded, err := x.Encode()
	if err != nil {
		return nil, err
	}
	var event struct {
		ID          string            `json:"id,omitempty"`
		StartsAt    int64             `json:"starts_at"`
		EndsAt      int64             `json:"ends_at"`
		Timeout     int64             `json:"timeout,omitempty"`
		Metadata    map[string]string `json:"metadata"`
		Annotations map[string]any    `json:"annotations,omitempty"`
	}
	if err := json.Unmarshal(encoded, &event); err != nil {
		return nil, err
	}
	if x.Active() {
		event.ID = ""
	}
	for key, fallback := range map[string]string{
		"event_name": "unnamed", "event_severity": string(alarm.Minor), "event_type": "alarm", "resource_provider": "CCE",
		"resource_type": "cluster", "resource_id": resourceID(x),
	} {
		if event.Metadata[key] == "" {
			event.Metadata[key] = fallback
		}
	}
	for key, value := range event.Metadata {
		if value == "" {
			delete(event.Metadata, key)
		} else if len(value) > maxMetadata {
			event.Metadata[key] = strings.ToValidUTF8(value[:maxMetadata], "")
		}
	}
	return json.Marshal(event)
}

// resourceID is written in the grammar of CCE's own alarms.
func resourceID(x alarm.Alarm) string {
	parts := []string{"clusterName=" + x.ClusterName, "clusterID=" + x.Cluster, "kind=" + x.Object.Kind, "namespace=" + x.Object.Namespace, "name=" + x.Object.Name}
	if x.Object.UID != "" {
		parts = append(parts, "uid="+x.Object.UID)
	}
	return strings.Join(parts, ";")
}
