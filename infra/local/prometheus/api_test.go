package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// now is the time of every test: a round number, so that answers can be read.
var now = time.Unix(1_700_000_000, 0)

func newServer(t *testing.T) *httptest.Server {
	t.Helper()
	db, err := openDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newAPI(db, func() time.Time { return now }))
	t.Cleanup(func() {
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func ingest(t *testing.T, server *httptest.Server, body string) (int, string) {
	t.Helper()
	response, err := server.Client().Post(server.URL+"/ingest", "application/json", strings.NewReader(body))
	return read(t, response, err)
}

func mustIngest(t *testing.T, server *httptest.Server, body string) {
	t.Helper()
	if code, answer := ingest(t, server, body); code != http.StatusOK {
		t.Fatalf("ingest: %d %s", code, answer)
	}
}

func get(t *testing.T, server *httptest.Server, path string, params ...string) (int, string) {
	t.Helper()
	response, err := server.Client().Get(server.URL + path + "?" + form(params).Encode())
	return read(t, response, err)
}

func form(params []string) url.Values {
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Add(params[i], params[i+1])
	}
	return values
}

func read(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSuffix(string(body), "\n")
}

// values writes one sample a minute, the last one at the given time.
func values(last time.Time, numbers ...string) string {
	var out []string
	for i, number := range numbers {
		at := last.Add(time.Duration(i-len(numbers)+1) * time.Minute)
		out = append(out, fmt.Sprintf("[%d,%q]", at.Unix(), number))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func TestInstantQuery(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[
		{"metric":{"__name__":"up","pod":"b"},"values":`+values(now, "0")+`},
		{"metric":{"__name__":"up","pod":"a"},"values":`+values(now, "1")+`},
		{"metric":{"__name__":"odd","n":"1"},"values":`+values(now, "NaN")+`},
		{"metric":{"__name__":"odd","n":"2"},"values":`+values(now, "+Inf")+`},
		{"metric":{"__name__":"requests_total"},"values":`+values(now, "0", "60", "120", "180", "240", "300")+`}
	]`)
	for query, want := range map[string]string{
		`sort(up)`:                   `{"resultType":"vector","result":[{"metric":{"__name__":"up","pod":"b"},"value":[1700000000,"0"]},{"metric":{"__name__":"up","pod":"a"},"value":[1700000000,"1"]}]}`,
		`sum(up)`:                    `{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"1"]}]}`,
		`odd{n="1"}`:                 `{"resultType":"vector","result":[{"metric":{"__name__":"odd","n":"1"},"value":[1700000000,"NaN"]}]}`,
		`odd{n="2"}`:                 `{"resultType":"vector","result":[{"metric":{"__name__":"odd","n":"2"},"value":[1700000000,"+Inf"]}]}`,
		`rate(requests_total[5m])`:   `{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"1"]}]}`,
		`nothing`:                    `{"resultType":"vector","result":[]}`,
		`nothing[5m]`:                `{"resultType":"matrix","result":[]}`,
		`1+1`:                        `{"resultType":"scalar","result":[1700000000,"2"]}`,
		`"words"`:                    `{"resultType":"string","result":[1700000000,"words"]}`,
		`requests_total[90s]`:        `{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total"},"values":[[1699999940,"240"],[1700000000,"300"]]}]}`,
		`requests_total offset 2m`:   `{"resultType":"vector","result":[{"metric":{"__name__":"requests_total"},"value":[1700000000,"180"]}]}`,
		`count(up) by (none) > 1000`: `{"resultType":"vector","result":[]}`,
	} {
		code, answer := get(t, server, "/api/v1/query", "query", query)
		if want := `{"status":"success","data":` + want + `}`; code != http.StatusOK || withoutNotes(t, answer) != want {
			t.Errorf("%s = %d %s\nwant %s", query, code, answer, want)
		}
	}
}

// withoutNotes drops the remarks on a query, which are words that may change.
func withoutNotes(t *testing.T, text string) string {
	t.Helper()
	if at := strings.Index(text, `,"infos":`); at >= 0 {
		return text[:at] + "}"
	}
	return text
}

func TestQueryByPOST(t *testing.T) {
	server := newServer(t)
	response, err := server.Client().PostForm(server.URL+"/api/v1/query", form([]string{"query", "vector(1)", "time", "2023-11-14T22:13:20.5Z"}))
	code, answer := read(t, response, err)
	want := `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000.5,"1"]}]}}`
	if code != http.StatusOK || answer != want {
		t.Errorf("POST = %d %s\nwant %s", code, answer, want)
	}
}

