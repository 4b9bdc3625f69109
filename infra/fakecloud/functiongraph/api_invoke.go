package functiongraph

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

func (p *Platform) invokeRoutes(function string) []edge.Route {
	trace := edge.Trace{Service: "FunctionGraph", Resource: "functions", Name: "updateAsyncInvokeConfig", Of: "urn"}
	return []edge.Route{
		{Method: "POST", Path: function + "/invocations", Action: "functiongraph:function:invoke", Do: p.apiInvoke},
		{Method: "POST", Path: function + "/invocations-async", Action: "functiongraph:function:invokeAsync", Do: p.apiInvokeAsync},
		{Method: "GET", Path: function + "/async-invocations", Action: "functiongraph:function:list", Do: p.apiAsyncList},
		{Method: "PUT", Path: function + "/async-invoke-config", Action: "functiongraph:function:updateFunctionAsyncInvokeConfig", Trace: trace, Do: p.apiSetAsync},
		{Method: "GET", Path: function + "/async-invoke-config", Action: "functiongraph:function:getFunctionAsyncInvokeConfig", Do: p.apiGetAsync},
		{Method: "DELETE", Path: function + "/async-invoke-config", Action: "functiongraph:function:deleteFunctionAsyncInvokeConfig", Do: p.apiDeleteAsync},
	}
}

// syncCut is when the gateway in front of the service gives up on a synchronous answer; the run goes on.
const syncCut = 90 * time.Second

func (p *Platform) apiInvoke(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), syncCut)
	defer cancel()
	result, err := p.Invoke(ctx, name, eventOf(c), "api")
	if errors.Is(err, context.DeadlineExceeded) {
		return edge.Answer{}, &edge.Error{Status: http.StatusGatewayTimeout, Code: "APIGW.0201", Message: "Backend timeout."}
	}
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	c.Header.Set("X-Cff-Request-Id", result.RequestID)
	switch {
	case result.Status == StatusDiscard:
		return edge.Answer{}, &edge.Error{Status: http.StatusTooManyRequests, Code: result.Code, Message: result.Message}
	case result.Code == "FSS.0408":
		return edge.Answer{}, &edge.Error{Status: http.StatusRequestTimeout, Code: result.Code, Message: result.Message}
	case result.Status != StatusSuccess:
		c.Header.Set("X-Is-Func-Err", "true")
		c.Header.Set("X-Func-Err-Code", result.Code)
		message := result.Message
		if len(result.Body) > 0 {
			message = string(result.Body)
		}
		return edge.Answer{}, &edge.Error{Status: http.StatusInternalServerError, Code: result.Code, Message: message}
	}
	if c.Request.Header.Get("X-Cff-Request-Version") != "v1" {
		return edge.OK(result.Body)
	}
	body := map[string]any{"request_id": result.RequestID, "result": string(result.Body), "status": http.StatusOK}
	if c.Request.Header.Get("X-Cff-Log-Type") == "tail" {
		body["log"] = result.Log
	}
	return edge.OK(body)
}

// eventOf lets an empty body be an empty event.
func eventOf(c *edge.Call) []byte {
	if len(bytes.TrimSpace(c.Body)) == 0 {
		return []byte("{}")
	}
	return c.Body
}

func (p *Platform) apiInvokeAsync(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	id, err := p.InvokeAsync(name, eventOf(c), "api")
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Reply(http.StatusAccepted, map[string]string{"request_id": id})
}

// asyncStatus is one row of the list of asynchronous requests: the last delivery tells how the request stands.
type asyncStatus struct {
	RequestID string `json:"request_id"`
	Status    string `json:"status"`
	Code      string `json:"error_code,omitempty"`
	Message   string `json:"error_message,omitempty"`
	Start     string `json:"start_time"`
	End       string `json:"end_time"`
}

func (p *Platform) apiAsyncList(c *edge.Call) (edge.Answer, error) {
	name, err := p.named(c)
	if err != nil {
		return edge.Answer{}, err
	}
	latest := map[string]asyncStatus{}
	for _, i := range p.Invocations(name) {
		if !i.Async {
			continue
		}
		latest[i.RequestID] = asyncStatus{
			RequestID: i.RequestID, Status: i.Status, Code: i.Code, Message: i.Message,
			Start: i.Queued.UTC().Format(time.RFC3339), End: i.Finished.UTC().Format(time.RFC3339),
		}
	}
	rows := slices.SortedFunc(maps.Values(latest), func(a, b asyncStatus) int {
		if d := strings.Compare(a.Start, b.Start); d != 0 {
			return d
		}
		return strings.Compare(a.RequestID, b.RequestID)
	})
	q := c.URL.Query()
	rows = slices.DeleteFunc(rows, func(r asyncStatus) bool {
		return (q.Get("request_id") != "" && r.RequestID != q.Get("request_id")) || (q.Get("status") != "" && r.Status != q.Get("status"))
	})
	start := min(c.Int("marker", 0), len(rows))
	end := min(start+c.Int("limit", 100), len(rows))
	return edge.OK(map[string]any{
		"invocations": rows[start:end], "count": len(rows), "page_info": map[string]int{"next_marker": end, "previous_marker": start, "current_count": end - start},
	})
}

type asyncJSON struct {
	Age          int                        `json:"max_async_event_age_in_seconds"`
	Retries      int                        `json:"max_async_retry_attempts"`
	StatusLog    bool                       `json:"enable_async_status_log"`
	Destinations map[string]destinationJSON `json:"destination_config"`
}

type destinationJSON struct {
	Kind  string `json:"destination"`
	Param string `json:"param"`
}

