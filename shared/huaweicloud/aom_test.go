package huaweicloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

func event(id string, startsAt, endsAt int64, meta string) string {
	return fmt.Sprintf(`{"id":%q,"event_sn":"sn-%s","starts_at":%d,"ends_at":%d,"metadata":{"event_name":"n","event_severity":"Major","event_type":"alarm"%s},"extra_of_ours":[1,2]}`, id, id, startsAt, endsAt, meta)
}

func ids(alarms []alarm.Alarm) []string {
	var out []string
	for _, a := range alarms {
		out = append(out, a.ID)
	}
	return out
}

func TestAlarmsPages(t *testing.T) {
	mine := `,"clusterId":"` + testCluster + `"`
	pages := map[string]string{
		"0":  `{"events":[` + event("3", 3000, 0, mine) + `,"odd",` + event("2", 2000, 0, mine) + `],"page_info":{"current_count":3,"next_marker":"m1"}}`,
		"m1": `{"events":[` + event("2", 2000, 2500, mine) + `,` + event("9", 900, 0, `,"clusterId":"another"`) + `,` + event("1", 1000, 0, "") + `],"page_info":{"next_marker":7}}`,
		"7":  `{"events":[],"page_info":{"next_marker":"8"}}`,
	}
	c := newCloud(t, func(_ int, r *http.Request, _ []byte) reply { return reply{body: pages[r.URL.Query().Get("marker")]} })
	a := &AOM{Session: c.session(), Cluster: incident.Cluster{ID: testCluster, Name: "demo"}, EnterpriseProject: "all_granted_eps"}
	events, err := a.Events(t.Context(), true, 90*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1", "2", "3"}, ids(events.Alarms)); d != "" {
		t.Errorf("alarms (-want +got):\n%s", d)
	}
	if events.Alarms[1].Active() {
		t.Error("the later reading of alarm 2, which is cleared, was lost")
	}
	if !strings.Contains(string(events.Alarms[2].Raw), "extra_of_ours") {
		t.Errorf("raw event lost a field: %s", events.Alarms[2].Raw)
	}
	if len(events.Odd) != 1 || string(events.Odd[0]) != `"odd"` {
		t.Errorf("odd events %s", events.Odd)
	}
	requests := c.requests()
	if len(requests) != 3 {
		t.Fatalf("%d requests, want 3", len(requests))
	}
	first := requests[0]
	if first.method != http.MethodPost || first.path != "/v2/"+testProject+"/events" || first.header.Get("Enterprise-Project-Id") != "all_granted_eps" {
		t.Errorf("request %s %s %v", first.method, first.path, first.header)
	}
	if d := cmp.Diff("limit=1000&marker=0&type=active_alert", first.query); d != "" {
		t.Error(d)
	}
	var body struct {
		TimeRange string `json:"time_range"`
	}
	if err := json.Unmarshal([]byte(first.body), &body); err != nil || body.TimeRange != "-1.-1.2" {
		t.Errorf("body %s", first.body)
	}
}

func TestAlarmsEnd(t *testing.T) {
	for name, page := range map[string]string{
		"no page info":         `{"events":[` + event("1", 1, 0, "") + `]}`,
		"null marker":          `{"events":[` + event("1", 1, 0, "") + `],"page_info":{"next_marker":null}}`,
		"empty marker":         `{"events":[` + event("1", 1, 0, "") + `],"page_info":{"next_marker":""}}`,
		"a marker that stands": `{"events":[` + event("1", 1, 0, "") + `],"page_info":{"next_marker":"0"}}`,
	} {
		c := newCloud(t, replies(reply{body: page}))
		got, err := (&AOM{Session: c.session()}).Alarms(t.Context(), false, time.Hour)
		if err != nil || len(got) != 1 || len(c.requests()) != 1 {
			t.Errorf("%s: %d alarms in %d requests, error %v", name, len(got), len(c.requests()), err)
		}
	}
	endless := newCloud(t, func(n int, _ *http.Request, _ []byte) reply {
		return reply{body: fmt.Sprintf(`{"events":[%s],"page_info":{"next_marker":"m%d"}}`, event(fmt.Sprint(n), 1, 0, ""), n)}
	})
	if _, err := (&AOM{Session: endless.session()}).Alarms(t.Context(), false, time.Hour); !errors.Is(err, Invalid) {
		t.Errorf("endless pages: error %v", err)
	}
}

