package cce

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// stampLayout is how CCE writes times: Go's own form, not RFC 3339.
const stampLayout = "2006-01-02 15:04:05.999999999 +0000 UTC"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

// Service returns the HTTP API (v3) behind the front door.
func (s *Service) Service() edge.Service {
	const clusters, one = "/api/v3/projects/{project}/clusters", "/api/v3/projects/{project}/clusters/{cluster}"
	trace := func(resource, name, of string) edge.Trace {
		return edge.Trace{Service: "CCE", Resource: resource, Name: name, Of: of}
	}
	return edge.Service{
		Name: "cce", Dialect: edge.Camel, Denied: "CCE.01403001", Invalid: "CCE.01400001", Missing: "CCE.01404001",
		Routes: []edge.Route{
			{Method: "GET", Path: clusters, Action: "cce:cluster:list", Do: s.apiClusters},
			{Method: "GET", Path: one, Action: "cce:cluster:getCluster", Do: s.apiCluster},
			{Method: "GET", Path: one + "/openapi", Action: "cce:cluster:getEndpoints", Do: s.apiEndpoints},
			{Method: "POST", Path: one + "/clustercert", Action: "cce:cluster:generateClientCredential", Trace: trace("cluster", "getClusterCert", "cluster"), Do: s.apiCert},
			{Method: "POST", Path: one + "/clustercertrevoke", Action: "cce:cluster:revokeClientCredential", Trace: trace("cluster", "revokeClusterCert", "cluster"), Do: func(*edge.Call) (edge.Answer, error) { return edge.Status(http.StatusOK) }},
			{Method: "GET", Path: one + "/nodes", Action: "cce:node:list", Do: s.apiNodes},
			{Method: "GET", Path: one + "/nodes/{node}", Action: "cce:node:getNode", Do: s.apiNode},
			{Method: "DELETE", Path: one + "/nodes/{node}", Action: "cce:node:delete", Trace: trace("node", "deleteOneHost", "node"), Do: s.apiDeleteNode},
			{Method: "GET", Path: one + "/nodepools", Action: "cce:nodepool:list", Do: s.apiPools},
			{Method: "GET", Path: one + "/nodepools/{pool}", Action: "cce:nodepool:getNodepool", Do: s.apiPool},
			{Method: "PUT", Path: one + "/nodepools/{pool}", Action: "cce:nodepool:update", Trace: trace("nodepool", "updateNodePool", "pool"), Do: s.apiUpdatePool},
			{Method: "POST", Path: one + "/nodepools/{pool}/operation/scale", Action: "cce:nodepool:scale", Trace: trace("nodepool", "scaleNodePool", "pool"), Do: s.apiScale},
			{Method: "GET", Path: "/api/v3/projects/{project}/jobs/{job}", Action: "cce:job:get", Do: s.apiJob},
			{Method: "GET", Path: "/api/v3/projects/{project}/quotas", Action: "cce:quota:get", Do: s.apiQuotas},
			{Method: "GET", Path: "/api/v3/addons", Action: "cce:addonInstance:list", Do: s.apiAddons},
			{Method: "GET", Path: "/api/v3/addons/{addon}", Action: "cce:addonInstance:get", Do: s.apiAddon},
			{Method: "GET", Path: "/api/v3/projects/{project}/cluster/{cluster}/log-configs", Action: "cce:cluster:getLogConfig", Do: s.apiLogConfigs},
			{Method: "POST", Path: "/api/v3/access-policies", Action: "cce:accessPolicy:create", Trace: trace("accesspolicy", "createAccessPolicy", "policy"), Do: s.apiAddPolicy},
			{Method: "GET", Path: "/api/v3/access-policies", Action: "cce:accessPolicy:list", Do: s.apiPolicies},
			{Method: "GET", Path: "/api/v3/access-policies/{policy}", Action: "cce:accessPolicy:get", Do: s.apiPolicy},
			{Method: "PUT", Path: "/api/v3/access-policies/{policy}", Action: "cce:accessPolicy:update", Trace: trace("accesspolicy", "updateAccessPolicy", "policy"), Do: s.apiSetPolicy},
			{Method: "DELETE", Path: "/api/v3/access-policies/{policy}", Action: "cce:accessPolicy:delete", Trace: trace("accesspolicy", "deleteAccessPolicy", "policy"), Do: s.apiDeletePolicy},
		},
	}
}

