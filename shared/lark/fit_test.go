package lark

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cce-oncall/shared/incident"
)

// swell repeats every list of the incident n times and makes every text long.
func swell(v View, n, length int) View {
	long := strings.Repeat("很长的文本 with_markup <b>*x*</b> ", length/30+1)
	fill(reflect.ValueOf(v.Incident), long)
	i := v.Incident
	i.Alarms = slices.Repeat(i.Alarms, n)
	for r := range i.Rounds {
		x := &i.Rounds[r]
		x.Diagnosis.Causes, x.Diagnosis.Effects = slices.Repeat(x.Diagnosis.Causes, n), slices.Repeat(x.Diagnosis.Effects, n)
		x.Diagnosis.Gaps, x.Diagnosis.Look = slices.Repeat(x.Diagnosis.Gaps, n), slices.Repeat(x.Diagnosis.Look, n)
		for c := range x.Diagnosis.Causes {
			f := &x.Diagnosis.Causes[c]
			f.Evidence, f.Counter = slices.Repeat(f.Evidence, n), slices.Repeat(f.Counter, n)
		}
		s := &x.Scene
		s.Workloads, s.Pods, s.Nodes = slices.Repeat(s.Workloads, n), slices.Repeat(s.Pods, n), slices.Repeat(s.Nodes, n)
		s.HPAs, s.Changes, s.Charts = slices.Repeat(s.HPAs, n), slices.Repeat(s.Changes, n), slices.Repeat(s.Charts, n)
		for c := range s.Charts {
			s.Charts[c].Lines = slices.Repeat(s.Charts[c].Lines, n)
		}
		if x.Plan != nil {
			x.Plan.Solutions = slices.Repeat(x.Plan.Solutions, n)
			for k := range x.Plan.Solutions {
				sol := &x.Plan.Solutions[k]
				sol.ID = string(rune('A' + k%26))
				sol.Change, sol.Steps = slices.Repeat(sol.Change, n), slices.Repeat(sol.Steps, min(n, 20))
			}
		}
		x.Decisions = slices.Repeat(x.Decisions, min(n, 3))
		if e := x.Execution; e != nil {
			e.Stopped, e.Failed = "", ""
			e.Steps, e.Confirmation.Decisions = slices.Repeat(e.Steps, n), slices.Repeat(e.Confirmation.Decisions, n)
			for k := range e.Verification {
				c := &e.Verification[k]
				c.Checks, c.Remaining, c.New = slices.Repeat(c.Checks, n), slices.Repeat(c.Remaining, n), slices.Repeat(c.New, n)
			}
		}
	}
	bind(i)
	if i.Closed != nil {
		i.Closed.Risks, i.Closed.Advice = slices.Repeat([]incident.Text{{EN: long}}, n), slices.Repeat([]incident.Text{{EN: long}}, n)
	}
	v.Approvers = slices.Repeat(v.Approvers, n)
	return v
}

// However much there is to say, a card is made, fits, and says what it left out.
func TestCardsAlwaysFit(t *testing.T) {
	for _, size := range []struct{ n, length int }{{1, 600}, {5, 30}, {40, 1500}} {
		for _, l := range []Language{Both, Chinese} {
			if l == Chinese && size.n > 5 {
				continue // the last cuts are of one language anyway
			}
			for name, v := range states(l) {
				what := fmt.Sprintf("%s, %s, lists × %d, texts of %d", name, l, size.n, size.length)
				normal, err := IncidentCard(v)
				if err != nil {
					t.Fatal(err)
				}
				b, err := IncidentCard(swell(v, size.n, size.length))
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if len(b) > budget || Validate(b) != nil {
					t.Errorf("%s: %d bytes, %v", what, len(b), Validate(b))
				}
				if strings.Contains(string(b), "could not be drawn") {
					t.Errorf("%s: only a stub was left", what)
				}
				for _, id := range []string{`"confirm_A"`, `"reject"`, `"stop"`, `"undo"`} {
					if strings.Contains(string(normal), `"element_id":`+id) && !strings.Contains(string(b), id) {
						t.Errorf("%s: the button %s was lost", what, id)
					}
				}
			}
		}
	}
}