func TestAlarmsRefusesAnEmptyWindow(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	if _, err := (&AOM{Session: c.session()}).Alarms(t.Context(), true, 0); !errors.Is(err, Invalid) || len(c.requests()) != 0 {
		t.Errorf("error %v, %d requests", err, len(c.requests()))
	}
}

func TestAlarmsOfOneClusterAlone(t *testing.T) {
	all := `{"events":[` + strings.Join([]string{
		event("id", 1, 0, `,"clusterId":"`+testCluster+`"`), event("other-id", 2, 0, `,"clusterId":"other","clusterName":"demo"`),
		event("name", 3, 0, `,"clusterName":"demo"`), event("other-name", 4, 0, `,"clusterName":"prod"`), event("none", 5, 0, ""),
	}, ",") + `]}`
	for _, tc := range []struct {
		cluster incident.Cluster
		want    []string
	}{
		{incident.Cluster{}, []string{"id", "other-id", "name", "other-name", "none"}},
		{incident.Cluster{ID: testCluster, Name: "demo"}, []string{"id", "name", "none"}},
		{incident.Cluster{ID: testCluster}, []string{"id", "name", "other-name", "none"}},
	} {
		c := newCloud(t, replies(reply{body: all}))
		got, err := (&AOM{Session: c.session(), Cluster: tc.cluster}).Alarms(t.Context(), true, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, ids(got)); d != "" {
			t.Errorf("cluster %v (-want +got):\n%s", tc.cluster, d)
		}
	}
}

