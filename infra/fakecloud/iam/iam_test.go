package iam_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/iam"
	"cce-oncall/infra/fakecloud/sign"
)

var now = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func TestAllowed(t *testing.T) {
	s := iam.New("p", "d", "r")
	s.AddAgency("agency", edge.Kubernetes{}, "cce:*:get*", "functiongraph:function:invoke*", "aom:alarm:list")
	cred, err := s.Issue("agency", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Key(cred.AccessKey, cred.SecurityToken, now)
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]bool{
		"cce:nodepool:getNodepool":           true,
		"cce:nodepool:scale":                 false,
		"functiongraph:function:invoke":      true,
		"functiongraph:function:invokeAsync": true,
		"functiongraph:function:list":        false,
		"aom:alarm:list":                     true,
		"AOM:Alarm:List":                     true,
		"aom:alarm:put":                      false,
		"":                                   false,
	} {
		if got := s.Allowed(key.Caller, action); got != want {
			t.Errorf("Allowed(%q) = %v, want %v", action, got, want)
		}
	}
}

func TestFormerNames(t *testing.T) {
	s := iam.New("p", "d", "r")
	c := s.AddUser("u", "AK", "SK", "cce:cluster:get", "cce:nodepool:get")
	for action, want := range map[string]bool{
		"cce:cluster:getCluster": true, "cce:cluster:generateClientCredential": true, "cce:nodepool:getNodepool": true, "cce:nodepool:scale": false, "cce:node:getNode": false,
	} {
		if got := s.Allowed(c, action); got != want {
			t.Errorf("Allowed(%q) = %v, want %v", action, got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	s := iam.New("p", "d", "r")
	c := s.AddUser("u", "AK", "SK", "*")
	if !s.Allowed(c, "cce:nodepool:scale") {
		t.Error("a user with every right is refused")
	}
	nobody := s.AddUser("n", "AK2", "SK2")
	if s.Allowed(nobody, "cce:cluster:list") {
		t.Error("a user without policies is allowed")
	}
}

func TestAuthenticate(t *testing.T) {
	s := iam.New("p", "d", "r")
	s.AddAgency("agency", edge.Kubernetes{User: "k8s-user", Groups: []string{"g"}}, "*")
	cred, err := s.Issue("agency", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		token, secret string
		auth          string // X-Auth-Token instead of a signature
		at            time.Time
		want          error
	}{
		{name: "signed", token: cred.SecurityToken, secret: cred.SecretKey, at: now},
		{name: "by token", auth: cred.AuthToken, at: now},
		{name: "unknown token", auth: "nonsense", at: now, want: iam.ErrUnknownKey},
		{name: "expired token", auth: cred.AuthToken, at: now.Add(2 * time.Hour), want: iam.ErrExpired},
		{name: "expired key", token: cred.SecurityToken, secret: cred.SecretKey, at: now.Add(2 * time.Hour), want: iam.ErrExpired},
		{name: "no security token", secret: cred.SecretKey, at: now, want: iam.ErrToken},
		{name: "wrong secret", token: cred.SecurityToken, secret: "x", at: now, want: sign.ErrMismatch},
		{name: "nothing", at: now, want: sign.ErrUnsigned},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/v3/projects", nil)
			switch {
			case tt.auth != "":
				r.Header.Set("X-Auth-Token", tt.auth)
			case tt.secret != "":
				if tt.token != "" {
					r.Header.Set("X-Security-Token", tt.token)
				}
				sign.Sign(r, nil, cred.AccessKey, tt.secret, tt.at)
			}
			c, err := s.Authenticate(r, nil, tt.at)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error = %v, want %v", err, tt.want)
			}
			if err == nil && (c.Name != "agency" || !c.Agency || c.Kubernetes.User != "k8s-user" || len(c.Kubernetes.Groups) != 1) {
				t.Errorf("caller = %+v", c)
			}
		})
	}
}

func TestIssueForNobody(t *testing.T) {
	if _, err := iam.New("p", "d", "r").Issue("nobody", now, time.Hour); !errors.Is(err, iam.ErrNoAgency) {
		t.Errorf("error = %v, want %v", err, iam.ErrNoAgency)
	}
}