func missing(err error) error {
	if errors.Is(err, ErrNoCluster) || errors.Is(err, ErrNoPool) || errors.Is(err, ErrNoNode) {
		return &edge.Error{Status: http.StatusNotFound, Message: "Resource not found: " + err.Error()}
	}
	return err
}

func (s *Service) clusterView(c *cluster, detail bool) map[string]any {
	annotations := map[string]string{}
	if detail {
		total, active := 0, 0
		for _, p := range c.pools {
			total += len(p.nodes)
			active += p.count(phaseActive)
		}
		annotations["totalNodesNumber"], annotations["activeNodesNumber"] = strconv.Itoa(total), strconv.Itoa(active)
	}
	return map[string]any{
		"kind": "Cluster", "apiVersion": "v3",
		"metadata": map[string]any{
			"name": c.spec.Name, "alias": c.spec.Name, "uid": c.spec.ID, "annotations": annotations, "labels": map[string]string{"FeatureGates": ""},
			"creationTimestamp": stamp(c.created), "updateTimestamp": stamp(c.created),
		},
		"spec": map[string]any{
			"category": "CCE", "type": "VirtualMachine", "flavor": c.spec.Flavor, "version": c.spec.Version, "platformVersion": "cce.1.0",
			"hostNetwork": map[string]string{"vpc": uid("vpc", c.spec.ID), "subnet": uid("subnet", c.spec.ID)}, "containerNetwork": map[string]any{"mode": "vpc-router", "cidr": "10.0.0.0/16"},
		},
		"status": map[string]any{"phase": c.phase, "endpoints": s.endpoints(c)},
	}
}

func (s *Service) endpoints(c *cluster) []map[string]string {
	list := []map[string]string{{"url": "https://192.168.0.10:5443", "type": "Internal"}}
	if c.spec.Server != nil {
		list = append(list, map[string]string{"url": c.spec.Server.String(), "type": "External"})
	}
	return list
}

func (s *Service) apiClusters(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []map[string]any{}
	for _, id := range s.clusterIDs() {
		cl := s.clusters[id]
		if want := c.URL.Query().Get("status"); want != "" && want != cl.phase {
			continue
		}
		items = append(items, s.clusterView(cl, c.URL.Query().Get("detail") == "true"))
	}
	return edge.OK(map[string]any{"kind": "Cluster", "apiVersion": "v3", "items": items})
}

func (s *Service) clusterIDs() []string {
	ids := make([]string, 0, len(s.clusters))
	for id := range s.clusters {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *Service) with(c *edge.Call, do func(*cluster) (edge.Answer, error)) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cl := s.clusters[c.PathValue("cluster")]
	if cl == nil {
		return edge.Answer{}, missing(ErrNoCluster)
	}
	return do(cl)
}

func (s *Service) apiCluster(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(cl *cluster) (edge.Answer, error) {
		return edge.OK(s.clusterView(cl, c.URL.Query().Get("detail") == "true"))
	})
}

func (s *Service) apiEndpoints(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(cl *cluster) (edge.Answer, error) {
		status := map[string]string{"privateEndpoint": "https://192.168.0.10:5443"}
		if cl.spec.Server != nil {
			status["publicEndpoint"] = cl.spec.Server.String()
		}
		return edge.OK(map[string]any{"metadata": map[string]string{"name": cl.spec.Name, "uid": cl.spec.ID}, "status": status})
	})
}

