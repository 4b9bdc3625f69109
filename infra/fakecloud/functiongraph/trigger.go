package functiongraph

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"cce-oncall/infra/fakecloud/edge"
)

// Trigger types that do something here; others are refused, as by a region without them.
const (
	TriggerTimer   = "TIMER"
	TriggerSMN     = "SMN"
	TriggerGateway = "DEDICATEDGATEWAY"
)

// maxTriggers is the quota of one function version.
const maxTriggers = 10

// Trigger starts a function by itself.
type Trigger struct {
	ID        string
	Type      string
	Status    string // ACTIVE or DISABLED
	EventData map[string]any
	Created   time.Time
	Changed   time.Time

	schedule     cron.Schedule
	next         time.Time
	subscription string
}

func (t *Trigger) text(key string) string {
	s, _ := t.EventData[key].(string)
	return s
}

// AddTrigger gives a function a trigger and returns it as the service echoes it.
func (p *Platform) AddTrigger(ref, kind, status string, data map[string]any) (Trigger, error) {
	now := p.opt.Clock()
	t := &Trigger{ID: edge.NewID(), Type: kind, Status: status, EventData: maps.Clone(data), Created: now, Changed: now}
	if t.Status == "" {
		t.Status = "ACTIVE"
	}
	if !slices.Contains(p.opt.TriggerTypes, kind) {
		return Trigger{}, fmt.Errorf("%w: FSS.1123 trigger type %q is not offered in this region", ErrSetting, kind)
	}
	if err := t.prepare(now); err != nil {
		return Trigger{}, err
	}
	p.mu.Lock()
	f := p.find(ref)
	if f == nil {
		p.mu.Unlock()
		return Trigger{}, fmt.Errorf("%w: %s", ErrNoFunction, ref)
	}
	if len(f.triggers) >= maxTriggers {
		p.mu.Unlock()
		return Trigger{}, fmt.Errorf("%w: FSS.1306 the function has %d triggers already", ErrSetting, maxTriggers)
	}
	topics, urn := p.opt.Topics, f.urn
	p.mu.Unlock()

	if kind == TriggerSMN {
		if topics == nil {
			return Trigger{}, fmt.Errorf("%w: SMN is not available", ErrSetting)
		}
		subscription, err := topics.Subscribe(t.text("topic_urn"), "functionstage", urn+":latest")
		if err != nil {
			return Trigger{}, fmt.Errorf("subscribe to the topic: %w", err)
		}
		t.subscription = subscription
	}
	if kind == TriggerGateway {
		// What the real service adds to event_data; a configuration must not treat it as drift.
		t.EventData["triggerid"] = t.ID
		t.EventData["api_id"] = edge.NewID()
		t.EventData["sl_domain"] = t.ID[:16] + ".apic." + p.opt.Region + ".huaweicloudapis.com"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.triggers[t.ID] = t
	return *t, nil
}

// prepare checks the event data and computes the first due time.
func (t *Trigger) prepare(now time.Time) error {
	if t.Status != "ACTIVE" && t.Status != "DISABLED" {
		return fmt.Errorf("%w: trigger status %q", ErrSetting, t.Status)
	}
	switch t.Type {
	case TriggerTimer:
		schedule, err := parseSchedule(t.text("schedule_type"), t.text("schedule"))
		if err != nil {
			return err
		}
		if t.text("name") == "" {
			return fmt.Errorf("%w: a TIMER needs a name", ErrSetting)
		}
		t.schedule, t.next = schedule, schedule.Next(now)
	case TriggerSMN:
		if t.text("topic_urn") == "" {
			return fmt.Errorf("%w: an SMN trigger needs topic_urn", ErrSetting)
		}
	case TriggerGateway:
		if t.Status == "DISABLED" {
			return fmt.Errorf("%w: a gateway trigger cannot be disabled, only deleted", ErrSetting)
		}
		if t.text("path") == "" {
			return fmt.Errorf("%w: a gateway trigger needs a path", ErrSetting)
		}
	}
	return nil
}

var rate = regexp.MustCompile(`^(\d+)([mhd])$`)

// parseSchedule understands both schedule types: Rate ("3m", "1h", "30d", also with @every) and Cron with a seconds field, an
// optional CRON_TZ and "?" in either day field.
func parseSchedule(kind, text string) (cron.Schedule, error) {
	switch kind {
	case "Rate":
		if strings.HasPrefix(text, "@every ") {
			break
		}
		m := rate.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%w: rate %q is not like 3m, 1h or 1d", ErrSetting, text)
		}
		n, err := strconv.Atoi(m[1])
		unit, most := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]], map[string]int{"m": 60, "h": 24, "d": 30}[m[2]]
		if err != nil || n < 1 || n > most {
			return nil, fmt.Errorf("%w: rate %q is out of range", ErrSetting, text)
		}
		return cron.Every(time.Duration(n) * unit), nil
	case "Cron":
	default:
		return nil, fmt.Errorf("%w: schedule_type %q is neither Rate nor Cron", ErrSetting, kind)
	}
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		if !strings.Contains(text, " ") { // the parser panics on a zone alone
			return nil, fmt.Errorf("%w: schedule %q has a zone and nothing else", ErrSetting, text)
		}
	}
	parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.DowOptional | cron.Descriptor)
	schedule, err := parser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: schedule %q: %w", ErrSetting, text, err)
	}
	return schedule, nil
}