func (p *Platform) apiSetAsync(c *edge.Call) (edge.Answer, error) {
	var body asyncJSON
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Age < 0 || body.Age > 86400 || body.Retries < 0 || body.Retries > 3 {
		return edge.Answer{}, edge.BadRequest("max_async_event_age_in_seconds must be within 1 and 86400, max_async_retry_attempts within 0 and 3")
	}
	async := &AsyncConfig{MaxAge: time.Duration(body.Age) * time.Second, Retries: body.Retries, StatusLog: body.StatusLog}
	if d, ok := body.Destinations["on_success"]; ok && d.Kind != "" {
		async.OnSuccess = &Destination{Kind: d.Kind, Param: d.Param}
	}
	if d, ok := body.Destinations["on_failure"]; ok && d.Kind != "" {
		async.OnFailure = &Destination{Kind: d.Kind, Param: d.Param}
	}
	if err := p.SetAsync(c.PathValue("urn"), async); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return p.apiGetAsync(c)
}

// SetAsync changes the policy for asynchronous requests; nil takes it away. Instances stay.
func (p *Platform) SetAsync(ref string, a *AsyncConfig) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.find(ref)
	if f == nil {
		return ErrNoFunction
	}
	f.spec.Async = a
	return nil
}

func (p *Platform) apiGetAsync(c *edge.Call) (edge.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.find(c.PathValue("urn"))
	if f == nil || f.spec.Async == nil {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "FSS.0404", Message: "the function has no asynchronous invocation configuration"}
	}
	a := f.spec.Async
	destinations := map[string]any{"on_success": map[string]string{}, "on_failure": map[string]string{}}
	if a.OnSuccess != nil {
		destinations["on_success"] = destinationJSON{a.OnSuccess.Kind, a.OnSuccess.Param}
	}
	if a.OnFailure != nil {
		destinations["on_failure"] = destinationJSON{a.OnFailure.Kind, a.OnFailure.Param}
	}
	at := f.changed.UTC().Format(time.RFC3339)
	return edge.OK(map[string]any{
		"func_urn": f.urn, "max_async_event_age_in_seconds": int(a.MaxAge / time.Second), "max_async_retry_attempts": a.Retries,
		"enable_async_status_log": a.StatusLog, "destination_config": destinations, "created_time": at, "last_modified": at,
	})
}

func (p *Platform) apiDeleteAsync(c *edge.Call) (edge.Answer, error) {
	if err := p.SetAsync(c.PathValue("urn"), nil); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Status(http.StatusNoContent)
}

func (p *Platform) triggerRoutes() []edge.Route {
	const all, one = "/v2/{project}/fgs/triggers/{urn}", "/v2/{project}/fgs/triggers/{urn}/{type}/{id}"
	trace := func(name string) edge.Trace {
		return edge.Trace{Service: "FunctionGraph", Resource: "trigger", Name: name, Of: "urn"}
	}
	return []edge.Route{
		{Method: "GET", Path: "/v2/{project}/fgs/triggertypes", Action: "functiongraph:trigger:listTrigger", Do: func(*edge.Call) (edge.Answer, error) { return edge.OK(p.opt.TriggerTypes) }},
		{Method: "POST", Path: all, Action: "functiongraph:trigger:createTrigger", Trace: trace("createTrigger"), Do: p.apiAddTrigger},
		{Method: "GET", Path: all, Action: "functiongraph:trigger:listTrigger", Do: p.apiTriggers},
		{Method: "GET", Path: one, Action: "functiongraph:trigger:getTrigger", Do: p.apiTrigger},
		{Method: "PUT", Path: one, Action: "functiongraph:trigger:updateTrigger", Trace: trace("updateTrigger"), Do: p.apiUpdateTrigger},
		{Method: "DELETE", Path: one, Action: "functiongraph:trigger:deleteTrigger", Trace: trace("deleteTrigger"), Do: p.apiRemoveTrigger},
	}
}

type triggerJSON struct {
	ID      string         `json:"trigger_id,omitempty"`
	Type    string         `json:"trigger_type_code"`
	Status  string         `json:"trigger_status"`
	Data    map[string]any `json:"event_data"`
	Created string         `json:"created_time,omitempty"`
	Changed string         `json:"last_updated_time,omitempty"`
}

func (t Trigger) json() triggerJSON {
	return triggerJSON{
		ID: t.ID, Type: t.Type, Status: t.Status, Data: t.EventData,
		Created: t.Created.UTC().Format(time.RFC3339), Changed: t.Changed.UTC().Format(time.RFC3339),
	}
}

func (p *Platform) apiAddTrigger(c *edge.Call) (edge.Answer, error) {
	var body triggerJSON
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	t, err := p.AddTrigger(c.PathValue("urn"), body.Type, body.Status, body.Data)
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Reply(http.StatusCreated, t.json())
}

func (p *Platform) apiTriggers(c *edge.Call) (edge.Answer, error) {
	triggers, err := p.Triggers(c.PathValue("urn"))
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	out := []triggerJSON{}
	for _, t := range triggers {
		out = append(out, t.json())
	}
	return edge.OK(out)
}

func (p *Platform) apiTrigger(c *edge.Call) (edge.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, _, err := p.trigger(c.PathValue("urn"), c.PathValue("id"))
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.OK(t.json())
}

func (p *Platform) apiUpdateTrigger(c *edge.Call) (edge.Answer, error) {
	var body triggerJSON
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	t, err := p.UpdateTrigger(c.PathValue("urn"), c.PathValue("id"), body.Status, body.Data)
	if err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.OK(t.json())
}

func (p *Platform) apiRemoveTrigger(c *edge.Call) (edge.Answer, error) {
	if err := p.RemoveTrigger(c.PathValue("urn"), c.PathValue("id")); err != nil {
		return edge.Answer{}, refusal(err)
	}
	return edge.Status(http.StatusNoContent)
}
