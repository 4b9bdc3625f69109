package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetest "k8s.io/client-go/testing"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/config"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
)

var (
	probedAt = time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	probed   = config.Cluster{ID: "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", Name: "shop-production", Chat: "oc_1"}
)

// answers is every service but Kubernetes, in one of the ways they may answer.
type answers struct {
	*record.Memory
	spoil           bool
	putNew, delete  error
	alarmsErr, lark error
	series          []observe.Series
	sent            [][]byte
}

func (a *answers) Get(ctx context.Context, key string) ([]byte, error) {
	b, err := a.Memory.Get(ctx, key)
	if a.spoil {
		b = append([]byte("400;chunk-signature="), b...)
	}
	return b, err
}
func (a *answers) PutNew(context.Context, string, []byte) error { return a.putNew }
func (a *answers) Delete(context.Context, string) error         { return a.delete }
func (a *answers) Alarms(context.Context, bool, time.Duration) ([]alarm.Alarm, error) {
	return nil, a.alarmsErr
}

func (a *answers) Instant(context.Context, string, time.Time) ([]observe.Series, error) {
	return a.series, nil
}
func (a *answers) Pools(context.Context) ([]observe.NodePool, error) { return nil, nil }
func (a *answers) Send(_ context.Context, chat string, card []byte, _ string) (string, error) {
	if chat != probed.Chat {
		return "", errors.New("another chat: " + chat)
	}
	a.sent = append(a.sent, card)
	return "om_1", a.lark
}

// asked runs a probe against the answers and says how each check came out, by the first words of its name.
func asked(t *testing.T, a *answers, mayWrite bool, reachErr error) (map[string]string, []byte) {
	t.Helper()
	client := fake.NewClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}})
	client.PrependReactor("create", "leases", func(action kubetest.Action) (bool, runtime.Object, error) {
		if opts := action.(kubetest.CreateActionImpl).CreateOptions; !cmp.Equal(opts.DryRun, []string{metav1.DryRunAll}) {
			t.Error("the probe's write is no trial run")
		}
		if mayWrite {
			return true, nil, nil
		}
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}, "cce-oncall-probe", errors.New("no"))
	})
	x := &inspection{
		clusters: config.Clusters{probed}, now: func() time.Time { return probedAt }, redact: func(s string) string { return strings.ReplaceAll(s, "planted", "***") },
		cards: func(context.Context) (cards, error) { return a, nil }, style: lark.Look{Language: lark.Both, Zone: time.UTC, Redact: func(s string) string { return s }},
		services: func(context.Context, config.Cluster) (services, error) {
			s := services{records: a, guard: a, alarms: a, metrics: a, bot: func(context.Context) (lark.Bot, error) { return lark.Bot{Name: "on-call"}, a.lark }}
			if reachErr == nil {
				s.kube, s.pools = client, a
			}
			return s, reachErr
		},
	}
	result, err := x.handle(t.Context(), []byte(`{"mode":"probe","cluster":"shop-production"}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(result)
	if err != nil || bytes.Contains(raw, []byte("planted")) {
		t.Fatalf("%s %v", raw, err)
	}
	out := map[string]string{}
	checks, _ := result.([]lark.ProbeCheck)
	for _, c := range checks {
		if c.State == bad && (c.Fix.EN == "" || c.Fix.ZH == "") {
			t.Errorf("%s failed and does not say what to change", c.Name.EN)
		}
		out[strings.Join(strings.Fields(c.Name.EN)[:3], " ")] = c.State
	}
	if len(a.sent) != 1 {
		t.Fatalf("%d cards", len(a.sent))
	}
	return out, a.sent[0]
}

func working() *answers {
	return &answers{
		Memory: &record.Memory{}, series: []observe.Series{{}}, putNew: &huaweicloud.Error{Kind: huaweicloud.Conflict, Status: 412}, delete: &huaweicloud.Error{Kind: huaweicloud.Denied, Status: 403},
	}
}

func TestProbe(t *testing.T) {
	all := func(differ map[string]string) map[string]string {
		want := map[string]string{
			"OBS takes a": good, "OBS returns the": good, "OBS and If-None-Match:": good, "OBS refuses to": good, "AOM shows the": good, "AOM answers queries": good,
			"Kubernetes lets the": good, "Kubernetes refuses a": good, "CCE shows the": good, "Lark accepts the": good,
		}
		for k, v := range differ {
			want[k] = v
			if v == "" {
				delete(want, k)
			}
		}
		return want
	}
	down := &huaweicloud.Error{Kind: huaweicloud.Unavailable, Message: "planted"}
	for name, tc := range map[string]struct {
		change   func(*answers)
		mayWrite bool
		reach    error
		want     map[string]string
		title    string
	}{
		"everything works":           {want: all(nil), title: "all 10 checks passed"},
		"conditions are ignored":     {change: func(a *answers) { a.putNew = nil }, want: all(nil), title: "all 10 checks passed"},
		"bodies are framed":          {change: func(a *answers) { a.spoil = true }, want: all(map[string]string{"OBS returns the": bad}), title: "1 check of the deployment failed"},
		"records can be deleted":     {change: func(a *answers) { a.delete = nil }, want: all(map[string]string{"OBS refuses to": bad}), title: "1 check of the deployment failed"},
		"nobody knows about deletes": {change: func(a *answers) { a.delete = down }, want: all(map[string]string{"OBS refuses to": unknown}), title: "had no answer"},
		"no metrics":                 {change: func(a *answers) { a.series = nil }, want: all(map[string]string{"AOM answers queries": bad}), title: "1 check of the deployment failed"},
		"AOM is down":                {change: func(a *answers) { a.alarmsErr = down }, want: all(map[string]string{"AOM shows the": unknown}), title: "had no answer"},
		"looking may write":          {mayWrite: true, want: all(map[string]string{"Kubernetes refuses a": bad}), title: "1 check of the deployment failed"},
		"Lark refuses":               {change: func(a *answers) { a.lark = errors.New("planted: app secret invalid") }, want: all(map[string]string{"Lark accepts the": bad, "The chat takes": bad}), title: "1 check of the deployment failed"},
		"no way to the cluster": {reach: errors.New("no such cluster"), want: all(map[string]string{
			"Kubernetes lets the": bad, "Kubernetes refuses a": "", "CCE shows the": "",
		}), title: "1 check of the deployment failed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := working()
			if tc.change != nil {
				tc.change(a)
			}
			got, card := asked(t, a, tc.mayWrite, tc.reach)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !bytes.Contains(card, []byte(tc.title)) {
				t.Errorf("the card does not say %q: %.400s", tc.title, card)
			}
		})
	}
}
