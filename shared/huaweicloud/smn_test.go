package huaweicloud

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

const topic = "urn:smn:cn-north-4:" + testProject + ":oncall"

func TestPublish(t *testing.T) {
	c := newCloud(t, replies(reply{body: `{"request_id":"r","message_id":"m"}`}))
	if err := (&SMN{Session: c.session()}).Publish(t.Context(), topic, "线上\n告警 "+strings.Repeat("长", 300), "正文"); err != nil {
		t.Fatal(err)
	}
	r := c.requests()[0]
	if r.method != http.MethodPost || r.path != "/v2/"+testProject+"/notifications/topics/"+topic+"/publish" || r.header.Get("Content-Type") != "application/json;charset=UTF-8" {
		t.Errorf("request %s %s %s", r.method, r.path, r.header.Get("Content-Type"))
	}
	var body struct{ Subject, Message string }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.Message != "正文" {
		t.Errorf("body %s", r.body)
	}
	if len(body.Subject) > 512 || !utf8.ValidString(body.Subject) || !strings.HasPrefix(body.Subject, "线上 告警 长") {
		t.Errorf("subject of %d bytes: %s", len(body.Subject), body.Subject)
	}
}

func TestPublishRefuses(t *testing.T) {
	c := newCloud(t, replies(reply{}))
	s := &SMN{Session: c.session()}
	for _, err := range []error{
		s.Publish(t.Context(), "", "s", "m"), s.Publish(t.Context(), topic, "s", ""), s.Publish(t.Context(), topic, "s", strings.Repeat("m", 256<<10+1)),
	} {
		if !errors.Is(err, Invalid) {
			t.Errorf("error %v", err)
		}
	}
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestPublishOnce(t *testing.T) {
	c := newCloud(t, replies(reply{drop: true}, reply{body: `{}`}))
	if err := (&SMN{Session: c.session()}).Publish(t.Context(), topic, "s", "m"); !errors.Is(err, Unavailable) || len(c.requests()) != 1 {
		t.Errorf("error %v after %d requests", err, len(c.requests()))
	}
}
