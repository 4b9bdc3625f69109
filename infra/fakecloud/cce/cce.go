// Package cce plays the Cloud Container Engine: clusters, node pools that take their time, add-ons, certificates, and the gateway
// that leads to a real Kubernetes API server.
//
// What always holds: a scale is absolute and may delete; currentNode jumps at once and activeNode follows when a machine is really
// there; the gateway authenticates by the cloud's signature and then acts as the caller's own Kubernetes user, so that the cluster's
// RBAC, and nothing here, decides what it may do.
package cce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/infra/fakecloud/edge"
)

// Machines brings a node into a cluster, or takes it out. The local cloud makes kwok nodes; a test may do nothing.
type Machines interface {
	Add(ctx context.Context, pool PoolInfo, name string) error
	Remove(ctx context.Context, pool PoolInfo, name string) error
}

// PoolInfo is what a machine needs to know of its pool.
type PoolInfo struct {
	Cluster, ID, Name, Flavor string
	Labels                    map[string]string
}

// Options are the service's settings.
type Options struct {
	Region, Project string
	Clock           func() time.Time
	Machines        Machines // nil: nodes exist only in CCE's answers
	InstallDelay    time.Duration
	RemoveDelay     time.Duration
	Log             zerolog.Logger
	Gate            *edge.Gate // for the Kubernetes gateway, which authenticates by itself
	GatewayPerMin   int        // flow control of the Kubernetes gateway per cluster; 0: none
}

// Errors a caller may meet.
var (
	ErrNoCluster = errors.New("the cluster does not exist")
	ErrNoPool    = errors.New("the node pool does not exist")
	ErrNoNode    = errors.New("the node does not exist")
)

// ClusterSpec describes a cluster to add.
type ClusterSpec struct {
	ID      string // 36 characters, like a UUID; empty: derived from the name
	Name    string
	Version string
	Flavor  string
	// Server and Transport lead to the real API server with an administrator's certificate; without Server the gateway answers 503.
	Server    *url.URL
	Transport http.RoundTripper
	// ClientCA signs short-lived client certificates for clustercert (PEM); without it the call is refused.
	ClientCACert, ClientCAKey []byte
	ServerCA                  []byte // PEM, kept out of answers as the real service does
}

// PoolSpec describes a node pool to add.
type PoolSpec struct {
	Name        string
	Flavor      string
	Nodes       []string // names of nodes that exist already
	Labels      map[string]string
	Taints      []map[string]string
	Autoscaling Autoscaling
}

// Autoscaling bounds the cluster autoscaler only; a manual scale may go beyond.
type Autoscaling struct {
	Enable bool `json:"enable"`
	Min    int  `json:"minNodeCount"`
	Max    int  `json:"maxNodeCount"`
}

// Limit makes a pool unable to grow past Max nodes.
type Limit struct {
	Max   int    `json:"max"`
	Code  string `json:"code,omitempty"`  // of an instant check: CCE.01400008 by default
	Async bool   `json:"async,omitempty"` // 202, then conditions tell that it did not work
}

type cluster struct {
	spec    ClusterSpec
	phase   string
	created time.Time
	pools   []*pool
	addons  []Addon
}

type pool struct {
	id          string
	spec        PoolSpec
	target      int
	nodes       []*node
	autoscaling Autoscaling
	limit       *Limit
	conditions  map[string]condition
	created     time.Time
	job         string
	serial      int
}

type condition struct {
	status, reason, message string
	at                      time.Time
}

type node struct {
	id, name, phase, ip, server, job string
	created                          time.Time
}

// Phases of a node.
const (
	phaseInstalling = "Installing"
	phaseActive     = "Active"
	phaseDeleting   = "Deleting"
	phaseError      = "Error"
)

// Service is CCE.
type Service struct {
	opt Options

	mu       sync.Mutex
	clusters map[string]*cluster
	jobs     map[string]job
	policies map[string]AccessPolicy
	flow     edge.Limits
	work     sync.WaitGroup
	ctx      context.Context
	stop     context.CancelFunc
}

// New makes the service with no clusters.
func New(opt Options) *Service {
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{opt: opt, clusters: map[string]*cluster{}, jobs: map[string]job{}, policies: map[string]AccessPolicy{}, ctx: ctx, stop: stop}
	if opt.GatewayPerMin > 0 {
		s.flow.PerMinute = map[string]int{}
	}
	return s
}

