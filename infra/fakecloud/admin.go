package fakecloud

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"cce-oncall/infra/fakecloud/aom"
	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/cts"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/lts"
	"cce-oncall/infra/fakecloud/smn"
)

// admin is the HTTP twin of the Go methods, for scripts: no credentials, JSON in and out, 204 where there is nothing to say.
func (c *Cloud) admin() http.Handler {
	mux := http.NewServeMux()
	routes := map[string]func(r *http.Request) (any, error){
		"GET /_admin/health":     func(*http.Request) (any, error) { return map[string]string{"status": "ok"}, nil },
		"GET /_admin/calls":      c.adminCalls,
		"POST /_admin/faults":    c.adminAddFault,
		"GET /_admin/faults":     func(*http.Request) (any, error) { return c.Faults.List(), nil },
		"DELETE /_admin/faults":  func(r *http.Request) (any, error) { c.Faults.Clear(r.URL.Query().Get("id")); return nil, nil },
		"POST /_admin/tick":      func(r *http.Request) (any, error) { c.Tick(r.Context()); return nil, nil },
		"GET /_admin/functions":  func(*http.Request) (any, error) { return c.Functions.Functions(), nil },
		"POST /_admin/kill":      decoded(func(k functiongraph.Kill) (any, error) { c.Functions.KillNext(k); return nil, nil }),
		"POST /_admin/kill-busy": c.adminKillBusy,
		"POST /_admin/duplicate": decoded(func(b struct {
			Function string
			Times    int
		},
		) (any, error) {
			c.Functions.Duplicate(b.Function, b.Times)
			return nil, nil
		}),
		"GET /_admin/functions/{name}/logs":            func(r *http.Request) (any, error) { return c.Functions.Logs(r.PathValue("name")), nil },
		"GET /_admin/functions/{name}/invocations":     func(r *http.Request) (any, error) { return c.Functions.Invocations(r.PathValue("name")), nil },
		"GET /_admin/invocations":                      func(*http.Request) (any, error) { return c.Functions.Invocations(""), nil },
		"POST /_admin/functions/{name}/fire/{trigger}": c.adminFire,
		"POST /_admin/functions/{name}/invoke":         c.adminInvoke,
		"POST /_admin/wait-idle":                       func(r *http.Request) (any, error) { return nil, c.Functions.WaitIdle(r.Context()) },
		"GET /_admin/alarms":                           c.adminAlarms,
		"POST /_admin/alarms":                          decoded(func(e aom.Event) (any, error) { return map[string]string{"id": c.AOM.Push(e)}, nil }),
		"DELETE /_admin/alarms/{id}":                   c.adminClearAlarm,
		"POST /_admin/events":                          c.adminEvent,
		"GET /_admin/notifications":                    func(*http.Request) (any, error) { return c.AOM.Notifications(), nil },
		"GET /_admin/rule-failures":                    func(*http.Request) (any, error) { return c.AOM.Failures(), nil },
		"POST /_admin/prometheus":                      decoded(func(i aom.Instance) (any, error) { c.AOM.SetInstance(i); return nil, nil }),
		"GET /_admin/messages":                         func(r *http.Request) (any, error) { return c.SMN.Messages(r.URL.Query().Get("topic")), nil },
		"POST /_admin/messages":                        c.adminPublish,
		"POST /_admin/unreliable":                      decoded(func(u smn.Unreliable) (any, error) { c.SMN.Misbehave(u); return nil, nil }),
		"DELETE /_admin/unreliable":                    func(*http.Request) (any, error) { c.SMN.Behave(); return nil, nil },
		"GET /_admin/traces":                           func(*http.Request) (any, error) { return c.CTS.All(), nil },
		"POST /_admin/traces":                          decoded(func(t cts.Trace) (any, error) { return map[string]string{"id": c.CTS.Push(t)}, nil }),
		"POST /_admin/logs":                            c.adminLogs,
		"POST /_admin/clusters/{cluster}/phase":        c.adminPhase,
		"POST /_admin/clusters/{cluster}/pools/{pool}": c.adminPool,
		"POST /_admin/install-delay":                   c.adminInstallDelay,
	}
	for pattern, do := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { adminAnswer(w, r, do) })
	}
	return mux
}

// errInput marks a request that the admin API cannot read.
var errInput = errors.New("the request cannot be read")

func adminAnswer(w http.ResponseWriter, r *http.Request, do func(*http.Request) (any, error)) {
	body, err := do(r)
	switch {
	case errors.Is(err, errInput):
		edge.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
	case errors.Is(err, functiongraph.ErrNoFunction), errors.Is(err, functiongraph.ErrNoTrigger), errors.Is(err, smn.ErrNoTopic),
		errors.Is(err, cce.ErrNoCluster), errors.Is(err, cce.ErrNoPool):
		edge.WriteJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
	case err != nil:
		edge.WriteJSON(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	case body == nil:
		edge.WriteJSON(w, http.StatusNoContent, nil)
	default:
		edge.WriteJSON(w, http.StatusOK, body)
	}
}

// decoded reads a JSON body into T.
func decoded[T any](do func(T) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var v T
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			return nil, errors.Join(errInput, err)
		}
		return do(v)
	}
}