// UpdateTrigger changes a trigger's status and, when data is not nil, its event data. Another topic of an SMN trigger moves the
// subscription; what the service itself added to a gateway trigger stays.
func (p *Platform) UpdateTrigger(ref, id, status string, data map[string]any) (Trigger, error) {
	p.mu.Lock()
	t, f, err := p.trigger(ref, id)
	if err != nil {
		p.mu.Unlock()
		return Trigger{}, err
	}
	changed, topics, urn := *t, p.opt.Topics, f.urn
	p.mu.Unlock()
	if status != "" {
		changed.Status = status
	}
	if data != nil {
		changed.EventData = maps.Clone(data)
		for _, key := range []string{"triggerid", "api_id", "sl_domain"} {
			if v, ok := t.EventData[key]; ok && changed.Type == TriggerGateway {
				changed.EventData[key] = v
			}
		}
	}
	changed.Changed = p.opt.Clock()
	if err := changed.prepare(changed.Changed); err != nil {
		return Trigger{}, err
	}
	if changed.Type == TriggerSMN && topics != nil && changed.text("topic_urn") != t.text("topic_urn") {
		if changed.subscription, err = topics.Subscribe(changed.text("topic_urn"), "functionstage", urn+":latest"); err != nil {
			return Trigger{}, fmt.Errorf("subscribe to the topic: %w", err)
		}
		topics.Unsubscribe(t.subscription)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.triggers[id] = &changed
	return changed, nil
}

// RemoveTrigger deletes a trigger.
func (p *Platform) RemoveTrigger(ref, id string) error {
	p.mu.Lock()
	t, f, err := p.trigger(ref, id)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	delete(f.triggers, id)
	topics := p.opt.Topics
	p.mu.Unlock()
	if t.subscription != "" && topics != nil {
		topics.Unsubscribe(t.subscription)
	}
	return nil
}

// Triggers returns a function's triggers, sorted by id.
func (p *Platform) Triggers(ref string) ([]Trigger, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.find(ref)
	if f == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoFunction, ref)
	}
	out := make([]Trigger, 0, len(f.triggers))
	for _, t := range f.sortedTriggers() {
		out = append(out, *t)
	}
	return out, nil
}

func (p *Platform) trigger(ref, id string) (*Trigger, *function, error) {
	f := p.find(ref)
	if f == nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoFunction, ref)
	}
	t := f.triggers[id]
	if t == nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoTrigger, id)
	}
	return t, f, nil
}

// Tick fires every active timer that is due, once each however often it was due since the last tick.
func (p *Platform) Tick(now time.Time) {
	type due struct {
		function string
		event    []byte
	}
	var fire []due
	p.mu.Lock()
	for _, f := range p.functions {
		for _, t := range f.triggers {
			if t.Type != TriggerTimer || t.Status != "ACTIVE" || t.next.After(now) {
				continue
			}
			fire = append(fire, due{f.spec.Name, t.event(t.next)})
			t.next = t.schedule.Next(now)
		}
	}
	p.mu.Unlock()
	slices.SortFunc(fire, func(a, b due) int { return strings.Compare(a.function, b.function) })
	for _, d := range fire {
		if _, err := p.InvokeAsync(d.function, d.event, "timer"); err != nil {
			p.opt.Log.Warn().Err(err).Str("function", d.function).Msg("a timer did not fire")
		}
	}
}

// Fire makes a TIMER trigger fire now, found by its id or by the name in its event data.
func (p *Platform) Fire(function, trigger string) (requestID string, err error) {
	now := p.opt.Clock()
	p.mu.Lock()
	f := p.find(function)
	var event []byte
	if f != nil {
		for _, t := range f.triggers {
			if t.Type == TriggerTimer && (t.ID == trigger || t.text("name") == trigger) {
				event = t.event(now)
			}
		}
	}
	p.mu.Unlock()
	if event == nil {
		return "", fmt.Errorf("%w: %s of %s", ErrNoTrigger, trigger, function)
	}
	return p.InvokeAsync(function, event, "timer")
}

// event is what a timer sends; the platform writes local time with its offset.
func (t *Trigger) event(at time.Time) []byte {
	raw, err := json.Marshal(struct {
		Version   string `json:"version"`
		Time      string `json:"time"`
		Type      string `json:"trigger_type"`
		Name      string `json:"trigger_name"`
		UserEvent string `json:"user_event"`
	}{"v1.0", at.In(time.FixedZone("CST", 8*3600)).Format(time.RFC3339), TriggerTimer, t.text("name"), t.text("user_event")})
	if err != nil {
		return []byte("{}") // strings always encode
	}
	return raw
}
