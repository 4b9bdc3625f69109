// Package assemble puts the adapters together as the configuration says, once for all five functions: which address, which
// credentials, which redactor. It holds no judgement and makes no call by itself but to fetch the Lark secrets and a long list of
// clusters. Without this room each of the five mains would say the same hundred lines.
package assemble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
	"cce-oncall/shared/redact"
)

// Kit is the deployment, assembled. It lives as long as the process; what depends on credentials asks for them at each call.
type Kit struct {
	Config config.Config
	Now    func() time.Time
	Redact *redact.Redactor

	role    string
	session *huaweicloud.Session
	bucket  *huaweicloud.OBS

	books atomic.Int64

	mu   sync.Mutex
	lark *larkSecrets // fetched once
}

// New assembles one function's kit. role is the function's part: inspect, diagnose, webhook, execute, report.
func New(role string, c config.Config, now func() time.Time) (*Kit, error) {
	k := &Kit{Config: c, Now: now, Redact: redact.New(c.Secrets()...), role: role}
	k.session = &huaweicloud.Session{
		Region: c.Region, Project: c.Project, Endpoints: c.Endpoints, Credentials: k.credentials,
		Transport: huaweicloud.NewTransport(), Now: now, UserAgent: "cce-oncall/" + role,
	}
	if err := k.session.Validate(); err != nil {
		return nil, err
	}
	k.bucket = huaweicloud.NewOBS(k.session, c.Bucket, huaweicloud.OBSOptions{PathStyle: c.PathStyle})
	return k, nil
}

// Start reads the configuration and runs a function until its process ends; the exit code is its return. open makes the handler.
func Start(ctx context.Context, role string, args []string, stdout, stderr io.Writer, open func(*Kit) (functiongraph.Handler, error)) int {
	fail := func(err error) int {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", role, err)
		return 1
	}
	c, err := config.FromEnvironment()
	if err != nil {
		return fail(err)
	}
	k, err := New(role, c, time.Now)
	if err != nil {
		return fail(err)
	}
	h, err := k.handler(open)
	if err != nil {
		return fail(err)
	}
	if err := functiongraph.Start(ctx, k.Settings(), args, stdout, stderr, h); err != nil {
		return fail(errors.New(k.Redact.String(err.Error())))
	}
	return 0
}

// handler opens the flow at once; or, where the list of clusters is kept in the bucket, with the first invocation, which brings the
// credentials to read it with. An invocation that cannot read it fails as any other, and is repeated as any other.
func (k *Kit) handler(open func(*Kit) (functiongraph.Handler, error)) (functiongraph.Handler, error) {
	if k.Config.ClustersObject == "" {
		return open(k)
	}
	var mu sync.Mutex
	var opened functiongraph.Handler
	ready := func(ctx context.Context) (functiongraph.Handler, error) {
		mu.Lock()
		defer mu.Unlock()
		if opened != nil {
			return opened, nil
		}
		raw, err := k.bucket.Get(ctx, k.Config.ClustersObject)
		if err != nil {
			return nil, fmt.Errorf("fetch the list of clusters: %w", err)
		}
		if err := k.Config.TakeClusters(raw); err != nil {
			return nil, err
		}
		opened, err = open(k)
		return opened, err
	}
	return func(ctx context.Context, payload []byte) (any, error) {
		h, err := ready(ctx)
		if err != nil {
			return nil, err
		}
		return h(ctx, payload)
	}, nil
}

// Settings are the runtime's.
func (k *Kit) Settings() functiongraph.Settings {
	name := k.Config.Function
	if name == "" {
		name = k.role
	}
	return functiongraph.Settings{
		APIAddr: k.Config.APIAddr, Function: name, Timeout: time.Duration(k.Config.Timeout) * time.Second, Margin: 5 * time.Second,
		LogLevel: k.Config.LogLevel, Redact: k.Redact.Bytes, Now: k.Now,
	}
}

// credentials are those of the invocation, or outside the platform those of the configuration.
func (k *Kit) credentials(ctx context.Context) (huaweicloud.Credentials, error) {
	if c := functiongraph.InvocationFrom(ctx).Credentials; c.AccessKey != "" {
		return huaweicloud.Credentials{AK: c.AccessKey, SK: c.SecretKey, Token: c.SecurityToken}, nil
	}
	if k.Config.AccessKey == "" {
		return huaweicloud.Credentials{}, errors.New("the invocation brought none; on the platform give the function an app_agency, elsewhere set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK")
	}
	return huaweicloud.Credentials{AK: k.Config.AccessKey, SK: k.Config.SecretKey, Token: k.Config.SecurityToken}, nil
}