func TestRangeQuery(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[{"metric":{"__name__":"load","node":"n"},"values":`+values(now, "1", "2", "3")+`}]`)
	code, answer := get(t, server, "/api/v1/query_range", "query", "load", "start", "1699999880", "end", "1700000000", "step", "1m")
	want := `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"load","node":"n"},"values":[[1699999880,"1"],[1699999940,"2"],[1700000000,"3"]]}]}}`
	if code != http.StatusOK || answer != want {
		t.Errorf("query_range = %d %s\nwant %s", code, answer, want)
	}
	code, answer = get(t, server, "/api/v1/query_range", "query", "nothing", "start", "1699999880", "end", "1700000000", "step", "60")
	want = `{"status":"success","data":{"resultType":"matrix","result":[]}}`
	if code != http.StatusOK || answer != want {
		t.Errorf("empty query_range = %d %s\nwant %s", code, answer, want)
	}
}

func TestErrors(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[
		{"metric":{"__name__":"a","pod":"1","x":"1"},"values":`+values(now, "1")+`},
		{"metric":{"__name__":"a","pod":"1","x":"2"},"values":`+values(now, "1")+`}
	]`)
	for _, c := range []struct {
		path   string
		params []string
		code   int
		kind   string
		says   string
	}{
		{"/api/v1/query", []string{"query", "up{"}, 400, "bad_data", `invalid parameter "query": 1:4: parse error: unexpected end of input inside braces`},
		{"/api/v1/query", []string{}, 400, "bad_data", `invalid parameter "query": unknown position: parse error: no expression found in input`},
		{"/api/v1/query", []string{"query", "up", "time", "noon"}, 400, "bad_data", `invalid parameter "time": cannot parse "noon" to a valid timestamp`},
		{"/api/v1/query", []string{"query", "a * on(pod) a"}, 422, "execution", "found duplicate series for the match group"},
		{"/api/v1/query_range", []string{"query", "up", "start", "1", "end", "2"}, 400, "bad_data", `invalid parameter "step": cannot parse "" to a valid duration`},
		{"/api/v1/query_range", []string{"query", "up", "start", "2", "end", "1", "step", "1"}, 400, "bad_data", "end timestamp must not be before start time"},
		{"/api/v1/query_range", []string{"query", "up", "start", "0", "end", "1e6", "step", "1"}, 400, "bad_data", "exceeded maximum resolution of 11,000 points"},
		{"/api/v1/query_range", []string{"query", "up", "start", "0", "end", "1", "step", "0"}, 400, "bad_data", "zero or negative query resolution"},
		{"/api/v1/series", []string{}, 400, "bad_data", "no match[] parameter provided"},
		{"/api/v1/series", []string{"match[]", "{}"}, 400, "bad_data", "match[] must contain at least one non-empty matcher"},
		{"/api/v1/label/%ff/values", []string{}, 400, "bad_data", "invalid label name"},
	} {
		code, text := get(t, server, c.path, c.params...)
		var answer answer
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Errorf("%s %v: %v in %s", c.path, c.params, err, text)
			continue
		}
		if code != c.code || answer.Status != "error" || answer.ErrorType != c.kind || !strings.Contains(answer.Error, c.says) {
			t.Errorf("%s %v = %d %s\nwant %d %s: %s", c.path, c.params, code, text, c.code, c.kind, c.says)
		}
	}
}

func TestIngestRefuses(t *testing.T) {
	server := newServer(t)
	for body, says := range map[string]string{
		`{`: "unexpected EOF",
		`[{"metric":{"pod":"a"},"values":[[1700000000,"1"]]}]`:                                  "needs a metric name",
		`[{"metric":{"__name__":"a"},"values":[[1700000000,1]]}]`:                               "a value must look like",
		`[{"metric":{"__name__":"a"},"values":[[1700000000,"much"]]}]`:                          "a value must be a number in a string",
		`[{"metric":{"__name__":"a"},"values":[[1700000000,"1"],[1600000000,"1"]]}]`:            "append to {__name__=\"a\"} at 2020-09-13",
		`[{"metric":{"__name__":"b"},"values":[[1700000000,"1"]]},{"metric":{},"values":null}]`: "needs a metric name",
	} {
		code, text := ingest(t, server, body)
		if code != http.StatusBadRequest || !strings.Contains(text, `"errorType":"bad_data"`) {
			t.Errorf("%s = %d %s", body, code, text)
		}
		var answer answer
		if err := json.Unmarshal([]byte(text), &answer); err != nil || !strings.Contains(answer.Error, says) {
			t.Errorf("%s says %q, want %q", body, answer.Error, says)
		}
	}
	// Nothing of a refused request may stay.
	if _, answer := get(t, server, "/api/v1/query", "query", `{__name__=~"a|b"}`); !strings.Contains(answer, `"result":[]`) {
		t.Errorf("samples of refused requests: %s", answer)
	}
}

