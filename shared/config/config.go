// Package config is every knob in one struct, read once at the start. It is the only room that reads the environment. What always
// holds: a missing or wrong value stops the start with one line that names it; a secret's value is never part of that line.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // the platform's image may have no zones

	"github.com/caarlos0/env/v11"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/incident"
)

// Config is how one deployment is set up. On FunctionGraph the variables come from user_data and encrypted_user_data, which the
// platform hands over as one JSON object in RUNTIME_USERDATA; a real environment variable of the same name wins.
type Config struct {
	// What the platform says of itself.
	APIAddr  string `env:"RUNTIME_API_ADDR"`                     // where the custom runtime polls for events; empty outside the platform
	Function string `env:"RUNTIME_FUNC_NAME"`                    // the deployed name of this function
	Package  string `env:"RUNTIME_PACKAGE" envDefault:"default"` // the application the functions belong to
	Timeout  int    `env:"RUNTIME_TIMEOUT" envDefault:"300"`     // seconds an invocation may take
	Project  string `env:"RUNTIME_PROJECT_ID"`                   // the project of the functions, clusters and buckets; or PROJECT_ID
	ProjectB string `env:"PROJECT_ID"`                           // the same, outside the platform

	// Where things are.
	Region         string                  `env:"REGION,required,notEmpty"`                // cn-north-4; the platform does not tell a function
	Endpoints      map[string]string       `env:"-"`                                       // by service: aom cce lts cts smn functiongraph obs csms; see ENDPOINTS
	Endpoint       JSON[map[string]string] `env:"ENDPOINTS"`                               // JSON object overriding https://<service>.<region>.myhuaweicloud.com
	Bucket         string                  `env:"STATE_BUCKET,required,notEmpty"`          // the OBS bucket that keeps incidents, plans and reports
	PathStyle      bool                    `env:"OBS_PATH_STYLE"`                          // only for local S3 servers: OBS itself refuses path style
	Functions      JSON[map[string]string] `env:"FUNCTIONS"`                               // role → deployed function name, {"execute":"prod-execute"}; default: the role
	LeaseNamespace string                  `env:"LEASE_NAMESPACE" envDefault:"cce-oncall"` // namespace in each cluster where execute takes its turns

	// What is watched.
	Clusters       Clusters `env:"CLUSTERS"`        // JSON array, see Cluster
	ClustersObject string   `env:"CLUSTERS_OBJECT"` // instead of CLUSTERS, when that is too long for a variable: see TakeClusters

	// Whom it talks to.
	LarkURL        string `env:"LARK_BASE_URL" envDefault:"https://open.feishu.cn"` // https://open.larksuite.com for Lark
	LarkApp        string `env:"LARK_APP_ID,required,notEmpty"`
	LarkSecretName string `env:"LARK_SECRET_NAME"`                    // CSMS secret holding {"app_secret","encrypt_key","verification_token"}; else the next three
	LarkAppSecret  string `env:"LARK_APP_SECRET"`                     // secret
	LarkEncryptKey string `env:"LARK_ENCRYPT_KEY"`                    // secret; without it anybody can forge a callback
	LarkToken      string `env:"LARK_VERIFICATION_TOKEN"`             // secret
	LarkTenant     string `env:"LARK_TENANT_KEY"`                     // refuse callbacks of other tenants; empty: any
	Language       string `env:"LANGUAGE" envDefault:"both"`          // of cards: zh, en or both
	Timezone       string `env:"TIMEZONE" envDefault:"Asia/Shanghai"` // of the times on cards and of the daily report's day

	// What it may do.
	Policy   JSON[Policy] `env:"POLICY"`         // see Policy
	Paused   bool         `env:"PAUSED"`         // kill switch: nothing is executed while true; the object control/v1/pause.json does the same at once
	OwnNames []string     `env:"OWN_PRINCIPALS"` // IAM names of our own agencies: their calls are no changes to diagnose

	LogLevel string `env:"LOG_LEVEL" envDefault:"info"` // debug, info, warn, error

	// Outside the platform, where no invocation brings credentials.
	AccessKey     string `env:"HUAWEICLOUD_SDK_AK"`             // secret
	SecretKey     string `env:"HUAWEICLOUD_SDK_SK"`             // secret
	SecurityToken string `env:"HUAWEICLOUD_SDK_SECURITY_TOKEN"` // secret
}

