package machine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Write is one change of the cluster that one of the agent's identities made or tried, as the API server's audit log has it.
type Write struct {
	At       time.Time
	Agency   string
	Verb     string
	Resource string // pods/eviction, deployments/scale, ...
	Object   string // namespace/name
	Status   int
	DryRun   bool
}

// Writes are all changes by the agent's identities so far, leases left out, oldest first.
func (m *Machine) Writes() ([]Write, error) {
	raw, err := os.ReadFile(m.Cluster.Audit)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	users := map[string]string{}
	for _, name := range []string{ReadAgency, WriteAgency} {
		if a, ok := m.Cloud.IAM.FindAgency(name); ok {
			users[a.Kubernetes.User] = name
		}
	}
	var out []Write
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e struct {
			URI          string    `json:"requestURI"`
			Verb         string    `json:"verb"`
			At           time.Time `json:"requestReceivedTimestamp"`
			Impersonated struct {
				Name string `json:"username"`
			} `json:"impersonatedUser"`
			Object struct{ Resource, Subresource, Namespace, Name string } `json:"objectRef"`
			Status struct{ Code int }                                      `json:"responseStatus"`
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil || users[e.Impersonated.Name] == "" {
			continue // a line that is being written, or somebody else's
		}
		w := Write{At: e.At, Agency: users[e.Impersonated.Name], Verb: e.Verb, Resource: e.Object.Resource, Status: e.Status.Code, DryRun: strings.Contains(e.URI, "dryRun=")}
		if e.Object.Subresource != "" {
			w.Resource += "/" + e.Object.Subresource
		}
		w.Object = strings.TrimPrefix(e.Object.Namespace+"/"+e.Object.Name, "/")
		out = append(out, w)
	}
	return out, lines.Err()
}

// Changes are the writes that took effect.
func (m *Machine) Changes() ([]Write, error) {
	all, err := m.Writes()
	var out []Write
	for _, w := range all {
		if !w.DryRun && w.Status < 300 {
			out = append(out, w)
		}
	}
	return out, err
}