func TestPastMayBeWrittenAfterwards(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[{"metric":{"__name__":"load"},"values":`+values(now, "9")+`}]`)
	before := now.Add(-30 * 24 * time.Hour)
	mustIngest(t, server, `[{"metric":{"__name__":"load"},"values":`+values(before, "1", "2")+`},
		{"metric":{"__name__":"load"},"values":`+values(before.Add(-2*time.Minute), "0")+`},
		{"metric":{"__name__":"new"},"values":`+values(before, "7")+`}]`)
	for query, want := range map[string]string{
		"load[5m]": `[[1697407880,"0"],[1697407940,"1"],[1697408000,"2"]]`,
		"new":      `[1697408000,"7"]`,
	} {
		_, answer := get(t, server, "/api/v1/query", "query", query, "time", "1697408000")
		if !strings.Contains(answer, want) {
			t.Errorf("%s a month ago = %s, want %s", query, answer, want)
		}
	}
	if _, answer := get(t, server, "/api/v1/query", "query", "load"); !strings.Contains(answer, `[1700000000,"9"]`) {
		t.Errorf("load now = %s", answer)
	}
}

func TestStaleness(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[
		{"metric":{"__name__":"silent"},"values":`+values(now, "1")+`},
		{"metric":{"__name__":"ended"},"values":`+values(now, "1", "stale")+`}
	]`)
	for _, c := range []struct {
		query string
		after time.Duration
		seen  bool
	}{
		{"silent", 4 * time.Minute, true},
		{"silent", 6 * time.Minute, false},
		{"ended", -time.Second, true},
		{"ended", 0, false},
	} {
		at := fmt.Sprint(now.Add(c.after).Unix())
		_, answer := get(t, server, "/api/v1/query", "query", c.query, "time", at)
		if seen := strings.Contains(answer, `"value"`); seen != c.seen {
			t.Errorf("%s after %v: seen = %v, want %v: %s", c.query, c.after, seen, c.seen, answer)
		}
	}
}

func TestSeriesAndLabels(t *testing.T) {
	server := newServer(t)
	mustIngest(t, server, `[
		{"metric":{"__name__":"up","pod":"b"},"values":`+values(now, "1")+`},
		{"metric":{"__name__":"up","pod":"a"},"values":`+values(now, "1")+`},
		{"metric":{"__name__":"load","node":"n"},"values":`+values(now, "1")+`}
	]`)
	for _, c := range []struct {
		path   string
		params []string
		want   string
	}{
		{"/api/v1/series", []string{"match[]", "up"}, `[{"__name__":"up","pod":"a"},{"__name__":"up","pod":"b"}]`},
		{"/api/v1/series", []string{"match[]", `up{pod="a"}`, "match[]", "load"}, `[{"__name__":"load","node":"n"},{"__name__":"up","pod":"a"}]`},
		{"/api/v1/series", []string{"match[]", `up{pod="a"}`, "match[]", "up"}, `[{"__name__":"up","pod":"a"},{"__name__":"up","pod":"b"}]`},
		{"/api/v1/series", []string{"match[]", "nothing"}, `[]`},
		{"/api/v1/labels", nil, `["__name__","node","pod"]`},
		{"/api/v1/labels", []string{"match[]", "load"}, `["__name__","node"]`},
		{"/api/v1/label/pod/values", nil, `["a","b"]`},
		{"/api/v1/label/__name__/values", []string{"match[]", "load", "match[]", "up"}, `["load","up"]`},
		{"/api/v1/label/none/values", nil, `[]`},
		{"/api/v1/label/pod/values", []string{"end", "1600000000"}, `[]`},
	} {
		code, answer := get(t, server, c.path, c.params...)
		if want := `{"status":"success","data":` + c.want + `}`; code != http.StatusOK || answer != want {
			t.Errorf("%s %v = %d %s\nwant %s", c.path, c.params, code, answer, want)
		}
	}
}

func TestHealthz(t *testing.T) {
	if code, answer := get(t, newServer(t), "/healthz"); code != http.StatusOK || answer != "ok" {
		t.Errorf("healthz = %d %s", code, answer)
	}
}