// Cluster is one watched CCE cluster.
type Cluster struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Region     string              `json:"region,omitempty"`     // default: the deployment's
	Prometheus string              `json:"prometheus,omitempty"` // AOM Prometheus instance id; empty: found through the cie-collector add-on
	Kubeconfig string              `json:"kubeconfig,omitempty"` // "": through the CCE gateway; "certificate": a short-lived client certificate; else a file's path
	Endpoint   string              `json:"endpoint,omitempty"`   // with "certificate": internal or external
	Chat       string              `json:"chat"`                 // Lark chat its cards go to
	Routes     []Route             `json:"routes,omitempty"`     // other chats for some namespaces; the first match wins
	Approvers  []incident.Approver `json:"approvers"`
	LogGroup   string              `json:"logGroup,omitempty"`  // LTS group of its logs; empty: container logs come from the API server alone
	LogStream  string              `json:"logStream,omitempty"` // LTS stream
}

// Route sends some of a cluster's incidents to another chat.
type Route struct {
	Namespaces []string `json:"namespaces"`
	Chat       string   `json:"chat"`
}

// Incident is the cluster in the incident's words.
func (c Cluster) Incident() incident.Cluster {
	return incident.Cluster{ID: c.ID, Name: c.Name, Region: c.Region}
}

// ChatFor is where an incident in a namespace is shown.
func (c Cluster) ChatFor(namespace string) string {
	for _, r := range c.Routes {
		for _, n := range r.Namespaces {
			if n == namespace {
				return r.Chat
			}
		}
	}
	return c.Chat
}

// Policy is what holds for every cluster.
type Policy struct {
	TwoFor      []incident.Risk   `json:"twoFor"`      // risks that need two different people; default costly and destructive
	Maintenance []alarm.Window    `json:"maintenance"` // windows in which alarms open no incidents
	Freezes     []incident.Freeze `json:"freezes"`     // windows in which nothing is begun
	Expiry      Duration          `json:"expiry"`      // how long a plan may be confirmed; default 30m
	Deadline    Duration          `json:"deadline"`    // how long an execution may take in all; default 2h
	Hops        int               `json:"hops"`        // how often execute may call itself for one incident; default 240
	Window      Duration          `json:"window"`      // cap on the verification window; default 20m
	PerHour     int               `json:"perHour"`     // disruptive actions in a cluster in an hour; default 6
	BadShare    float64           `json:"badShare"`    // never act when more of the nodes look bad; default 0.5
	Rounds      int               `json:"rounds"`      // plans tried before people take over; default 3
}

// JSON is a knob whose value is JSON.
type JSON[T any] struct{ Value T }

// UnmarshalText is how env reads it.
func (j *JSON[T]) UnmarshalText(b []byte) error { return strict(b, &j.Value) }

func strict(b []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("not the JSON that is expected: %w", err)
	}
	if dec.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}

// Duration is written as in Go: "30m".
type Duration time.Duration

// UnmarshalJSON reads "30m".
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New(`a duration is written like "30m"`)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is not a duration like \"30m\"", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON writes "30m0s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// FromEnvironment reads the process's environment.
func FromEnvironment() (Config, error) {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		vars[k] = v
	}
	return Load(vars)
}

// Load reads and checks every knob. The error is one line naming the variable.
func Load(vars map[string]string) (Config, error) {
	merged := map[string]string{}
	if raw := vars["RUNTIME_USERDATA"]; raw != "" {
		var user map[string]any
		if err := json.Unmarshal([]byte(raw), &user); err != nil {
			return Config{}, errors.New("RUNTIME_USERDATA is not a JSON object")
		}
		for k, v := range user {
			if s, ok := v.(string); ok {
				merged[k] = s
			} else if b, err := json.Marshal(v); err == nil {
				merged[k] = string(b)
			}
		}
	}
	for k, v := range vars {
		merged[k] = v
	}
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: merged}); err != nil {
		return Config{}, oneLine(err)
	}
	return c, c.check()
}

