package aom

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Action is a notification rule: where a notification goes and which template words it.
type Action struct {
	Name     string  `json:"rule_name"`
	Type     string  `json:"type"`
	User     string  `json:"user_name"`
	Desc     string  `json:"desc"`
	Template string  `json:"notification_template"`
	Topics   []Topic `json:"smn_topics"`
	Project  string  `json:"project_id"`
	Created  int64   `json:"create_time"`
	Updated  int64   `json:"update_time"`
	Zone     string  `json:"time_zone"`
}

// Topic is an SMN topic of a notification rule.
type Topic struct {
	URN        string `json:"topic_urn"`
	Name       string `json:"name"`
	Display    string `json:"display_name,omitempty"`
	PushPolicy int    `json:"push_policy"`
}

// SetAction adds or replaces a notification rule; an empty template means the built-in Chinese one.
func (s *Service) SetAction(a Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Clock().UnixMilli()
	a.Created, a.Updated, a.Project = now, now, s.opt.Project
	if a.Template == "" {
		a.Template = builtinZH
	}
	if a.Type == "" {
		a.Type = "1"
	}
	if old := s.actions[a.Name]; old != nil {
		a.Created = old.Created
	}
	s.actions[a.Name] = &a
}

// Mute silences notifications of matching alarms; the alarms themselves stay visible.
type Mute struct {
	Name     string        `json:"name"`
	Desc     string        `json:"desc,omitempty"`
	Match    [][]MuteMatch `json:"match"` // any of the groups, of which every condition
	Config   MuteConfig    `json:"mute_config"`
	Timezone string        `json:"timezone,omitempty"`
	Created  int64         `json:"create_time,omitempty"`
	Updated  int64         `json:"update_time,omitempty"`
}

// MuteMatch is one condition on metadata.
type MuteMatch struct {
	Key     string   `json:"key"`
	Operate string   `json:"operate"` // EQUALS, REGEX (taken as a part of the value), EXIST
	Value   []string `json:"value,omitempty"`
}

// MuteConfig says when. Only FIXED windows are evaluated by date; the others are taken to hold always between start and end.
type MuteConfig struct {
	Type  string `json:"type"`
	Start int64  `json:"starts_at"`
	End   int64  `json:"ends_at,omitempty"`
	Scope []int  `json:"scope,omitempty"`
}

func (m *Mute) silences(e Event, now time.Time) bool {
	at := now.UnixMilli()
	if at < m.Config.Start || (m.Config.End != 0 && at > m.Config.End) {
		return false
	}
	for _, group := range m.Match {
		all := len(group) > 0
		for _, c := range group {
			v, present := e.Metadata[c.Key]
			switch c.Operate {
			case "EXIST":
				all = all && present
			case "REGEX":
				all = all && slices.ContainsFunc(c.Value, func(p string) bool { return strings.Contains(v, strings.Trim(p, ".*^$")) })
			default:
				all = all && slices.Contains(c.Value, v)
			}
		}
		if all {
			return true
		}
	}
	return false
}

// Sent is one notification that went out.
type Sent struct {
	At     time.Time `json:"at"`
	SN     string    `json:"eventSn"`
	Rule   string    `json:"rule"`
	Action string    `json:"action"`
	Topic  string    `json:"topic"`
	Firing bool      `json:"firing"`
	Error  string    `json:"error,omitempty"` // why SMN did not take it
}

// Notifications returns what was sent, oldest first.
func (s *Service) Notifications() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// notice is a notification to be made.
type notice struct {
	event  Event
	rule   *Rule
	firing bool
}

// tell sends a notification to every topic of the bound notification rule, unless it is off or silenced.
func (s *Service) tell(ctx context.Context, n notice) {
	binding := n.rule.Notification
	if binding == nil || !binding.Enabled || binding.Action == "" {
		return
	}
	if n.firing && binding.NotifyTriggered != nil && !*binding.NotifyTriggered || !n.firing && !binding.NotifyResolved {
		return
	}
	now := s.opt.Clock()
	s.mu.Lock()
	action := s.actions[binding.Action]
	for _, m := range s.mutes {
		if m.silences(n.event, now) {
			action = nil
		}
	}
	var topics []Topic
	var template Template
	if action != nil {
		topics = slices.Clone(action.Topics)
		if t := s.templates[action.Template]; t != nil {
			template = *t
		} else {
			template = *s.templates[builtinZH]
		}
	}
	s.mu.Unlock()
	if s.opt.Publisher == nil {
		return
	}
	subject, texts := template.render(n, s.opt.Region, binding.Action)
	for _, t := range topics {
		sent := Sent{At: now, SN: n.event.SN, Rule: n.rule.Name, Action: binding.Action, Topic: t.URN, Firing: n.firing}
		// AOM publishes under the name of the service it grew from.
		if err := s.opt.Publisher.PublishAs(ctx, "apm", t.URN, subject, texts); err != nil {
			sent.Error = err.Error()
			s.opt.Log.Warn().Err(err).Str("rule", n.rule.Name).Msg("a notification was not sent")
		}
		s.mu.Lock()
		s.sent = append(s.sent, sent)
		s.mu.Unlock()
	}
}
