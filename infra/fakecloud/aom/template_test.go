package aom

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func event() Event {
	return Event{
		ID: "1234567890123456789", SN: "2", StartsAt: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMilli(),
		Metadata: map[string]string{"event_name": "cpu", "event_severity": "Critical", "event_type": "alarm", "resource_id": "alarmName:cpu;pod:p", "pod": "p"},
		Annotations: map[string]any{
			"message": "中文\"引号\"##English \"quotes\"\nline", "results": []any{map[string]any{"time": "noon", "n": 3.0}},
		},
	}
}

func TestRender(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"variables", "${id} ${event_name} ${event_severity} ${action_rule} ${region_name}", "1234567890123456789 cpu Critical oncall r"},
		{"time in the region's zone", "${starts_at}", "2026-11-22 08:00:00 GMT+08:00"},
		{"metadata path", "$event.metadata.pod", "p"},
		{"path with an index", "$event.annotations.results[0].time $event.annotations.results[0].n", "noon 3"},
		{"index past the end", "[$event.annotations.results[7].time]", "[]"},
		{"no such path", "[$event.metadata.nothing.more]", "[]"},
		{"unknown variable", "[${nothing}]", "[]"},
		{"a dollar that is no variable", "$5 ${ $event", "$5 ${ $event"},
		{"values are put in as they are", `{"m":"${message}"}`, "{\"m\":\"中文\"引号\"##English \"quotes\"\nline\"}"},
		{"dimensions without AOM's own keys", "${alarm_info}", "pod:p"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := json.Marshal([]part{{SubType: "email", Content: tt.content}})
			if err != nil {
				t.Fatal(err)
			}
			_, texts := Template{Parts: string(raw)}.render(notice{event: event(), firing: true}, "r", "oncall")
			if texts["default"] != tt.want {
				t.Errorf("text = %q, want %q", texts["default"], tt.want)
			}
		})
	}
}

func TestRenderPerReceiver(t *testing.T) {
	raw, err := json.Marshal([]part{{SubType: "sms", Content: "s"}, {SubType: "email", Content: "e", Topic: "${event_name}"}, {SubType: "webhook", Content: "w"}})
	if err != nil {
		t.Fatal(err)
	}
	subject, texts := Template{Parts: string(raw)}.render(notice{event: event()}, "r", "oncall")
	for receiver, want := range map[string]string{"sms": "s", "email": "e", "https": "w", "http": "w", "default": "w"} {
		if texts[receiver] != want {
			t.Errorf("%s = %q, want %q", receiver, texts[receiver], want)
		}
	}
	if subject != "cpu" {
		t.Errorf("subject = %q", subject)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("${id} $event.metadata.pod", "message")
	f.Add("$event.annotations.results[99999999999999999999].x", "中文##en")
	f.Add("$event.annotations[0][1]", "")
	f.Fuzz(func(t *testing.T, content, message string) {
		e := event()
		e.Annotations["message"] = message
		raw, err := json.Marshal([]part{{SubType: "email", Content: content, Topic: strings.Repeat(message, 40)}})
		if err != nil {
			t.Fatal(err)
		}
		subject, _ := Template{Parts: string(raw)}.render(notice{event: e}, "r", "a")
		if len(subject) > 512 || utf8.ValidString(message) && !utf8.ValidString(subject) {
			t.Errorf("subject of %d bytes, valid %v", len(subject), utf8.ValidString(subject))
		}
	})
}

func TestWindow(t *testing.T) {
	now := time.UnixMilli(10_000_000)
	tests := []struct {
		text     string
		from, to int64
		bad      bool
	}{
		{"-1.-1.60", 6_400_000, 10_000_000, false},
		{"-1.5000000.10", 4_400_000, 5_000_000, false},
		{"1000.-1.1", 1000, 61_000, false},
		{"1.2.0", 1, 2, false},
		{"2.1.0", 0, 0, true},
		{"1.2", 0, 0, true},
		{"a.b.c", 0, 0, true},
	}
	for _, tt := range tests {
		from, to, err := query{TimeRange: tt.text}.window(now)
		if (err != nil) != tt.bad || from != tt.from || to != tt.to {
			t.Errorf("window(%q) = %d, %d, %v; want %d, %d, error %v", tt.text, from, to, err, tt.from, tt.to, tt.bad)
		}
	}
}
