package diagnose

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

func TestQuoteMakesForeignTextHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"plain words":                                  "plain words",
		"\x1b[31mred\x1b[0m\a\x00 end":                 "red end",
		"\x1b]0;title\x07after":                        "after",
		"two\nlines\tand  spaces":                      "two lines and spaces",
		"\u202eevil\u200b":                             "evil",
		"db password=hunter2 ok":                       "db password=*** ok",
		`{"token": "abc", "a": 1}`:                     `{"token": ***, "a": 1}`,
		"postgres://app:pw@db:5432/x":                  "postgres://app:***@db:5432/x",
		"Authorization: Bearer abcdef.ghi":             "Authorization: ***",
		"key AKIAabcdefGHIJKL0123456789mnopqrstuvwxYZ": "key ***",
		"sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0": "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %q, want %q", in, got, want)
		}
	}
	if got := quote(strings.Repeat("ä", 1000)); utf8.RuneCountInString(got) != longest || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text is cut to %d runes: %d", longest, utf8.RuneCountInString(got))
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("\x1b[2Jpassword: x \u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := quote(s)
		if strings.ContainsAny(got, "\x1b\x00\n\r\u202e\u200b") || utf8.RuneCountInString(got) > longest || !utf8.ValidString(got) {
			t.Errorf("quote(%q) = %q", s, got)
		}
		if again := quote(got); utf8.RuneCountInString(again) > longest {
			t.Errorf("a second quote grows: %q", again)
		}
	})
}