func (s *Service) nodeView(p *pool, n *node) map[string]any {
	return map[string]any{
		"kind": "Node", "apiVersion": "v3",
		"metadata": map[string]any{
			"name": n.name, "uid": n.id, "creationTimestamp": stamp(n.created), "updateTimestamp": stamp(n.created),
			"annotations":     map[string]string{"kubernetes.io/node-pool.id": p.id},
			"ownerReferences": map[string]string{"nodepoolID": p.id, "nodepoolName": p.spec.Name},
		},
		"spec":   map[string]any{"flavor": p.spec.Flavor, "az": "az1", "count": 1, "rootVolume": map[string]any{"size": 50, "volumetype": "SAS"}, "dataVolumes": []any{}, "k8sTags": p.spec.Labels},
		"status": map[string]any{"phase": n.phase, "jobID": n.job, "serverId": n.server, "privateIP": n.ip, "lastProbeTime": stamp(s.opt.Clock())},
	}
}

func (s *Service) apiNodes(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(cl *cluster) (edge.Answer, error) {
		type row struct {
			p *pool
			n *node
		}
		var rows []row
		for _, p := range cl.pools {
			for _, n := range p.nodes {
				rows = append(rows, row{p, n})
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.n.id, b.n.id) })
		limit := c.Int("limit", 2000)
		if limit < 1 || limit > 2000 {
			return edge.Answer{}, edge.BadRequest("limit must be within 1 and 2000")
		}
		items := []map[string]any{}
		for _, r := range rows {
			if r.n.id > c.URL.Query().Get("marker") && len(items) < limit {
				items = append(items, s.nodeView(r.p, r.n))
			}
		}
		return edge.OK(map[string]any{"kind": "List", "apiVersion": "v3", "items": items})
	})
}

func (s *Service) apiNode(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(cl *cluster) (edge.Answer, error) {
		for _, p := range cl.pools {
			for _, n := range p.nodes {
				if n.id == c.PathValue("node") {
					return edge.OK(s.nodeView(p, n))
				}
			}
		}
		return edge.Answer{}, missing(ErrNoNode)
	})
}

// poolView counts as the real service does: currentNode includes what is still installing, activeNode does not.
func (s *Service) poolView(p *pool) map[string]any {
	conditions := []map[string]string{}
	kinds := make([]string, 0, len(p.conditions))
	for k := range p.conditions {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		c := p.conditions[k]
		conditions = append(conditions, map[string]string{
			"type": k, "status": c.status, "reason": c.reason, "message": c.message, "lastProbeTime": stamp(s.opt.Clock()), "lastTransitTime": stamp(c.at),
		})
	}
	installing, active, deleting := p.count(phaseInstalling), p.count(phaseActive), p.count(phaseDeleting)
	phase := ""
	if installing > 0 {
		phase = "Synchronized" // in flight: the two names are swapped against intuition in the real service
	}
	existing := map[string]int{"postPaid": p.alive(), "prePaid": 0, "total": p.alive()}
	taints := p.spec.Taints
	if taints == nil {
		taints = []map[string]string{}
	}
	return map[string]any{
		"kind": "NodePool", "apiVersion": "v3",
		"metadata": map[string]any{"name": p.spec.Name, "uid": p.id, "annotations": map[string]string{}, "creationTimestamp": stamp(p.created), "updateTimestamp": stamp(p.created)},
		"spec": map[string]any{
			"type": "vm", "initialNodeCount": p.target, "autoscaling": p.autoscaling,
			"nodeTemplate": map[string]any{
				"flavor": p.spec.Flavor, "az": "random", "os": "Huawei Cloud EulerOS 2.0", "k8sTags": p.spec.Labels, "taints": taints,
				"rootVolume": map[string]any{"size": 50, "volumetype": "SAS"}, "dataVolumes": []any{},
			},
			"nodeManagement": map[string]any{},
		},
		"status": map[string]any{
			"currentNode": p.alive(), "creatingNode": installing, "activeNode": active, "deletingNode": deleting, "configurationSyncedNodeCount": active,
			"phase": phase, "jobId": p.job, "conditions": conditions,
			"scaleGroupStatuses": []map[string]any{{
				"name": "default", "uid": p.id, "desiredNodeCount": p.target, "activeNodeCount": active, "existingNodeCount": existing, "upcomingNodeCount": map[string]int{"postPaid": installing, "prePaid": 0, "total": installing},
				"unpaidScaleNodeCount": 0, "scaleDownDisabledNodeCount": 0, "conditions": conditions,
			}},
		},
	}
}

