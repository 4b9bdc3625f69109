package huaweicloud

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// CTS reads who changed what through the cloud's own APIs and console. Changes that kubectl makes at the API server are not in it.
type CTS struct {
	Session *Session
	// Cluster leaves out traces that name another cluster.
	Cluster incident.Cluster
	// OwnPrincipals are names or ids of our own agencies: what they did is no change to diagnose.
	OwnPrincipals []string
	// Services are the service types asked for; nil is CCE.
	Services []string
}

const (
	tracePage  = 200 // ListTraces' largest
	tracePages = 25
	// traceMemory is how far back CTS can be asked.
	traceMemory = 7 * 24 * time.Hour
)

// Since lists what was changed between two times, oldest first: successful writes by others than ourselves. What a request or an
// answer held is not kept, but for a few harmless fields (replica and node counts, images, versions). Where there is more than can
// be paged through, the newest are returned with an error that says so. Source: ListTraces, GET /v3/{project}/traces, which
// remembers 7 days and takes minutes to know of a call.
func (c *CTS) Since(ctx context.Context, from, to time.Time) ([]observe.Change, error) {
	if oldest := c.Session.Now().Add(-traceMemory); from.Before(oldest) {
		from = oldest
	}
	if !from.Before(to) {
		return nil, refused(CTSService, "ListTraces", "the span of time is empty, or longer ago than CTS remembers")
	}
	services := c.Services
	if len(services) == 0 {
		services = []string{"CCE"}
	}
	var out []observe.Change
	for _, service := range services {
		found, err := c.list(ctx, service, from, to)
		out = append(out, found...)
		if err != nil {
			return sorted(out), err
		}
	}
	return sorted(out), nil
}

func sorted(changes []observe.Change) []observe.Change {
	slices.SortStableFunc(changes, func(x, y observe.Change) int {
		return cmp.Or(x.At.Compare(y.At), strings.Compare(x.Target.String(), y.Target.String()), strings.Compare(x.Verb, y.Verb))
	})
	return changes
}

func (c *CTS) list(ctx context.Context, service string, from, to time.Time) ([]observe.Change, error) {
	const op = "ListTraces"
	query := url.Values{
		"trace_type": {"system"}, "service_type": {service}, "limit": {strconv.Itoa(tracePage)},
		"from": {strconv.FormatInt(from.UnixMilli(), 10)}, "to": {strconv.FormatInt(to.UnixMilli(), 10)},
	}
	hide := c.Session.hide(ctx)
	var out []observe.Change
	seen := map[string]bool{}
	for range tracePages {
		var page struct {
			Traces []trace `json:"traces"`
			Meta   struct {
				Marker *string `json:"marker"`
			} `json:"meta_data"`
		}
		if err := c.Session.do(ctx, call{service: CTSService, op: op, method: http.MethodGet, path: path("v3", c.Session.Project, "traces"), query: query}, &page); err != nil {
			return out, err
		}
		fresh := false
		for _, t := range page.Traces {
			if t.ID != "" && seen[t.ID] {
				continue
			}
			seen[t.ID] = true
			fresh = true
			if t.wrote() && !t.by(c.OwnPrincipals) && !t.elsewhere(c.Cluster.ID) {
				out = append(out, t.change(c.Cluster.ID, hide))
			}
		}
		next := page.Meta.Marker
		if !fresh || next == nil || *next == "" || *next == query.Get("next") {
			return out, nil
		}
		query.Set("next", *next)
	}
	return out, refused(CTSService, op, fmt.Sprintf("more than %d changes; only the newest were read", tracePage*tracePages))
}