// The order in which a card gives things up: evidence detail, second language, chart, long lists.
func TestWhatIsLeftOutFirst(t *testing.T) {
	left := func(b []byte) (out []string) {
		for _, s := range []string{"evidence detail", "the Chinese text", "the chart", "long lists and texts"} {
			if strings.Contains(string(b), s) {
				out = append(out, s)
			}
		}
		return out
	}
	seen := map[int]bool{}
	for n := 0; n < 80; n += 1 + n/16 {
		v := view(Both)
		r := &v.Incident.Rounds[0]
		for range n * 2 {
			r.Diagnosis.Effects = append(r.Diagnosis.Effects, incident.Finding{Summary: incident.Text{EN: strings.Repeat("a symptom ", 10), ZH: strings.Repeat("症状", 20)}})
		}
		for i := range r.Plan.Solutions {
			s := &r.Plan.Solutions[i]
			s.Prediction = incident.Text{EN: strings.Repeat("passt → ", 2*n), ZH: strings.Repeat("可调度。", 3*n)}
			s.Change = slices.Repeat(s.Change, 1+n/8)
			s.Scheduling, s.Resources, s.Cost, s.Verify, s.Impact = s.Prediction, s.Prediction, s.Prediction, s.Prediction, s.Prediction
			s.Title, s.When, s.Rollback = s.Prediction, s.Prediction, s.Prediction
		}
		for range n / 10 {
			r.Diagnosis.Causes = append(r.Diagnosis.Causes, r.Diagnosis.Causes[1])
			r.Plan.Solutions = append(r.Plan.Solutions, r.Plan.Solutions[0])
			r.Plan.Solutions[len(r.Plan.Solutions)-1].ID = string(rune('C' + len(r.Plan.Solutions)))
		}
		b, err := IncidentCard(v)
		if err != nil {
			t.Fatal(err)
		}
		got := left(b)
		want := []string{"evidence detail", "the Chinese text", "the chart", "long lists and texts"}[:len(got)]
		if !slices.Equal(got, want) {
			t.Errorf("size %d: left out %v", n, got)
		}
		seen[len(got)] = true
		both, chart := strings.Contains(string(b), "zh_cn"), strings.Contains(string(b), "chart_spec")
		if both != (len(got) < 2) || chart != (len(got) < 3) {
			t.Errorf("size %d: says it left out %v, but both languages %v and chart %v are there", n, got, both, chart)
		}
	}
	if len(seen) != 5 {
		t.Errorf("sizes that were met left out only %v parts", seen)
	}
}

func TestStubHasATitleAndNoButtons(t *testing.T) {
	v := view(Both)
	b, err := write(v.Look, v.Now, func(p pen, c cut) card {
		s := v.judged().sheet(p, c)
		s.parts = append(s.parts, &markdown{Tag: "markdown", Content: strings.Repeat("x", maxCard)})
		return s.card(p)
	})
	if err != nil || Validate(b) != nil {
		t.Fatalf("%v, %v", err, Validate(b))
	}
	s := string(b)
	if !strings.Contains(s, "could not be drawn") || !strings.Contains(s, "default/chat-app: container CPU") || strings.Contains(s, "callback") {
		t.Errorf("stub: %s", s)
	}
}

func TestThin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var in []incident.ChartPoint
		peak := math.Inf(-1)
		for i := range r.IntN(300) {
			p := incident.ChartPoint{At: testNow.Add(time.Duration(i) * time.Second), Value: r.Float64()}
			if r.IntN(10) == 0 {
				p.Value = math.NaN()
			} else {
				peak = math.Max(peak, p.Value)
			}
			in = append(in, p)
		}
		n := 1 + r.IntN(60)
		out := thin(in, n)
		if len(out) > n {
			t.Fatalf("%d points of %d wanted", len(out), n)
		}
		got := math.Inf(-1)
		for i, p := range out {
			got = math.Max(got, p.Value)
			if math.IsNaN(p.Value) || (i > 0 && !p.At.After(out[i-1].At)) {
				t.Fatalf("point %d is %v", i, p)
			}
		}
		if got != peak {
			t.Fatalf("the peak %v became %v", peak, got)
		}
	}
}

func TestChartNames(t *testing.T) {
	for _, tt := range []struct{ in, want []string }{
		{[]string{"chat-app-6d5f-aaaaa", "chat-app-6d5f-bbbbb"}, []string{"aaaaa", "bbbbb"}},
		{[]string{"worker-1", "worker-2"}, []string{"1", "2"}},
		{[]string{"only-one"}, []string{"only-one"}},
		{[]string{"same", "same", ""}, []string{"same", "same #2", " #3"}},
		{[]string{"a-", "a-b"}, []string{"a-", "b"}},
	} {
		var lines []incident.ChartLine
		for _, n := range tt.in {
			lines = append(lines, incident.ChartLine{Name: n})
		}
		if got := (pen{}).shortNames(lines); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestEmptyChartIsNotDrawn(t *testing.T) {
	p := pen{language: English, zone: time.UTC, now: testNow}
	for name, c := range map[string]incident.Chart{
		"no line":         {},
		"no point":        {Lines: []incident.ChartLine{{Name: "x"}}},
		"nothing but NaN": {Lines: []incident.ChartLine{{Name: "x", Points: []incident.ChartPoint{{At: testNow, Value: math.NaN()}}}}},
	} {
		if _, _, ok := p.draw(c); ok {
			t.Errorf("%s: drawn", name)
		}
	}
}