func (s *Service) apiPools(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(cl *cluster) (edge.Answer, error) {
		items := []map[string]any{}
		for _, p := range cl.pools {
			if p.spec.Name != defaultPool || c.URL.Query().Get("showDefaultNodePool") == "true" {
				items = append(items, s.poolView(p))
			}
		}
		return edge.OK(map[string]any{"kind": "List", "apiVersion": "v3", "items": items})
	})
}

func (s *Service) apiPool(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pool(c.PathValue("cluster"), c.PathValue("pool"))
	if err != nil {
		return edge.Answer{}, missing(err)
	}
	return edge.OK(s.poolView(p))
}

func (s *Service) apiJob(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[c.PathValue("job")]
	if !ok {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Message: "Resource not found: the job does not exist"}
	}
	return edge.OK(map[string]any{
		"kind": "Job", "apiVersion": "v3",
		"metadata": map[string]string{"uid": j.id, "creationTimestamp": stamp(j.created), "updateTimestamp": stamp(j.updated)},
		"spec":     map[string]any{"type": j.kind, "clusterUID": j.cluster, "resourceID": j.resource, "resourceName": j.name, "extendParam": map[string]string{}, "subJobs": []any{}},
		"status":   map[string]string{"phase": j.phase, "reason": j.reason},
	})
}

func (s *Service) apiQuotas(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return edge.OK(map[string]any{"quotas": []map[string]any{{"quotaKey": "cluster", "quotaLimit": 50, "used": len(s.clusters), "unit": "count", "regionId": s.opt.Region}}})
}

func (s *Service) apiLogConfigs(c *edge.Call) (edge.Answer, error) {
	return s.with(c, func(*cluster) (edge.Answer, error) {
		return edge.OK(map[string]any{"ttl_in_days": 7, "log_configs": []map[string]any{{"name": "audit", "enable": true, "type": "system"}, {"name": "kube-apiserver", "enable": true, "type": "control"}}})
	})
}

// Addon is an installed add-on. Values carry what clients look for, such as custom.aom_instance_id of cie-collector.
type Addon struct {
	Name    string
	Version string
	Status  string // running by default
	Custom  map[string]any
}

// AddAddon installs an add-on in a cluster's answers.
func (s *Service) AddAddon(clusterID string, a Addon) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[clusterID]
	if c == nil {
		return fmt.Errorf("%w: %s", ErrNoCluster, clusterID)
	}
	if a.Status == "" {
		a.Status = "running"
	}
	if a.Version == "" {
		a.Version = "3.12.0"
	}
	c.addons = append(c.addons, a)
	return nil
}

func addonView(clusterID string, a Addon) map[string]any {
	custom := a.Custom
	if custom == nil {
		custom = map[string]any{}
	}
	return map[string]any{
		"kind": "Addon", "apiVersion": "v3",
		"metadata": map[string]any{"uid": uid(clusterID, "addon-"+a.Name), "name": a.Name, "alias": a.Name, "labels": map[string]string{}},
		"spec": map[string]any{
			"clusterID": clusterID, "version": a.Version, "addonTemplateName": a.Name, "addonTemplateType": "helm", "description": "",
			"values": map[string]any{"basic": map[string]any{}, "custom": custom},
		},
		"status": map[string]any{"status": a.Status, "Reason": "", "message": "", "currentVersion": map[string]any{"version": a.Version}},
	}
}

func (s *Service) apiAddons(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cl := s.clusters[c.URL.Query().Get("cluster_id")]
	if cl == nil {
		return edge.Answer{}, missing(ErrNoCluster)
	}
	items := []map[string]any{}
	for _, a := range cl.addons {
		items = append(items, addonView(cl.spec.ID, a))
	}
	return edge.OK(map[string]any{"kind": "Addon", "apiVersion": "v3", "items": items})
}

func (s *Service) apiAddon(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.clusterIDs() {
		for _, a := range s.clusters[id].addons {
			if uid(id, "addon-"+a.Name) == c.PathValue("addon") {
				return edge.OK(addonView(id, a))
			}
		}
	}
	return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Code: "CCE.03404001", Message: "Resource not found: the add-on does not exist"}
}
