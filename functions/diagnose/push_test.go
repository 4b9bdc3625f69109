package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/huaweicloud"
)

// gateway is SMN behind the gateway, in one of its moods.
type gateway struct {
	push      huaweicloud.Push
	err       error
	wakeErr   error
	confirmed int
	woken     []byte
}

func (g *gateway) OpenPush(context.Context, []byte) (huaweicloud.Push, error) { return g.push, g.err }

func (g *gateway) Confirm(context.Context, huaweicloud.Push) error {
	g.confirmed++
	return nil
}

func (g *gateway) Wake(_ context.Context, role string, payload any) error {
	if role != "diagnose" {
		return errors.New("another role: " + role)
	}
	var err error
	if g.woken, err = json.Marshal(payload); err != nil {
		return err
	}
	return g.wakeErr
}

func TestPush(t *testing.T) {
	for name, tc := range map[string]struct {
		gateway
		status, confirmed int
		message           string // what the woken run reads
	}{
		"a notification":     {gateway: gateway{push: huaweicloud.Push{Type: huaweicloud.PushNotification, ID: "m-1", Message: "id=1\nevent_name=x"}}, status: 200, message: "id=1\nevent_name=x"},
		"a subscription":     {gateway: gateway{push: huaweicloud.Push{Type: huaweicloud.PushConfirmation}}, status: 200, confirmed: 1},
		"a farewell":         {gateway: gateway{push: huaweicloud.Push{Type: "UnsubscribeConfirmation"}}, status: 200},
		"a forgery":          {gateway: gateway{err: &huaweicloud.Error{Kind: huaweicloud.Denied}}, status: 403},
		"no certificate":     {gateway: gateway{err: &huaweicloud.Error{Kind: huaweicloud.Unavailable}}, status: 503},
		"it cannot be woken": {gateway: gateway{push: huaweicloud.Push{Type: huaweicloud.PushNotification, Message: "x"}, wakeErr: errors.New("throttled")}, status: 503, message: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			g := tc.gateway
			d := &diagnosis{pushes: &g, wake: &g}
			out, err := d.handle(t.Context(), []byte(`{"httpMethod":"POST","path":"/cce-oncall/alarms","headers":{"x-smn-message-type":"Notification"},"body":"{}","isBase64Encoded":false}`))
			if err != nil {
				t.Fatal(err)
			}
			resp, ok := out.(functiongraph.Response)
			if !ok || resp.StatusCode != tc.status || g.confirmed != tc.confirmed {
				t.Fatalf("%+v, confirmed %d times", out, g.confirmed)
			}
			if tc.message == "" {
				if g.woken != nil {
					t.Errorf("woken with %s", g.woken)
				}
				return
			}
			ev, err := functiongraph.Decode(g.woken)
			if err != nil || len(ev.SMN) != 1 || ev.SMN[0].Message != tc.message || ev.SMN[0].MessageID != g.push.ID {
				t.Errorf("the woken run reads %+v, %v", ev, err)
			}
		})
	}
}