// oneLine says which variable is wrong and how, and never its value: it may be a secret.
func oneLine(err error) error {
	var agg env.AggregateError
	if errors.As(err, &agg) && len(agg.Errors) > 0 {
		err = agg.Errors[0]
	}
	var unset env.VarIsNotSetError
	var empty env.EmptyVarError
	var parse env.ParseError
	switch {
	case errors.As(err, &unset):
		return fmt.Errorf("%s is not set", unset.Key)
	case errors.As(err, &empty):
		return fmt.Errorf("%s is empty", empty.Key)
	case errors.As(err, &parse):
		return fmt.Errorf("%s: %w", variable(parse.Name), parse.Err)
	}
	return err
}

var (
	larkApp  = regexp.MustCompile(`^cli_[0-9A-Za-z_-]+$`)
	larkChat = regexp.MustCompile(`^oc_[0-9A-Za-z_-]+$`)
	larkUser = regexp.MustCompile(`^ou_[0-9A-Za-z_-]+$`)
)

func (c *Config) check() error {
	if c.Project == "" {
		c.Project = c.ProjectB
	}
	if c.Project == "" {
		return errors.New("PROJECT_ID is not set (on the platform RUNTIME_PROJECT_ID is)")
	}
	if !larkApp.MatchString(c.LarkApp) {
		return errors.New("LARK_APP_ID is not an app id (cli_…)")
	}
	if c.LarkSecretName == "" {
		switch {
		case c.LarkAppSecret == "":
			return errors.New("LARK_APP_SECRET is not set (or name a CSMS secret in LARK_SECRET_NAME)")
		case c.LarkEncryptKey == "":
			return errors.New("LARK_ENCRYPT_KEY is not set: without it anybody can forge a confirmation")
		case c.LarkToken == "":
			return errors.New("LARK_VERIFICATION_TOKEN is not set")
		}
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil {
		return errors.New("TIMEZONE is not a zone like Asia/Shanghai")
	}
	switch c.Language {
	case "zh", "en", "both":
	default:
		return errors.New("LANGUAGE is not zh, en or both")
	}
	for name, u := range c.Endpoint.Value {
		if p, err := url.Parse(u); err != nil || p.Host == "" || p.Scheme != "https" && p.Scheme != "http" {
			return fmt.Errorf("ENDPOINTS: %s is not an http(s) address", name)
		}
	}
	c.Endpoints = c.Endpoint.Value
	c.Policy.Value.defaults()
	return c.checkWatched()
}

func (p *Policy) defaults() {
	if p.TwoFor == nil {
		p.TwoFor = []incident.Risk{incident.Costly, incident.Destructive}
	}
	p.Expiry = or(p.Expiry, Duration(30*time.Minute))
	p.Deadline = or(p.Deadline, Duration(2*time.Hour))
	p.Window = or(p.Window, Duration(20*time.Minute))
	p.Hops = or(p.Hops, 240)
	p.PerHour = or(p.PerHour, 6)
	p.Rounds = or(p.Rounds, 3)
	p.BadShare = or(p.BadShare, 0.5)
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Zone is the time zone of cards and days.
func (c *Config) Zone() *time.Location {
	l, err := time.LoadLocation(c.Timezone)
	if err != nil { // check has tried it
		return time.UTC
	}
	return l
}

// PolicyFor is who may decide in a cluster.
func (c *Config) PolicyFor(k Cluster) incident.Policy {
	return incident.Policy{Approvers: k.Approvers, TwoFor: c.Policy.Value.TwoFor, Freezes: c.Policy.Value.Freezes}
}

// Secrets are the values that may never leave; for the redactor.
func (c *Config) Secrets() []string {
	return []string{c.LarkAppSecret, c.LarkEncryptKey, c.LarkToken, c.AccessKey, c.SecretKey, c.SecurityToken, c.Project}
}