// SetMachines connects what really makes nodes.
func (s *Service) SetMachines(m Machines) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Machines = m
}

// SetInstallDelay changes how long a new node takes from Installing to Active.
func (s *Service) SetInstallDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.InstallDelay = d
}

// Close abandons installs in progress and waits for them to notice.
func (s *Service) Close() {
	s.stop()
	s.work.Wait()
}

// AddCluster adds a cluster and returns its id.
func (s *Service) AddCluster(spec ClusterSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if spec.ID == "" {
		spec.ID = uid("cluster", spec.Name)
	}
	if spec.Version == "" {
		spec.Version = "v1.31"
	}
	if spec.Flavor == "" {
		spec.Flavor = "cce.s2.medium"
	}
	s.clusters[spec.ID] = &cluster{spec: spec, phase: "Available", created: s.opt.Clock()}
	return spec.ID
}

// SetClusterPhase changes what CCE says of a cluster: Available, Unavailable, Upgrading, Hibernation ...
func (s *Service) SetClusterPhase(id, phase string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[id]
	if c == nil {
		return fmt.Errorf("%w: %s", ErrNoCluster, id)
	}
	c.phase = phase
	return nil
}

// AddPool adds a node pool to a cluster and returns its id.
func (s *Service) AddPool(clusterID string, spec PoolSpec) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[clusterID]
	if c == nil {
		return "", fmt.Errorf("%w: %s", ErrNoCluster, clusterID)
	}
	now := s.opt.Clock()
	p := &pool{
		id: uid(clusterID, spec.Name), spec: spec, autoscaling: spec.Autoscaling, conditions: map[string]condition{}, created: now,
		target: len(spec.Nodes),
	}
	for _, name := range spec.Nodes {
		p.nodes = append(p.nodes, s.newNode(p, name, phaseActive, ""))
	}
	c.pools = append(c.pools, p)
	return p.id, nil
}

func (s *Service) newNode(p *pool, name, phase, jobID string) *node {
	p.serial++
	return &node{
		id: uid(p.id, name), name: name, phase: phase, server: uid("server", p.id+name), job: jobID, created: s.opt.Clock(),
		ip: fmt.Sprintf("192.168.%d.%d", len(p.spec.Name)%200, 10+p.serial),
	}
}

// SetPoolLimit makes a pool unable to grow past a number of nodes; nil lifts the limit.
func (s *Service) SetPoolLimit(clusterID, poolID string, l *Limit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pool(clusterID, poolID)
	if err != nil {
		return err
	}
	p.limit = l
	if l == nil {
		p.conditions = map[string]condition{}
	}
	return nil
}

// SetNodePhase changes what CCE says of a node, found by name: Active, Abnormal, Error ...
func (s *Service) SetNodePhase(clusterID, name, phase string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[clusterID]
	if c == nil {
		return fmt.Errorf("%w: %s", ErrNoCluster, clusterID)
	}
	for _, p := range c.pools {
		for _, n := range p.nodes {
			if n.name == name {
				n.phase = phase
				return nil
			}
		}
	}
	return fmt.Errorf("%w: %s", ErrNoNode, name)
}

// Nodes returns the names of a pool's nodes by phase, oldest first.
func (s *Service) Nodes(clusterID, poolID, phase string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pool(clusterID, poolID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range p.nodes {
		if phase == "" || n.phase == phase {
			out = append(out, n.name)
		}
	}
	return out, nil
}

// pool finds a pool by id or name. The mutex is held.
func (s *Service) pool(clusterID, poolID string) (*pool, error) {
	c := s.clusters[clusterID]
	if c == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoCluster, clusterID)
	}
	for _, p := range c.pools {
		if p.id == poolID || p.spec.Name == poolID {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNoPool, poolID)
}

func (p *pool) count(phases ...string) int {
	n := 0
	for _, x := range p.nodes {
		if slices.Contains(phases, x.phase) {
			n++
		}
	}
	return n
}

func (p *pool) info(clusterID string) PoolInfo {
	return PoolInfo{Cluster: clusterID, ID: p.id, Name: p.spec.Name, Flavor: p.spec.Flavor, Labels: p.spec.Labels}
}

// nodeName continues the pool's own numbering, as CCE names nodes pool-random.
func (p *pool) nodeName() string {
	suffix := edge.NewID()[:5]
	return strings.ToLower(p.spec.Name) + "-" + suffix
}
