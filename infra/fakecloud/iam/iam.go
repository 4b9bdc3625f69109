// Package iam is who may do what in the emulated cloud: users with permanent keys, agencies with temporary ones, and the policies
// that decide. A call is refused exactly where the real account would refuse it (unknown key, missing or stale security token, wrong
// signature, an action no policy allows), so that least privilege is something a test can fail on and not only a promise.
package iam

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/sign"
)

// MaxSkew is how far X-Sdk-Date may be from the server's clock.
const MaxSkew = 15 * time.Minute

// Errors of Authenticate beside those of package sign.
var (
	ErrUnknownKey = errors.New("the access key does not exist")
	ErrToken      = errors.New("the security token does not belong to the access key")
	ErrExpired    = errors.New("the temporary credential is expired")
)

// ErrNoAgency says that no agency has the name that was asked for.
var ErrNoAgency = errors.New("agency not found")

// Credential is a temporary key of an agency, as FunctionGraph hands it to code.
type Credential struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string
	AuthToken     string // usable as X-Auth-Token
	Expires       time.Time
}

// Agency is a role of the account that a service may take on.
type Agency struct {
	ID          string
	Name        string
	Trust       string // trust_domain_name, op_svc_cff for FunctionGraph
	Description string
	Duration    string // FOREVER or hours
	Created     time.Time
	Kubernetes  edge.Kubernetes
	Roles       []Grant
}

// Grant attaches a role to an agency within a scope.
type Grant struct {
	Role  string // role id
	Scope string // project:<id>, domain:<id> or all
}

type principal struct {
	caller  edge.Caller
	secret  string
	token   string
	expires time.Time // zero: permanent
}

// Store holds all identities of one account. The zero value is not usable: see New.
type Store struct {
	Project string // project id
	Domain  string // account id
	Region  string
	// SessionTTL is how long the credentials of a function's run live; default about 24 hours. Set before use.
	SessionTTL time.Duration

	mu         sync.Mutex
	keys       map[string]principal // by access key
	tokens     map[string]principal // by X-Auth-Token
	userPolicy map[string]Policy    // by user id
	agencies   map[string]*Agency   // by id
	roles      map[string]*Role     // by id
}

// New makes an account with the system roles and nobody in it.
func New(project, domain, region string) *Store {
	s := &Store{
		Project: project, Domain: domain, Region: region,
		keys: map[string]principal{}, tokens: map[string]principal{}, userPolicy: map[string]Policy{},
		agencies: map[string]*Agency{}, roles: map[string]*Role{},
	}
	for _, r := range systemRoles() {
		s.roles[r.ID] = &r
	}
	return s
}

