package assemble

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/advise"
	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/kube"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

// Site is everything by which one cluster is seen and changed, with this invocation's credentials.
type Site struct {
	Cluster config.Cluster
	AOM     *huaweicloud.AOM
	CCE     *huaweicloud.CCE
	Kube    kubernetes.Interface
	Builder *observe.Builder
	Lease   *kube.Lease
}

// Site reaches a cluster. Trouble with one source is no error here: it becomes a gap when the source is asked. Only a cluster whose
// Kubernetes API cannot even be addressed is.
func (k *Kit) Site(ctx context.Context, c config.Cluster) (*Site, error) {
	s := &Site{
		Cluster: c,
		AOM:     k.AOM(c),
		CCE:     &huaweicloud.CCE{Session: k.session, Cluster: c.ID},
	}
	access, err := k.access(ctx, c, s.CCE)
	if err != nil {
		return nil, fmt.Errorf("reach cluster %s: %w", c.Incident().Label(), err)
	}
	if s.Kube, err = kube.Client(ctx, access); err != nil {
		return nil, err
	}
	untyped, err := kube.Dynamic(ctx, access)
	if err != nil {
		return nil, err
	}
	if c.Prometheus == "" {
		if id, err := s.CCE.PromInstance(ctx); err == nil {
			s.AOM.Instance = id
		}
	}
	s.Builder = &observe.Builder{Kube: s.Kube, Dynamic: untyped, Metrics: s.AOM, Changes: &huaweicloud.CTS{Session: k.session, Cluster: c.Incident(), OwnPrincipals: k.Config.OwnNames}, Pools: s.CCE, Now: k.Now}
	if c.LogGroup != "" {
		s.Builder.Logs = &huaweicloud.LTS{Session: k.session, Group: c.LogGroup, Stream: c.LogStream}
	}
	s.Lease = &kube.Lease{Client: s.Kube, Namespace: k.Config.LeaseNamespace, Holder: k.role + "-" + functiongraph.InvocationFrom(ctx).RequestID, Duration: 90 * time.Second, Now: k.Now}
	return s, nil
}

// AOM reads a cluster's alarms and metrics.
func (k *Kit) AOM(c config.Cluster) *huaweicloud.AOM {
	return &huaweicloud.AOM{Session: k.session, Cluster: c.Incident(), Instance: c.Prometheus}
}

// SMN proves what is posted in its name.
func (k *Kit) SMN() *huaweicloud.SMN { return &huaweicloud.SMN{Session: k.session} }

func (k *Kit) access(ctx context.Context, c config.Cluster, cce *huaweicloud.CCE) (kube.Access, error) {
	a := kube.Access{Cluster: c.ID, Region: c.Region, UserAgent: "cce-oncall/" + k.role}
	switch c.Kubeconfig {
	case "":
		a.Sign, a.Gateway, a.Transport = k.session.Signer(), k.Config.Endpoints["gateway"], k.session.Transport
	case "certificate":
		address := c.Endpoint
		if address == "" {
			address = "internal"
		}
		raw, err := cce.Kubeconfig(ctx, 30*time.Minute, address)
		if err != nil {
			return a, err
		}
		a.Kubeconfig = raw
	default:
		a.KubeconfigPath = c.Kubeconfig
	}
	return a, nil
}

// Teller shows a cluster's incidents.
func (k *Kit) Teller(ctx context.Context, c config.Cluster, b *record.Book) (*tell.Teller, error) {
	s, err := k.secrets(ctx)
	if err != nil {
		return nil, err
	}
	t := &tell.Teller{Cards: s.client, Book: b, Look: k.Look(), Key: s.buttonKey(), Now: k.Now}
	for _, a := range c.Approvers {
		t.Approvers = append(t.Approvers, a.ID)
	}
	return t, nil
}

// Adviser makes rounds of a cluster's incidents.
func (k *Kit) Adviser(c config.Cluster, b *record.Book) *advise.Adviser {
	return &advise.Adviser{Book: b, Policy: k.Config.PolicyFor(c), Expiry: time.Duration(k.Config.Policy.Value.Expiry), Redact: k.Redact.Bytes, Now: k.Now}
}