func TestConfidenceIsEarnedByKindsNotByNumbers(t *testing.T) {
	e := func(s ...incident.Source) []incident.Evidence {
		var out []incident.Evidence
		for _, x := range s {
			out = append(out, incident.Evidence{Source: x})
		}
		return out
	}
	for _, c := range []struct {
		name     string
		strength float64
		evidence []incident.Evidence
		counter  int
		want     float64
	}{
		{"nothing", 1, nil, 0, 0},
		{"one alarm", 1, e(incident.FromAlarm), 0, 0.30},
		{"ten alarms", 1, e(incident.FromAlarm, incident.FromAlarm, incident.FromAlarm), 0, 0.30},
		{"a field", 1, e(incident.FromObject), 0, 0.80},
		{"a field and an event", 1, e(incident.FromObject, incident.FromEvent), 0, 0.92},
		{"all kinds", 1, e(incident.FromObject, incident.FromEvent, incident.FromLog, incident.FromMetric, incident.FromChange, incident.FromAlarm), 0, 0.99},
		{"inferred", 0.5, e(incident.FromObject), 0, 0.40},
		{"contradicted", 1, e(incident.FromObject), 2, 0.58},
	} {
		if got := confidence(c.strength, c.evidence, make([]string, c.counter)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestObstaclesIn(t *testing.T) {
	for message, want := range map[string][]obstacle{
		"0/5 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/5 nodes are available: 3 Preemption is not helpful, 2 No preemption victims found.": {
			{1, incident.UntoleratedTaint, "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"},
			{2, incident.InsufficientCPU, "2 Insufficient cpu"},
			{2, incident.NodeSelectorMismatch, "2 node(s) didn't match Pod's node affinity/selector"},
		},
		"0/3 nodes are available: 3 node(s) had untolerated taint {a: b, c}.": {{3, incident.UntoleratedTaint, "3 node(s) had untolerated taint {a: b, c}"}},
		"no nodes available to schedule pods":                                 {{0, incident.NoNodesAvailable, "no nodes available to schedule pods"}},
		`0/3 nodes are available: persistentvolumeclaim "x" not found.`:       {{0, incident.ClaimMissing, `persistentvolumeclaim "x" not found`}},
		"something new": nil,
	} {
		if diff := cmp.Diff(want, obstaclesIn(message), cmp.AllowUnexported(obstacle{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", message, diff)
		}
	}
}

func TestAddressesIn(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       []address
	}{
		{"TIDE_ADDR", "tide:9000", []address{{"tide", 9000, "", true}}},
		{"URL", "http://user:pw@cart.shop.svc.cluster.local:8080/v1", []address{{"cart.shop.svc.cluster.local", 8080, "http", true}}},
		{"spring.datasource.url", "jdbc:mysql://db:3306/x?useSSL=false", []address{{"db", 3306, "jdbc:mysql", true}}},
		{"BROKERS", "k-0.k:9092,k-1.k:9092,k-2.k:9092", []address{{"k-0.k", 9092, "", true}, {"k-1.k", 9092, "", true}, {"k-2.k", 9092, "", true}}},
		{"MONGO", "mongodb://a:27017,b:27017/db", []address{{"a", 27017, "mongodb", true}, {"b", 27017, "mongodb", true}}},
		{"DB_HOST", "quay-db", []address{{"quay-db", 0, "", true}}},
		{"MODE", "primary", []address{{"primary", 0, "", false}}},
		{"LEVEL", "Some words: here", nil},
		{"FILE", "config.yaml", nil},
		{"TIME", "10:30", []address{{"10", 30, "", true}}},
		{"PORT", "8080", []address{{"8080", 0, "", false}}},
		{"EMPTY", "", nil},
	} {
		if diff := cmp.Diff(c.want, addressesIn(c.key, c.value), cmp.AllowUnexported(address{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s=%s:\n%s", c.key, c.value, diff)
		}
	}
}

func series(at time.Time, step time.Duration, x ...float64) observe.Series {
	var s observe.Series
	for i, y := range x {
		if !math.IsNaN(y) {
			s.Points = append(s.Points, observe.Point{At: at.Add(-step * time.Duration(len(x)-1-i)), Value: y})
		}
	}
	return s
}

func TestStepAndTrend(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	v := &view{Snapshot: &observe.Snapshot{At: now}}
	j, ok := v.step(series(now, time.Minute, 1, 1, 1.1, 1, 0.9, 5, 5.1, 4.9, 5))
	if !ok || j.before != 1 || j.after < 4.9 || !j.at.Equal(now.Add(-3*time.Minute)) {
		t.Errorf("step: %+v %v", j, ok)
	}
	if j, ok := v.step(series(now, time.Minute, 1, 1, 1, 5, 5, 5, 1, 1, 1)); ok && j.after > 2*j.before {
		t.Errorf("a hump that is over is no step: %+v", j)
	}
	if _, ok := v.step(series(now.Add(-time.Hour), time.Minute, 1, 1, 1, 5, 5, 5)); ok {
		t.Error("a series that ended an hour ago does not speak of the present")
	}
	if _, ok := v.step(series(now, time.Minute, 1, 5)); ok {
		t.Error("two samples are no curve")
	}
	g, ok := trend(series(now, 10*time.Minute, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6).Points)
	if !ok || math.Abs(g.perHour-0.3) > 0.01 || g.fit < 0.99 {
		t.Errorf("trend: %+v %v", g, ok)
	}
	r := perSecond(series(now, time.Minute, 0, 60, 120, 180, 240))
	if len(r.Points) != 4 || r.Points[0].Value != 1 {
		t.Errorf("rate of a counter: %+v", r.Points)
	}
	if x, ok := v.current(series(now, time.Minute)); ok || x != 0 {
		t.Error("no samples are no value")
	}
}

func TestRootsOfARing(t *testing.T) {
	all := []incident.Finding{{Reason: incident.AppExitError, Confidence: 0.7}, {Reason: incident.ReadinessProbeFailed, Confidence: 0.9}, {Reason: incident.PodNotReady, Confidence: 0.99}, {Reason: incident.SecretMissing, Confidence: 0.5}}
	// 0 and 1 explain each other; 1 explains 2; 3 stands alone.
	got := roots(all, [][]int{{1}, {0}, {1}, nil})
	if diff := cmp.Diff([]int{1, 1, 1, 3}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdownListsEveryReason(t *testing.T) {
	m := Markdown()
	for _, r := range incident.Reasons {
		if !strings.Contains(m, "| "+string(r.Reason)+" ") {
			t.Errorf("%s is not in the table", r.Reason)
		}
	}
	if m != Markdown() {
		t.Error("the table must not change from call to call")
	}
}

func TestEveryDiagnoserHasANameAndADoc(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range All {
		if d.Name == "" || d.Doc == "" || d.Run == nil || seen[d.Name] {
			t.Errorf("%+v", d.Name)
		}
		seen[d.Name] = true
		if got := d.Run(&observe.Snapshot{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}); len(got) != 0 {
			t.Errorf("%s finds something in nothing: %v", d.Name, got)
		}
	}
	for _, n := range []string{"metric-analyzer", "pod-failure-diagnoser", "workload-failure-diagnoser", "node-failure-diagnoser", "change-impact-analyzer"} {
		if !seen[n] {
			t.Errorf("no diagnoser under the published name %s", n)
		}
	}
}

func TestAPanicIsAGap(t *testing.T) {
	k := skill{"broken-diagnoser", "", func(*view) []incident.Finding { panic("nil map \x1b[31m") }}
	f, gap := k.examine(nil)
	if len(f) != 0 || gap != "broken-diagnoser failed and could not judge: nil map" {
		t.Errorf("%v %q", f, gap)
	}
}
