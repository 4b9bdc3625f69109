package cce

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// defaultPool cannot be scaled.
const defaultPool = "DefaultPool"

// job is a control-plane job; it lives as long as the emulator.
type job struct {
	id, kind, cluster, resource, name, phase, reason string
	created, updated                                 time.Time
}

// scaleSpec is the body of ScaleNodePool; a missing count is 0, which deletes every node, as in the real service.
type scaleSpec struct {
	Desired int      `json:"desiredNodeCount"`
	Groups  []string `json:"scaleGroups"`
	Options struct {
		Checking string `json:"scalableChecking"`
	} `json:"options"`
}

// live is a refusal in the spelling seen in live answers of the node pool module.
func live(message string) error {
	return &edge.Error{Status: http.StatusBadRequest, Code: "CCE_CM.0004", Message: message, Dialect: edge.In(edge.Snake)}
}

// scale moves a pool towards an absolute number of nodes. The mutex is held.
func (s *Service) scale(clusterID string, p *pool, spec scaleSpec) error {
	switch {
	case p.spec.Name == defaultPool:
		return &edge.Error{Status: http.StatusBadRequest, Code: "CCE.01400001", Message: "the default node pool cannot be scaled"}
	case len(spec.Groups) == 0:
		return &edge.Error{Status: http.StatusBadRequest, Code: "CCE.01400001", Message: "scaleGroups is required"}
	case spec.Desired < 0:
		return &edge.Error{Status: http.StatusBadRequest, Code: "CCE.01400001", Message: "desiredNodeCount must not be negative"}
	case spec.Desired == p.target:
		return live(fmt.Sprintf("No scale task needed with desired node count %d", spec.Desired))
	case p.count(phaseInstalling) > 0:
		return &edge.Error{Status: http.StatusTooManyRequests, Code: "CCE.01429002", Message: "Resource locked by another request"}
	}
	if l := p.limit; l != nil && spec.Desired > l.Max {
		if l.Async || spec.Options.Checking == "async" {
			s.fail(p, "ResourceInsufficient", "the flavor is sold out in the availability zone")
			return nil
		}
		code := l.Code
		if code == "" {
			code = "CCE.01400008"
		}
		return &edge.Error{Status: http.StatusBadRequest, Code: code, Message: "Insufficient ECS quota."}
	}
	s.retarget(clusterID, p, spec.Desired)
	return nil
}

// fail records that a scale did not work: the pool stops trying.
func (s *Service) fail(p *pool, kind, message string) {
	now := s.opt.Clock()
	p.conditions["Scalable"] = condition{"False", kind, message, now}
	p.conditions[kind] = condition{"True", kind, message, now}
}

// retarget adds or removes nodes until the pool has as many as wanted. The mutex is held.
func (s *Service) retarget(clusterID string, p *pool, desired int) {
	p.target = desired
	p.conditions = map[string]condition{}
	now := s.opt.Clock()
	p.job = edge.NewID()
	s.jobs[p.job] = job{id: p.job, kind: "ScaleNodePool", cluster: clusterID, resource: p.id, name: p.spec.Name, phase: "Success", created: now, updated: now}
	for p.alive() < desired {
		n := s.newNode(p, p.nodeName(), phaseInstalling, edge.NewID())
		p.nodes = append(p.nodes, n)
		s.install(clusterID, p, n)
	}
	for p.alive() > desired { // the newest go first
		for _, n := range slices.Backward(p.nodes) {
			if n.phase != phaseDeleting {
				s.remove(clusterID, p, n)
				break
			}
		}
	}
}

// alive counts what the target counts: everything but nodes being deleted.
func (p *pool) alive() int { return len(p.nodes) - p.count(phaseDeleting) }

