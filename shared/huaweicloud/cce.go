package huaweicloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CCE reads one cluster's control plane and changes its node pools.
type CCE struct {
	Session *Session
	Cluster string // cluster id
}

func (c *CCE) path(segments ...string) string {
	return path(append([]string{"api", "v3", "projects", c.Session.Project, "clusters", c.Cluster}, segments...)...)
}

func (c *CCE) get(ctx context.Context, op, path string, query url.Values, out any) error {
	return c.Session.do(ctx, call{service: CCEService, op: op, method: http.MethodGet, path: path, query: query}, out)
}

// ClusterStatus is what CCE says of the cluster as a whole.
type ClusterStatus struct {
	ID       string
	Name     string
	Phase    string // Available, Unavailable, ScalingUp, Upgrading, Hibernation, Error …
	Reason   string
	Version  string
	Flavor   string
	Nodes    int
	Active   int
	Internal string // address of the API server inside the VPC
	External string // its public address, empty without an EIP
}

// Status reads the cluster's phase, versions and addresses.
func (c *CCE) Status(ctx context.Context) (ClusterStatus, error) {
	var answer struct {
		Metadata struct {
			UID         string            `json:"uid"`
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Version string `json:"version"`
			Flavor  string `json:"flavor"`
		} `json:"spec"`
		Status struct {
			Phase     string `json:"phase"`
			Reason    string `json:"reason"`
			Endpoints []struct {
				URL  string `json:"url"`
				Type string `json:"type"`
			} `json:"endpoints"`
		} `json:"status"`
	}
	if err := c.get(ctx, "ShowCluster", c.path(), url.Values{"detail": {"true"}}, &answer); err != nil {
		return ClusterStatus{}, err
	}
	out := ClusterStatus{
		ID: answer.Metadata.UID, Name: answer.Metadata.Name, Phase: answer.Status.Phase, Reason: answer.Status.Reason,
		Version: answer.Spec.Version, Flavor: answer.Spec.Flavor,
		Nodes: count(answer.Metadata.Annotations["totalNodesNumber"]), Active: count(answer.Metadata.Annotations["activeNodesNumber"]),
	}
	for _, e := range answer.Status.Endpoints {
		switch e.Type {
		case "Internal":
			out.Internal = e.URL
		case "External":
			out.External = e.URL
		}
	}
	return out, nil
}

