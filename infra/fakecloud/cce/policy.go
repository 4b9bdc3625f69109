package cce

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud/edge"
)

// AccessPolicy gives principals a built-in role in clusters. Its effect is real: bindings in the clusters' RBAC.
type AccessPolicy struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Name       string   `json:"name"`
	ID         string   `json:"policyId"`
	Clusters   []string `json:"clusters"`
	Scope      struct {
		Namespaces []string `json:"namespaces"`
	} `json:"accessScope"`
	Type      string `json:"policyType"`
	Principal struct {
		Type string   `json:"type"` // user, group or agency
		IDs  []string `json:"ids"`
	} `json:"principal"`
	Created string `json:"createTime"`
	Updated string `json:"updateTime"`
}

func (a AccessPolicy) role() string {
	return map[string]string{
		"CCEClusterAdminPolicy": "cluster-admin", "CCEAdminPolicy": "admin", "CCEEditPolicy": "edit", "CCEViewPolicy": "view",
	}[a.Type]
}

func (a AccessPolicy) check() error {
	switch {
	case a.role() == "":
		return edge.BadRequest(fmt.Sprintf("policyType %q", a.Type))
	case !slices.Contains([]string{"user", "group", "agency"}, a.Principal.Type) || len(a.Principal.IDs) == 0:
		return edge.BadRequest("principal needs a type (user, group, agency) and ids")
	case len(a.Clusters) == 0 || len(a.Scope.Namespaces) == 0:
		return edge.BadRequest("clusters and accessScope.namespaces are required")
	}
	return nil
}

// binding is one RBAC object of a policy.
type binding struct{ path, name, body string }

func (a AccessPolicy) bindings() []binding {
	kind := map[string]string{"group": "Group"}[a.Principal.Type]
	if kind == "" {
		kind = "User"
	}
	var subjects []map[string]string
	for _, id := range a.Principal.IDs {
		subjects = append(subjects, map[string]string{"kind": kind, "name": id, "apiGroup": "rbac.authorization.k8s.io"})
	}
	name := "cce-access-policy-" + a.ID
	build := func(object, path string) binding {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": object,
			"metadata": map[string]any{"name": name, "annotations": map[string]string{"CCE.com/IAM": "true"}},
			"roleRef":  map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": a.role()},
			"subjects": subjects,
		})
		if err != nil {
			raw = []byte("{}") // strings always encode
		}
		return binding{path: path, name: name, body: string(raw)}
	}
	if slices.Contains(a.Scope.Namespaces, "*") {
		return []binding{build("ClusterRoleBinding", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")}
	}
	var out []binding
	for _, ns := range a.Scope.Namespaces {
		out = append(out, build("RoleBinding", "/apis/rbac.authorization.k8s.io/v1/namespaces/"+ns+"/rolebindings"))
	}
	return out
}

// bind makes or removes a policy's bindings. A cluster without an API server only keeps the policy.
func (s *Service) bind(ctx context.Context, a AccessPolicy, remove bool) error {
	for _, id := range a.Clusters {
		s.mu.Lock()
		c := s.clusters[id]
		s.mu.Unlock()
		if c == nil {
			if remove {
				continue
			}
			return missing(fmt.Errorf("%w: %s", ErrNoCluster, id))
		}
		if c.spec.Server == nil {
			continue
		}
		for _, b := range a.bindings() {
			if err := c.admin(ctx, http.MethodDelete, b.path+"/"+b.name, ""); err != nil {
				return err
			}
			if remove {
				continue
			}
			if err := c.admin(ctx, http.MethodPost, b.path, b.body); err != nil {
				return err
			}
		}
	}
	return nil
}

// admin calls the API server with the administrator's certificate; what is gone already is fine.
func (c *cluster) admin(ctx context.Context, method, path, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.spec.Server.String(), "/")+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("address the API server: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: c.spec.Transport}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("call the API server: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("read the API server's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest && resp.StatusCode != http.StatusNotFound {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, raw)
	}
	return nil
}

func (s *Service) readPolicy(c *edge.Call) (AccessPolicy, error) {
	var a AccessPolicy
	if err := c.Decode(&a); err != nil {
		return a, err
	}
	a.Kind, a.APIVersion, a.Updated = "AccessPolicy", "v3", stamp(c.At)
	return a, a.check()
}

func (s *Service) apiAddPolicy(c *edge.Call) (edge.Answer, error) {
	a, err := s.readPolicy(c)
	if err != nil {
		return edge.Answer{}, err
	}
	a.ID, a.Created = edge.NewID(), stamp(c.At)
	if err := s.bind(c.Context(), a, false); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policies[a.ID] = a
	return edge.Reply(http.StatusCreated, a)
}

func (s *Service) apiSetPolicy(c *edge.Call) (edge.Answer, error) {
	a, err := s.readPolicy(c)
	if err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	old, ok := s.policies[c.PathValue("policy")]
	s.mu.Unlock()
	if !ok {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Message: "Resource not found: the access policy does not exist"}
	}
	a.ID, a.Created = old.ID, old.Created
	if err := s.bind(c.Context(), old, true); err != nil {
		return edge.Answer{}, err
	}
	if err := s.bind(c.Context(), a, false); err != nil {
		return edge.Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policies[a.ID] = a
	return edge.OK(a)
}

func (s *Service) apiPolicy(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.policies[c.PathValue("policy")]
	if !ok {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Message: "Resource not found: the access policy does not exist"}
	}
	return edge.OK(a)
}

func (s *Service) apiPolicies(*edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []AccessPolicy{}
	for _, a := range s.policies {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b AccessPolicy) int { return strings.Compare(a.ID, b.ID) })
	return edge.OK(map[string]any{"kind": "AccessPolicy", "apiVersion": "v3", "accessPolicyList": list})
}

func (s *Service) apiDeletePolicy(c *edge.Call) (edge.Answer, error) {
	s.mu.Lock()
	a, ok := s.policies[c.PathValue("policy")]
	delete(s.policies, a.ID)
	s.mu.Unlock()
	if !ok {
		return edge.Answer{}, &edge.Error{Status: http.StatusNotFound, Message: "Resource not found: the access policy does not exist"}
	}
	if err := s.bind(c.Context(), a, true); err != nil {
		return edge.Answer{}, err
	}
	return edge.OK(a)
}
