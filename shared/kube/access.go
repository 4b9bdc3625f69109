// Package kube knows how to reach a cluster's API server (through CCE's gateway with signed requests, or with a kubeconfig) and
// how to take turns in it. client-go's interface is used as it is. What always holds: nothing leaves for an address whose
// certificate is not checked, unless that was asked for; a lock has one winner; no error repeats what a gateway wrote.
package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Access is one way to one cluster. Exactly one of Sign, Kubeconfig and KubeconfigPath is set.
type Access struct {
	// Sign makes requests go through CCE's API gateway, https://{Cluster}.cce.{Region}.{Domain}, signed with SDK-HMAC-SHA256. The
	// gateway needs no VPC attachment, has no exec, attach or port-forward, and is meant for few calls.
	Sign    func(req *http.Request, body []byte) error
	Cluster string
	Region  string
	Domain  string // "" is myhuaweicloud.com
	// Gateway replaces the gateway's base URL. The Host header stays {Cluster}.cce.{Region}.{Domain}, so that one address can serve
	// all clusters.
	Gateway string
	// Transport carries the signed requests; nil is a transport of its own.
	Transport http.RoundTripper
	// Wait pauses between attempts of a reading through the gateway; nil is a timer.
	Wait func(context.Context, time.Duration) error

	// Kubeconfig is a kubeconfig in YAML or JSON, such as CCE issues with a certificate of short life.
	Kubeconfig []byte
	// KubeconfigPath is a kubeconfig's file, for local use.
	KubeconfigPath string
	// Context chooses one of the kubeconfig's contexts; "" is its current one.
	Context string
	// CA replaces the kubeconfig's certificate authority. CCE's external context comes without one, and unchecked; without CA it is
	// checked against the authority and the name of the internal context, which lead to the same API server.
	CA []byte
	// Insecure accepts a kubeconfig that skips the check of the server's certificate.
	Insecure bool

	QPS       float32       // 0 is 20
	Burst     int           // 0 is 40
	Timeout   time.Duration // of one request; 0 is 30 s
	UserAgent string        // "" is cce-oncall
}

// Config turns an Access into client-go's configuration. Nothing is sent.
func Config(_ context.Context, a Access) (*rest.Config, error) {
	var c *rest.Config
	var err error
	switch ways := a.ways(); {
	case ways != 1:
		return nil, fmt.Errorf("reach cluster %s: one of gateway, kubeconfig and kubeconfig file is needed, not %d", a.Cluster, ways)
	case a.Sign != nil:
		c, err = a.gateway()
	case len(a.Kubeconfig) > 0:
		c, err = a.fromBytes()
	default:
		c, err = a.fromFile()
	}
	if err != nil {
		return nil, fmt.Errorf("reach cluster %s: %w", a.Cluster, err)
	}
	c.QPS, c.Burst, c.Timeout, c.UserAgent = orElse(a.QPS, 20), orElse(a.Burst, 40), orElse(a.Timeout, 30*time.Second), orElse(a.UserAgent, "cce-oncall")
	return c, nil
}

// Client is a clientset for this Access.
func Client(ctx context.Context, a Access) (kubernetes.Interface, error) {
	return reach(ctx, a, kubernetes.NewForConfig)
}

// Dynamic is a client for kinds that have no type in a clientset.
func Dynamic(ctx context.Context, a Access) (dynamic.Interface, error) {
	return reach(ctx, a, dynamic.NewForConfig)
}

func reach[T any](ctx context.Context, a Access, connect func(*rest.Config) (T, error)) (client T, err error) {
	c, err := Config(ctx, a)
	if err != nil {
		return client, err
	}
	if client, err = connect(c); err != nil {
		return client, fmt.Errorf("reach cluster %s: %w", a.Cluster, err)
	}
	return client, nil
}

func (a Access) ways() int {
	n := 0
	for _, is := range []bool{a.Sign != nil, len(a.Kubeconfig) > 0, a.KubeconfigPath != ""} {
		if is {
			n++
		}
	}
	return n
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func (a Access) gateway() (*rest.Config, error) {
	if a.Cluster == "" || a.Region == "" {
		return nil, errors.New("the gateway needs a cluster id and a region")
	}
	host := a.Cluster + ".cce." + a.Region + "." + orElse(a.Domain, "myhuaweicloud.com")
	base := orElse(a.Gateway, "https://"+host)
	if u, err := url.Parse(base); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the gateway's address is no http(s) address")
	}
	next := a.Transport
	if next == nil {
		next = newTransport()
	}
	return &rest.Config{
		Host:      base,
		Transport: &gateway{next: next, sign: a.Sign, host: host, wait: a.Wait},
		// The gateway and the signature know JSON only.
		ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
	}, nil
}

func (a Access) fromBytes() (*rest.Config, error) {
	raw, err := clientcmd.Load(a.Kubeconfig)
	if err != nil {
		return nil, errors.New("the kubeconfig cannot be read") // its text is a secret
	}
	c, err := clientcmd.NewNonInteractiveClientConfig(*raw, a.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, errors.New("the kubeconfig names no usable cluster, user or context")
	}
	if c.TLSClientConfig.Insecure && !a.Insecure && len(a.CA) == 0 {
		pin(c, raw)
	}
	return a.checked(c)
}

// pin checks a server that its own context leaves unchecked by what another context of the same kubeconfig knows of it: the
// authority, and the name its certificate is for.
func pin(c *rest.Config, raw *clientcmdapi.Config) {
	for _, name := range slices.Sorted(maps.Keys(raw.Clusters)) {
		other := raw.Clusters[name]
		u, err := url.Parse(other.Server)
		if len(other.CertificateAuthorityData) == 0 || err != nil || u.Hostname() == "" {
			continue
		}
		c.TLSClientConfig.Insecure = false
		c.TLSClientConfig.CAData, c.TLSClientConfig.ServerName = other.CertificateAuthorityData, u.Hostname()
		return
	}
}

func (a Access) fromFile() (*rest.Config, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: a.KubeconfigPath}
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.Context}).ClientConfig()
	if err != nil {
		return nil, errors.New("the kubeconfig file cannot be used")
	}
	return a.checked(c)
}

// checked refuses what a kubeconfig may not make this program do: run another program, or trust whoever answers.
func (a Access) checked(c *rest.Config) (*rest.Config, error) {
	if c.ExecProvider != nil || c.AuthProvider != nil {
		return nil, errors.New("the kubeconfig wants a program to be run for credentials, which is not done here")
	}
	if len(a.CA) > 0 {
		c.TLSClientConfig.CAData, c.TLSClientConfig.CAFile, c.TLSClientConfig.Insecure = a.CA, "", false
	}
	if c.TLSClientConfig.Insecure && !a.Insecure {
		return nil, errors.New("the kubeconfig does not check the server's certificate: give a certificate authority, or use the gateway or the internal address")
	}
	return c, nil
}