// AddUser adds a permanent key whose user may take the given actions ("*" for all).
func (s *Store) AddUser(name, accessKey, secret string, actions ...string) edge.Caller {
	c := edge.Caller{ID: hexID("user", name), Name: name, AccessKey: accessKey, Kubernetes: edge.Kubernetes{User: hexID("user", name)}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[accessKey] = principal{caller: c, secret: secret}
	s.userPolicy[c.ID] = Allow(actions...)
	return c
}

// AddAgency adds an agency that may take the given actions; adding a known name replaces its actions and identity. An empty
// Kubernetes user means the agency's own id, as the gateway presents it.
func (s *Store) AddAgency(name string, k edge.Kubernetes, actions ...string) Agency {
	s.mu.Lock()
	defer s.mu.Unlock()
	role := &Role{ID: hexID("role", name), DisplayName: name + "-inline", Custom: true, Policy: Allow(actions...)}
	s.roles[role.ID] = role
	a := s.byName(name)
	if a == nil {
		a = &Agency{ID: hexID("agency", name), Name: name, Trust: "op_svc_cff", Duration: "FOREVER"}
		s.agencies[a.ID] = a
	}
	if k.User == "" {
		k.User = a.ID
	}
	a.Kubernetes = k
	a.Roles = []Grant{{Role: role.ID, Scope: "all"}}
	return clone(a)
}

// SetKubernetes changes how the gateway presents an agency to the API server.
func (s *Store) SetKubernetes(agency string, k edge.Kubernetes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byName(agency)
	if a == nil {
		return fmt.Errorf("%w: %s", ErrNoAgency, agency)
	}
	a.Kubernetes = k
	return nil
}

// FindAgency returns the agency of that name.
func (s *Store) FindAgency(name string) (Agency, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byName(name); a != nil {
		return clone(a), true
	}
	return Agency{}, false
}

// Issue makes a fresh temporary credential of an agency.
func (s *Store) Issue(agency string, now time.Time, ttl time.Duration) (Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byName(agency)
	if a == nil {
		return Credential{}, fmt.Errorf("%w: %s", ErrNoAgency, agency)
	}
	c := Credential{
		AccessKey: "HST" + random(9), SecretKey: random(20), SecurityToken: random(48), AuthToken: random(48), Expires: now.Add(ttl),
	}
	s.forget(now)
	p := principal{
		caller: edge.Caller{ID: a.ID, Name: a.Name, Agency: true, AccessKey: c.AccessKey},
		secret: c.SecretKey, token: c.SecurityToken, expires: c.Expires,
	}
	s.keys[c.AccessKey] = p
	s.tokens[c.AuthToken] = p
	return c, nil
}

// forget drops keys that expired more than a day ago; until then they are answered with ErrExpired, not with ErrUnknownKey.
func (s *Store) forget(now time.Time) {
	stale := func(p principal) bool { return !p.expires.IsZero() && now.Sub(p.expires) > 24*time.Hour }
	for k, p := range s.keys {
		if stale(p) {
			delete(s.keys, k)
		}
	}
	for k, p := range s.tokens {
		if stale(p) {
			delete(s.tokens, k)
		}
	}
}

// Authenticate finds the caller of a signed or token-bearing request.
func (s *Store) Authenticate(r *http.Request, body []byte, now time.Time) (edge.Caller, error) {
	if token := r.Header.Get("X-Auth-Token"); token != "" && r.Header.Get("Authorization") == "" {
		s.mu.Lock()
		p, ok := s.tokens[token]
		s.mu.Unlock()
		if !ok {
			return edge.Caller{}, ErrUnknownKey
		}
		return s.alive(p, now)
	}
	a, err := sign.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return edge.Caller{}, err
	}
	p, err := s.Key(a.AccessKey, r.Header.Get("X-Security-Token"), now)
	if err != nil {
		return edge.Caller{}, err
	}
	if err := sign.Verify(r, body, a, p.Secret, now, MaxSkew); err != nil {
		return edge.Caller{}, err
	}
	return p.Caller, nil
}

// Key is what another signature scheme (that of OBS) needs to check a request of this account.
type Key struct {
	Secret string
	Caller edge.Caller
}

// Key returns the secret of an access key, provided that the security token goes with it.
func (s *Store) Key(accessKey, token string, now time.Time) (Key, error) {
	s.mu.Lock()
	p, ok := s.keys[accessKey]
	s.mu.Unlock()
	if !ok {
		return Key{}, ErrUnknownKey
	}
	if p.token != token {
		return Key{}, ErrToken
	}
	caller, err := s.alive(p, now)
	return Key{Secret: p.secret, Caller: caller}, err
}

func (s *Store) alive(p principal, now time.Time) (edge.Caller, error) {
	if !p.expires.IsZero() && now.After(p.expires) {
		return edge.Caller{}, ErrExpired
	}
	c := p.caller
	if c.Agency {
		s.mu.Lock()
		defer s.mu.Unlock()
		a := s.agencies[c.ID]
		if a == nil {
			return edge.Caller{}, ErrUnknownKey
		}
		c.Kubernetes = edge.Kubernetes{User: a.Kubernetes.User, Groups: slices.Clone(a.Kubernetes.Groups)}
	}
	return c, nil
}

// Allowed says whether the caller's policies allow an action; an explicit deny wins, and nothing allows by default.
func (s *Store) Allowed(c edge.Caller, action string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.Agency {
		return s.userPolicy[c.ID].decide(action) == allowed
	}
	a := s.agencies[c.ID]
	if a == nil {
		return false
	}
	verdict := silent
	for _, g := range a.Roles {
		role := s.roles[g.Role]
		if role == nil {
			continue
		}
		switch role.Policy.decide(action) {
		case denied:
			return false
		case allowed:
			verdict = allowed
		case silent:
		}
	}
	return verdict == allowed
}

func (s *Store) byName(name string) *Agency {
	for _, a := range s.agencies {
		if a.Name == name {
			return a
		}
	}
	return nil
}

func clone(a *Agency) Agency {
	c := *a
	c.Roles = slices.Clone(a.Roles)
	c.Kubernetes.Groups = slices.Clone(a.Kubernetes.Groups)
	return c
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