// install brings the machine up in the background.
func (s *Service) install(clusterID string, p *pool, n *node) {
	delay, machines, info := s.opt.InstallDelay, s.opt.Machines, p.info(clusterID)
	s.jobs[n.job] = job{id: n.job, kind: "CreateNode", cluster: clusterID, resource: n.id, name: n.name, phase: "Running", created: s.opt.Clock(), updated: s.opt.Clock()}
	s.work.Go(func() {
		if !s.sleep(delay) {
			return
		}
		var err error
		if machines != nil {
			err = machines.Add(s.ctx, info, n.name)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		j := s.jobs[n.job]
		j.phase, j.updated = "Success", s.opt.Clock()
		if n.phase == phaseInstalling { // it may be on its way out already
			n.phase = phaseActive
		}
		if err != nil {
			n.phase = phaseError
			j.phase, j.reason = "Failed", err.Error()
			s.fail(p, "UnexpectedError", err.Error())
			s.opt.Log.Warn().Err(err).Str("node", n.name).Msg("a node was not installed")
		}
		s.jobs[n.job] = j
	})
}

// remove takes the machine down in the background.
func (s *Service) remove(clusterID string, p *pool, n *node) {
	n.phase = phaseDeleting
	delay, machines, info := s.opt.RemoveDelay, s.opt.Machines, p.info(clusterID)
	s.work.Go(func() {
		if !s.sleep(delay) {
			return
		}
		if machines != nil {
			if err := machines.Remove(s.ctx, info, n.name); err != nil {
				s.opt.Log.Warn().Err(err).Str("node", n.name).Msg("a node was not removed")
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p.nodes = slices.DeleteFunc(p.nodes, func(x *node) bool { return x == n })
	})
}

// sleep reports whether the service still lives afterwards.
func (s *Service) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.ctx.Err() == nil
	case <-s.ctx.Done():
		return false
	}
}

func (s *Service) apiScale(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Spec *scaleSpec `json:"spec"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	if body.Spec == nil {
		return edge.Answer{}, edge.BadRequest("spec is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pool(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return edge.Answer{}, missing(err)
	}
	if err := s.scale(c.PathValue("cluster"), p, *body.Spec); err != nil {
		return edge.Answer{}, err
	}
	return edge.Status(http.StatusAccepted)
}

// apiUpdatePool keeps the trap of the real call: without ignoreInitialNodeCount, initialNodeCount is the new target and 0 by default.
func (s *Service) apiUpdatePool(c *edge.Call) (edge.Answer, error) {
	var body struct {
		Spec struct {
			Initial     int          `json:"initialNodeCount"`
			Ignore      bool         `json:"ignoreInitialNodeCount"`
			Autoscaling *Autoscaling `json:"autoscaling"`
			Template    *struct {
				Labels map[string]string `json:"k8sTags"`
			} `json:"nodeTemplate"`
		} `json:"spec"`
	}
	if err := c.Decode(&body); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pool(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return edge.Answer{}, missing(err)
	}
	if body.Spec.Autoscaling != nil {
		p.autoscaling = *body.Spec.Autoscaling
	}
	if body.Spec.Template != nil {
		p.spec.Labels = body.Spec.Template.Labels
	}
	if !body.Spec.Ignore && body.Spec.Initial != p.target {
		s.retarget(c.PathValue("cluster"), p, body.Spec.Initial)
	}
	return edge.OK(s.poolView(p))
}

// apiDeleteNode removes one node. With NoScaleDown the pool keeps its target and replaces it.
func (s *Service) apiDeleteNode(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cl := s.clusters[c.PathValue("cluster")]
	if cl == nil {
		return edge.Answer{}, missing(ErrNoCluster)
	}
	for _, p := range cl.pools {
		for _, n := range p.nodes {
			if n.id != c.PathValue("node") {
				continue
			}
			if n.phase == phaseDeleting {
				return edge.OK(s.nodeView(p, n))
			}
			s.remove(cl.spec.ID, p, n)
			n.job = edge.NewID()
			now := s.opt.Clock()
			s.jobs[n.job] = job{id: n.job, kind: "DeleteNode", cluster: cl.spec.ID, resource: n.id, name: n.name, phase: "Running", created: now, updated: now}
			view := s.nodeView(p, n)
			if c.URL.Query().Get("nodepoolScaleDown") == "NoScaleDown" {
				s.retarget(cl.spec.ID, p, p.target)
			} else {
				p.target--
			}
			return edge.OK(view)
		}
	}
	return edge.Answer{}, missing(ErrNoNode)
}

// uid is a stable id in the form of a UUID.
func uid(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
