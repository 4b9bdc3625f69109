package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
)

// Clusters decodes CLUSTERS.
type Clusters []Cluster

// UnmarshalText is how env reads it.
func (c *Clusters) UnmarshalText(b []byte) error {
	return strict(b, (*[]Cluster)(c))
}

// Find is the cluster with this id or name.
func (c Clusters) Find(idOrName string) (Cluster, bool) {
	for _, x := range c {
		if idOrName != "" && (x.ID == idOrName || x.Name == idOrName) {
			return x, true
		}
	}
	return Cluster{}, false
}

// clustersKey holds the sum of the list in its own name, so that nobody can put another list, with other approvers, in its place.
var clustersKey = regexp.MustCompile(`^config/v1/clusters-([0-9a-f]{64})\.json$`)

// checkWatched checks the list of clusters, or the name of the object that holds it.
func (c *Config) checkWatched() error {
	switch {
	case c.ClustersObject == "":
		return c.checkClusters()
	case len(c.Clusters) > 0:
		return errors.New("CLUSTERS and CLUSTERS_OBJECT are both set")
	case !clustersKey.MatchString(c.ClustersObject):
		return errors.New("CLUSTERS_OBJECT is not a key like config/v1/clusters-<sha256>.json")
	}
	return nil
}

// TakeClusters takes the list that the object CLUSTERS_OBJECT of the state bucket holds: a function's variables have 4096 characters
// together, and a hundred clusters need more. The error is one line, as Load's.
func (c *Config) TakeClusters(raw []byte) error {
	sum := sha256.Sum256(raw)
	if want := clustersKey.FindStringSubmatch(c.ClustersObject); want == nil || want[1] != hex.EncodeToString(sum[:]) {
		return errors.New("the object that CLUSTERS_OBJECT names does not hold the list it was made for")
	}
	if err := c.Clusters.UnmarshalText(raw); err != nil {
		return fmt.Errorf("CLUSTERS_OBJECT: %w", err)
	}
	return c.checkClusters()
}

func (c *Config) checkClusters() error {
	if len(c.Clusters) == 0 {
		return errors.New("CLUSTERS names no cluster")
	}
	seen := map[string]bool{}
	for i := range c.Clusters {
		k := &c.Clusters[i]
		where := fmt.Sprintf("CLUSTERS[%d]", i)
		switch {
		case k.ID == "":
			return fmt.Errorf("%s.id is empty", where)
		case seen[k.ID]:
			return fmt.Errorf("%s.id is there twice", where)
		case !larkChat.MatchString(k.Chat):
			return fmt.Errorf("%s.chat is not a chat id (oc_…)", where)
		}
		seen[k.ID] = true
		if k.Region == "" {
			k.Region = c.Region
		}
		for j, r := range k.Routes {
			if !larkChat.MatchString(r.Chat) {
				return fmt.Errorf("%s.routes[%d].chat is not a chat id (oc_…)", where, j)
			}
		}
		for j, a := range k.Approvers {
			if !larkUser.MatchString(a.ID) {
				return fmt.Errorf("%s.approvers[%d].id is not an open_id of this app (ou_…)", where, j)
			}
			for _, r := range a.Risks {
				if !r.Known() {
					return fmt.Errorf("%s.approvers[%d].risks: %q is no risk (read-only, reversible, disruptive, costly, destructive)", where, j, r)
				}
			}
		}
	}
	return nil
}