func (c *Cloud) adminCalls(r *http.Request) (any, error) {
	q := r.URL.Query()
	calls := c.Journal.Find(q.Get("service"), q.Get("method"), q.Get("path"))
	if who := q.Get("caller"); who != "" {
		calls = slices.DeleteFunc(calls, func(e edge.Entry) bool { return e.Caller != who })
	}
	if calls == nil {
		calls = []edge.Entry{}
	}
	return calls, nil
}

func (c *Cloud) adminAddFault(r *http.Request) (any, error) {
	return decoded(func(f edge.Fault) (any, error) { return map[string]string{"id": c.Faults.Add(f)}, nil })(r)
}

func (c *Cloud) adminKillBusy(r *http.Request) (any, error) {
	return decoded(func(b struct{ Function string }) (any, error) {
		c.Functions.KillBusy(b.Function, "")
		return nil, nil
	})(r)
}

func (c *Cloud) adminFire(r *http.Request) (any, error) {
	id, err := c.Functions.Fire(r.PathValue("name"), r.PathValue("trigger"))
	if err != nil {
		return nil, err
	}
	return map[string]string{"requestId": id}, nil
}

// adminInvoke runs a function: asynchronously with ?async=true.
func (c *Cloud) adminInvoke(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errors.Join(errInput, err)
	}
	if r.URL.Query().Get("async") == "true" {
		id, err := c.Functions.InvokeAsync(r.PathValue("name"), body, "admin")
		if err != nil {
			return nil, err
		}
		return map[string]string{"requestId": id}, nil
	}
	result, err := c.Functions.Invoke(r.Context(), r.PathValue("name"), body, "admin")
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"requestId": result.RequestID, "status": result.Status, "code": result.Code, "message": result.Message, "result": string(result.Body), "log": result.Log,
	}, nil
}

func (c *Cloud) adminAlarms(*http.Request) (any, error) {
	return map[string][]aom.Event{"active": c.AOM.Active(), "history": c.AOM.History()}, nil
}

func (c *Cloud) adminClearAlarm(r *http.Request) (any, error) {
	return map[string]bool{"cleared": c.AOM.Clear(r.PathValue("id"))}, nil
}

func (c *Cloud) adminEvent(r *http.Request) (any, error) {
	return decoded(func(k aom.KubernetesEvent) (any, error) {
		return map[string]string{"id": c.AOM.RaiseEvent(r.Context(), k)}, nil
	})(r)
}

func (c *Cloud) adminPublish(r *http.Request) (any, error) {
	return decoded(func(b struct{ Topic, Subject, Message string }) (any, error) {
		return nil, c.SMN.Publish(r.Context(), c.SMN.URN(b.Topic), b.Subject, b.Message)
	})(r)
}

func (c *Cloud) adminLogs(r *http.Request) (any, error) {
	return decoded(func(b struct {
		Group, Stream string
		Lines         []struct {
			At      time.Time
			Content string
			Labels  map[string]string
		}
	},
	) (any, error) {
		group := c.LTS.AddGroup(b.Group, 7)
		stream := c.LTS.AddStream(group, b.Stream, 7)
		for _, l := range b.Lines {
			c.LTS.Push(group, stream, lts.Line{At: l.At, Content: l.Content, Labels: l.Labels})
		}
		return map[string]string{"group": group, "stream": stream}, nil
	})(r)
}

func (c *Cloud) adminPhase(r *http.Request) (any, error) {
	return decoded(func(b struct{ Phase, Node string }) (any, error) {
		if b.Node != "" {
			return nil, c.CCE.SetNodePhase(r.PathValue("cluster"), b.Node, b.Phase)
		}
		return nil, c.CCE.SetClusterPhase(r.PathValue("cluster"), b.Phase)
	})(r)
}

// adminPool sets a pool's limit; {"lift":true} takes it away.
func (c *Cloud) adminPool(r *http.Request) (any, error) {
	return decoded(func(b struct {
		cce.Limit
		Lift bool `json:"lift"`
	},
	) (any, error) {
		if b.Lift {
			return nil, c.CCE.SetPoolLimit(r.PathValue("cluster"), r.PathValue("pool"), nil)
		}
		return nil, c.CCE.SetPoolLimit(r.PathValue("cluster"), r.PathValue("pool"), &b.Limit)
	})(r)
}

func (c *Cloud) adminInstallDelay(r *http.Request) (any, error) {
	return decoded(func(b struct {
		MS int `json:"ms"`
	},
	) (any, error) {
		c.CCE.SetInstallDelay(time.Duration(b.MS) * time.Millisecond)
		return nil, nil
	})(r)
}