// Book is the record as this invocation writes it. Each book is a writer of its own, so that no two chains share a name: a repeated
// delivery may come with the same request id.
func (k *Kit) Book(ctx context.Context) *record.Book {
	writer := fmt.Sprintf("%s-%s-%x-%d", k.role, functiongraph.InvocationFrom(ctx).RequestID, k.Now().UnixMilli(), k.books.Add(1))
	return &record.Book{Bucket: k.bucket, Writer: writer, Now: k.Now, Redact: k.Redact.Bytes}
}

// Bucket is the store below the record.
func (k *Kit) Bucket() record.Bucket { return k.bucket }

// OBS is the same store with what only a probe of the deployment asks of it.
func (k *Kit) OBS() *huaweicloud.OBS { return k.bucket }

// Invoker wakes our other functions.
func (k *Kit) Invoker() *functiongraph.Invoker {
	return &functiongraph.Invoker{
		Endpoint: k.session.Endpoint("functiongraph"), Region: k.Config.Region, Project: k.Config.Project, Package: k.Config.Package,
		Names: k.Config.Functions.Value, Sign: k.session.Signer(), Client: &http.Client{Transport: k.session.Transport, Timeout: 10 * time.Second},
	}
}

type larkSecrets struct {
	AppSecret  string `json:"app_secret"`
	EncryptKey string `json:"encrypt_key"`
	Token      string `json:"verification_token"`

	client   *lark.Client
	verifier *lark.Verifier
}

// secrets are the Lark credentials, from the configuration or from CSMS, fetched once in the life of the process.
func (k *Kit) secrets(ctx context.Context) (*larkSecrets, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lark != nil {
		return k.lark, nil
	}
	s := &larkSecrets{AppSecret: k.Config.LarkAppSecret, EncryptKey: k.Config.LarkEncryptKey, Token: k.Config.LarkToken}
	if name := k.Config.LarkSecretName; name != "" {
		csms := huaweicloud.CSMS{Session: k.session}
		raw, err := csms.Secret(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("fetch the Lark app's secrets: %w", err)
		}
		if json.Unmarshal([]byte(raw), s) != nil || s.AppSecret == "" || s.EncryptKey == "" || s.Token == "" {
			return nil, fmt.Errorf(`the CSMS secret %s is not {"app_secret":…,"encrypt_key":…,"verification_token":…}`, name)
		}
		k.Redact.Learn(s.AppSecret, s.EncryptKey, s.Token)
	}
	var err error
	if s.client, err = lark.NewClient(lark.Options{
		BaseURL: k.Config.LarkURL, AppID: k.Config.LarkApp, AppSecret: s.AppSecret, Language: k.Language(), Now: k.Now,
	}); err != nil {
		return nil, err
	}
	if s.verifier, err = lark.NewVerifier(lark.Verifier{
		EncryptKey: s.EncryptKey, VerificationToken: s.Token, AppID: k.Config.LarkApp, TenantKey: k.Config.LarkTenant, Now: k.Now,
	}); err != nil {
		return nil, err
	}
	k.lark = s
	return s, nil
}

// Language is that of the cards.
func (k *Kit) Language() lark.Language {
	l, err := lark.ParseLanguage(k.Config.Language)
	if err != nil { // config has checked it
		return lark.Both
	}
	return l
}

// Lark is the client that speaks to people.
func (k *Kit) Lark(ctx context.Context) (*lark.Client, error) {
	s, err := k.secrets(ctx)
	if err != nil {
		return nil, err
	}
	return s.client, nil
}

// Verifier proves that a callback is Lark's.
func (k *Kit) Verifier(ctx context.Context) (*lark.Verifier, error) {
	s, err := k.secrets(ctx)
	if err != nil {
		return nil, err
	}
	return s.verifier, nil
}

// buttonKey makes the buttons' ids. It is derived from the Encrypt Key, which every function that draws a card holds anyway.
func (s *larkSecrets) buttonKey() []byte { return []byte("buttons\x00" + s.EncryptKey) }

// Look is how cards are written.
func (k *Kit) Look() lark.Look {
	return lark.Look{Language: k.Language(), Zone: k.Config.Zone(), Redact: k.Redact.String}
}

// Cluster finds a configured cluster by id or name, and adds it to the log of ctx.
func (k *Kit) Cluster(ctx context.Context, idOrName string) (context.Context, config.Cluster, bool) {
	c, ok := k.Config.Clusters.Find(idOrName)
	if !ok {
		return ctx, c, false
	}
	log := zerolog.Ctx(ctx).With().Str("cluster", c.ID).Logger()
	return log.WithContext(ctx), c, true
}