func TestRange(t *testing.T) {
	c := newCloud(t, replies(reply{body: `{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"pod":"b"},"values":[[1763795000,"-1"],[1763795060,"0.5"],[1763795120,"NaN"],[1763795180.5,"-1.5"],[1763795240,"+Inf"]]},
		{"metric":{"pod":"c"},"values":[[1763795000,"-1"],[1763795060,"NaN"]]},
		{"metric":{"pod":"a","node":"n"},"values":[[1763795060,"2"]]}]}}`}))
	a := &AOM{Session: c.session(), Instance: "prom-1"}
	from := time.Unix(1763795000, 0)
	got, err := a.Range(t.Context(), `sum(x{a="b"}) by (pod) > 0`, from, from.Add(5*time.Minute), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	at := func(s float64) time.Time { return time.UnixMilli(int64(s * 1000)).UTC() }
	want := []observe.Series{
		{Labels: map[string]string{"pod": "a", "node": "n"}, Points: []observe.Point{{At: at(1763795060), Value: 2}}},
		{Labels: map[string]string{"pod": "b"}, Points: []observe.Point{{At: at(1763795060), Value: 0.5}, {At: at(1763795180.5), Value: -1.5}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
	r := c.requests()[0]
	if r.method != http.MethodGet || r.path != "/v1/"+testProject+"/prom-1/aom/api/v1/query_range" ||
		r.query != "end=1763795300&query=sum%28x%7Ba%3D%22b%22%7D%29%20by%20%28pod%29%20%3E%200&start=1763795000&step=60" {
		t.Errorf("request %s %s ?%s", r.method, r.path, r.query)
	}
}

func TestRangeRefusesNonsense(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	a := &AOM{Session: c.session()}
	for name, err := range map[string]error{
		"end before start": second(a.Range(t.Context(), "up", testNow, testNow.Add(-time.Second), time.Minute)),
		"no step":          second(a.Range(t.Context(), "up", testNow, testNow, 0)),
	} {
		if !errors.Is(err, Invalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func second[T any](_ T, err error) error { return err }

func TestInstant(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       []observe.Series
		kind       Kind
	}{
		{"vector", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1763795000,"1"]}]}}`, []observe.Series{{Labels: map[string]string{"__name__": "up"}, Points: []observe.Point{{At: time.Unix(1763795000, 0).UTC(), Value: 1}}}}, ""},
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1763795000,"42"]}}`, []observe.Series{{Labels: map[string]string{}, Points: []observe.Point{{At: time.Unix(1763795000, 0).UTC(), Value: 42}}}}, ""},
		{"none", `{"status":"success","data":{"resultType":"vector","result":[]}}`, []observe.Series{}, ""},
		{"error with status 200", `{"status":"error","errorType":"bad_data","error":"parse error near ` + testSK + `"}`, nil, Invalid},
		{"another form", `{"status":"success","data":{"resultType":"vector","result":[{"value":["x","1"]}]}}`, nil, Invalid},
		{"unknown type", `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, nil, Invalid},
		{"no data", `{}`, nil, Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, replies(reply{body: tc.body}))
			got, err := (&AOM{Session: c.session()}).Instant(t.Context(), "up", testNow)
			if KindOf(err) != tc.kind {
				t.Fatalf("error %v, want kind %q", err, tc.kind)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("series (-want +got):\n%s", d)
			}
			if err != nil {
				silent(t, err.Error())
			}
			if r := c.requests()[0]; r.path != "/v1/"+testProject+"/0/aom/api/v1/query" {
				t.Errorf("path %s", r.path)
			}
		})
	}
}

func TestRule(t *testing.T) {
	rules := `{"alarm_rules":[{"alarm_rule_name":"container-cpu-old"},
		{"alarm_rule_name":"CCE_container-cpu_` + testCluster + `","metric_alarm_spec":{"trigger_conditions":[{"promql":"x > 80","promql_for":"1m","trigger_times":3,"trigger_interval":"15s","operator":">","thresholds":{"Minor":"60","Critical":"80"}}]}},
		{"alarm_rule_name":"event-rule","event_alarm_spec":{}},
		{"alarm_rule_name":"odd","metric_alarm_spec":{"trigger_conditions":[{"promql":null,"promql_for":"","trigger_times":"2","trigger_interval":"1min","thresholds":{"Major":0.5}}]}}]}`
	for name, want := range map[string]alarm.Rule{
		"container-cpu": {Name: "CCE_container-cpu_" + testCluster, Period: 15 * time.Second, Times: 3, For: time.Minute, Operator: ">", Threshold: "80", PromQL: "x > 80"},
		"event-rule":    {Name: "event-rule"},
		"odd":           {Name: "odd", Period: time.Minute, Times: 2, Threshold: "0.5"},
	} {
		c := newCloud(t, replies(reply{body: rules}))
		got, err := (&AOM{Session: c.session(), Cluster: incident.Cluster{ID: testCluster}}).Rule(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	c := newCloud(t, replies(reply{body: rules}))
	if _, err := (&AOM{Session: c.session()}).Rule(t.Context(), "container"); !errors.Is(err, NotFound) {
		t.Errorf("a name that is only a part: error %v", err)
	}
}

func TestSpan(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"15s": 15 * time.Second, "1min": time.Minute, "1m": time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour, "500ms": 500 * time.Millisecond,
		"": 0, "03:00": 0, "1 03:00": 0, "*/5 * * * *": 0, "-1m": 0, "1w": 0, "99999999999s": 0,
	} {
		if got := span(in); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}

func TestSilences(t *testing.T) {
	c := newCloud(t, replies(reply{body: `[
		{"name":"night","timezone":"GMT+8","match":[[{"key":"clusterName","operate":"EQUALS","value":["demo"]},{"key":"event_severity","operate":"REGEX","value":["Mi.*"]}],[{"key":"quiet","operate":"EXIST"}]],
		 "mute_config":{"type":"DAILY","starts_at":1763733600000,"ends_at":1763762400000}},
		{"name":"always","match":[[{"key":"quiet","operate":"EXIST"}]],"mute_config":{"type":"FIXED","starts_at":1763700000000}},
		{"name":"bad","match":[[{"key":"clusterName","operate":"REGEX","value":["["]}],[]],"mute_config":{"type":"FIXED","starts_at":1}}]`}))
	silences, err := (&AOM{Session: c.session()}).Silences(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range silences {
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"always", "bad", "night"}, names); d != "" {
		t.Fatal(d)
	}
	// DAILY from 22:00 to 06:00 in China, which is 14:00 to 22:00 in UTC.
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	minor := map[string]string{"clusterName": "demo", "event_severity": "Minor"}
	for _, tc := range []struct {
		silence int
		labels  map[string]string
		at      time.Time
		want    bool
	}{
		{2, minor, day.Add(14 * time.Hour), true},
		{2, minor, day.Add(16*time.Hour + time.Minute), true},
		{2, minor, day.Add(22 * time.Hour), false},
		{2, minor, day.Add(13*time.Hour + 59*time.Minute), false},
		{2, map[string]string{"clusterName": "demo", "event_severity": "Major"}, day.Add(15 * time.Hour), false},
		{2, map[string]string{"quiet": ""}, day.Add(15 * time.Hour), true},
		{0, map[string]string{"quiet": "1"}, day, true},
		{0, map[string]string{"quiet": "1"}, time.UnixMilli(1763700000000 - 1), false},
		{0, minor, day, false},
		{1, minor, day, false},
	} {
		if got := silences[tc.silence].Covers(alarm.Alarm{Labels: tc.labels}, tc.at); got != tc.want {
			t.Errorf("%s covers %v at %v: %v", silences[tc.silence].Name, tc.labels, tc.at, got)
		}
	}
	weekly := Silence{Kind: "WEEKLY", Days: []int{7}, From: day, To: day.Add(23 * time.Hour), Location: time.UTC, match: [][]matcher{{{Key: "quiet", Operate: "EXIST"}}}}
	quiet := alarm.Alarm{Labels: map[string]string{"quiet": ""}}
	if !weekly.Covers(quiet, day.Add(time.Hour)) || weekly.Covers(quiet, day.Add(25*time.Hour)) {
		t.Error("a silence of Sundays does not follow the week")
	}
}

func TestRaise(t *testing.T) {
	c := newCloud(t, replies(reply{status: http.StatusNoContent}))
	a := &AOM{Session: c.session()}
	on := alarm.Alarm{
		ID: "insp-1", SN: "s", Name: "ServiceNoBackend", TitleZH: "服务无后端", Severity: alarm.Major, Provider: "inspect", Cluster: testCluster, ClusterName: "demo",
		Object: alarm.Object{Kind: "Service", Namespace: "default", Name: "web"}, Message: strings.Repeat("m", 3000), FiredAt: testNow, Labels: map[string]string{"long": strings.Repeat("名", 1000), "empty": ""},
	}
	off := on
	off.ID, off.ClearedAt = "1234567890123456789", testNow.Add(time.Minute)
	if err := a.Raise(t.Context(), []alarm.Alarm{on, off}); err != nil {
		t.Fatal(err)
	}
	requests := c.requests()
	if len(requests) != 2 || requests[0].query != "" || requests[1].query != "action=clear" {
		t.Fatalf("requests %v", requests)
	}
	var got [2]struct {
		Events []struct {
			ID       string            `json:"id"`
			StartsAt int64             `json:"starts_at"`
			EndsAt   int64             `json:"ends_at"`
			Metadata map[string]string `json:"metadata"`
		} `json:"events"`
	}
	for i, r := range requests {
		if r.method != http.MethodPut || r.path != "/v2/"+testProject+"/push/events" {
			t.Errorf("request %s %s", r.method, r.path)
		}
		if err := json.Unmarshal([]byte(r.body), &got[i]); err != nil || len(got[i].Events) != 1 {
			t.Fatalf("body %s", r.body)
		}
	}
	raised, cleared := got[0].Events[0], got[1].Events[0]
	if raised.ID != "" || raised.StartsAt != testNow.UnixMilli() || raised.EndsAt != 0 {
		t.Errorf("raised %+v", raised)
	}
	if cleared.ID != off.ID || cleared.EndsAt != off.ClearedAt.UnixMilli() {
		t.Errorf("cleared %+v", cleared)
	}
	for _, key := range []string{"event_name", "event_severity", "event_type", "resource_provider", "resource_type", "resource_id"} {
		if raised.Metadata[key] == "" {
			t.Errorf("mandatory %s is missing", key)
		}
	}
	for key, value := range raised.Metadata {
		if value == "" || len(value) > 2048 {
			t.Errorf("%s has %d bytes", key, len(value))
		}
	}
	back, err := alarm.ParseEvent(json.RawMessage(strings.TrimSuffix(strings.TrimPrefix(requests[0].body, `{"events":[`), `]}`)))
	if err != nil || back.Object != on.Object || back.Cluster != on.Cluster || back.Name != on.Name {
		t.Errorf("what was raised reads back as %+v, error %v", back, err)
	}
	if err := a.Raise(t.Context(), nil); err != nil || len(c.requests()) != 2 {
		t.Error("nothing to raise was sent")
	}
}