func count(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// Node is one machine as CCE knows it.
type Node struct {
	ID       string // CCE's node id
	Name     string
	Server   string // ECS id
	IP       string
	Phase    string // Build, Installing, Active, Abnormal, Deleting, Error
	PoolID   string
	PoolName string
}

type nodeRecord struct {
	Metadata struct {
		UID   string `json:"uid"`
		Name  string `json:"name"`
		Owner struct {
			PoolID   string `json:"nodepoolID"`
			PoolName string `json:"nodepoolName"`
		} `json:"ownerReferences"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		Phase    string `json:"phase"`
		ServerID string `json:"serverId"`
		IP       string `json:"privateIP"`
	} `json:"status"`
}

const (
	nodePage  = 2000 // ListNodes' largest
	nodePages = 10
)

// Nodes lists the cluster's nodes by name, all pages.
func (c *CCE) Nodes(ctx context.Context) ([]Node, error) {
	const op = "ListNodes"
	query := url.Values{"limit": {strconv.Itoa(nodePage)}}
	var out []Node
	seen := map[string]bool{}
	for range nodePages {
		var answer struct {
			Items []nodeRecord `json:"items"`
		}
		if err := c.get(ctx, op, c.path("nodes"), query, &answer); err != nil {
			return nil, err
		}
		fresh := 0
		for _, r := range answer.Items {
			if seen[r.Metadata.UID] {
				continue
			}
			seen[r.Metadata.UID] = true
			fresh++
			out = append(out, r.node())
		}
		if fresh == 0 || len(answer.Items) < nodePage {
			break
		}
		query.Set("marker", answer.Items[len(answer.Items)-1].Metadata.UID)
	}
	slices.SortStableFunc(out, func(x, y Node) int { return strings.Compare(x.Name+"\x00"+x.ID, y.Name+"\x00"+y.ID) })
	return out, nil
}

func (r *nodeRecord) node() Node {
	n := Node{
		ID: r.Metadata.UID, Name: r.Metadata.Name, Server: r.Status.ServerID, IP: r.Status.IP, Phase: r.Status.Phase,
		PoolID: r.Metadata.Owner.PoolID, PoolName: r.Metadata.Owner.PoolName,
	}
	if n.PoolID == "" {
		n.PoolID = r.Metadata.Annotations["kubernetes.io/node-pool.id"]
	}
	return n
}

// NodeOf finds the CCE node behind a Kubernetes node: by the ECS id at the end of spec.providerID, else by its name, which in
// CCE is the node's private IP or its own name. The error is NotFound where none matches and Conflict where several do.
func (c *CCE) NodeOf(ctx context.Context, providerID, name string) (Node, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return Node{}, err
	}
	server := providerID[strings.LastIndexByte(providerID, '/')+1:]
	for _, same := range []func(Node) bool{
		func(n Node) bool { return server != "" && n.Server == server },
		func(n Node) bool { return name != "" && (n.IP == name || n.Name == name) },
	} {
		found := slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return !same(n) })
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		return Node{}, &Error{Service: CCEService, Op: "ListNodes", Kind: Conflict, Message: fmt.Sprintf("%d CCE nodes match one Kubernetes node", len(found))}
	}
	return Node{}, &Error{Service: CCEService, Op: "ListNodes", Kind: NotFound, Message: "no CCE node behind this Kubernetes node"}
}

// DeleteNode removes a node and its machine. With replace, the pool keeps its target and makes a new one; without, the target
// falls by one. A node that is already gone or going is success.
func (c *CCE) DeleteNode(ctx context.Context, id string, replace bool) error {
	const op = "DeleteNode"
	if id == "" {
		return refused(CCEService, op, "no node id") // the path without one is the list of all nodes
	}
	var query url.Values
	if replace {
		query = url.Values{"nodepoolScaleDown": {"NoScaleDown"}}
	}
	err := c.Session.do(ctx, call{service: CCEService, op: op, method: http.MethodDelete, path: c.path("nodes", id), query: query, write: true}, nil)
	switch KindOf(err) {
	case NotFound:
		return nil
	case Unavailable:
		if ctx.Err() == nil && c.going(ctx, id) {
			return nil
		}
	}
	return err
}

func (c *CCE) going(ctx context.Context, id string) bool {
	var answer nodeRecord
	err := c.get(ctx, "ShowNode", c.path("nodes", id), nil, &answer)
	return KindOf(err) == NotFound || err == nil && answer.Status.Phase == "Deleting"
}

// shortestCertificate is the least validity CCE grants, with room for clocks that differ.
const shortestCertificate = 16 * time.Minute

// Kubeconfig has CCE issue a client certificate that expires by itself and returns the kubeconfig that holds it, set to the
// "internal" or the "external" context. It is a secret: keep it in memory. Validity under 16 minutes is raised to that.
// Source: CreateKubernetesClusterCert; expire_at is written as Go prints a time in UTC.
func (c *CCE) Kubeconfig(ctx context.Context, validity time.Duration, address string) ([]byte, error) {
	const op = "CreateKubernetesClusterCert"
	expire := c.Session.Now().UTC().Add(max(validity, shortestCertificate)).Truncate(time.Second)
	var config map[string]json.RawMessage
	// It changes nothing but that a certificate exists: after a lost answer another one may be asked for.
	err := c.Session.do(ctx, call{
		service: CCEService, op: op, method: http.MethodPost, path: c.path("clustercert"),
		body: map[string]any{"expire_at": expire.Format("2006-01-02 15:04:05 +0000 UTC")},
	}, &config)
	if err != nil {
		return nil, err
	}
	type named struct {
		Name string `json:"name"`
	}
	var contexts []named
	if json.Unmarshal(config["contexts"], &contexts) != nil || len(config["users"]) == 0 {
		return nil, notUnderstood(CCEService, op, "it is no kubeconfig")
	}
	if address != "" {
		if !slices.Contains(contexts, named{address}) {
			return nil, refused(CCEService, op, "the cluster has no "+address+" address")
		}
		config["current-context"] = json.RawMessage(strconv.Quote(address))
	}
	out, err := json.Marshal(config)
	if err != nil {
		return nil, notUnderstood(CCEService, op, "it is no kubeconfig")
	}
	return out, nil
}

// PromInstance finds the Prometheus instance that the cloud-native monitoring add-on (cie-collector) sends the cluster's metrics
// to. The error is NotFound where the add-on is missing or names none.
func (c *CCE) PromInstance(ctx context.Context) (string, error) {
	const op = "ListAddonInstances"
	type addon struct {
		Metadata struct {
			UID  string `json:"uid"`
			Name string `json:"name"`
		} `json:"metadata"`
		Spec struct {
			Template string         `json:"addonTemplateName"`
			Custom   map[string]any `json:"custom"`
			Values   map[string]any `json:"values"`
		} `json:"spec"`
	}
	query := url.Values{"cluster_id": {c.Cluster}}
	var answer struct {
		Items []addon `json:"items"`
	}
	if err := c.get(ctx, op, path("api", "v3", "addons"), query, &answer); err != nil {
		return "", err
	}
	for _, a := range answer.Items {
		if a.Metadata.Name != monitoring && a.Spec.Template != monitoring {
			continue
		}
		var one addon
		if err := c.get(ctx, "ShowAddonInstance", path("api", "v3", "addons", a.Metadata.UID), query, &one); err != nil {
			return "", err
		}
		nested, _ := one.Spec.Values["custom"].(map[string]any)
		for _, values := range []map[string]any{one.Spec.Custom, nested, one.Spec.Values} {
			for _, key := range []string{"aom_instance_id", "prom_instance_id", "aom_id"} {
				if id, _ := values[key].(string); id != "" {
					return id, nil
				}
			}
		}
	}
	return "", &Error{Service: CCEService, Op: op, Kind: NotFound, Message: "the cluster has no monitoring add-on that names a Prometheus instance"}
}

const monitoring = "cie-collector"
