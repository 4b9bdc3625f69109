package observe

import (
	"cmp"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// ccePool is a node pool in the shape of CCE's API v3: spec.initialNodeCount is the target count when read; status.currentNode
// counts nodes that are still being installed, so Active comes from status.activeNode.
type ccePool struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
		UID  string `json:"uid,omitempty"`
	} `json:"metadata"`
	Spec struct {
		InitialNodeCount int `json:"initialNodeCount"`
		Autoscaling      struct {
			Enable       bool `json:"enable"`
			MinNodeCount int  `json:"minNodeCount"`
			MaxNodeCount int  `json:"maxNodeCount"`
		} `json:"autoscaling"`
		NodeTemplate struct {
			Flavor string            `json:"flavor,omitempty"`
			Labels map[string]string `json:"k8sTags,omitempty"`
			Taints []corev1.Taint    `json:"taints,omitempty"`
		} `json:"nodeTemplate"`
	} `json:"spec"`
	Status struct {
		CurrentNode  *int            `json:"currentNode,omitempty"`
		ActiveNode   *int            `json:"activeNode,omitempty"`
		CreatingNode int             `json:"creatingNode"`
		Conditions   []PoolCondition `json:"conditions,omitempty"`
	} `json:"status"`
}

var poolKind = kind{
	name: "NodePool", version: "v3", also: map[string]bool{"v3": true},
	read: func(o *Objects, raw json.RawMessage) error {
		var p ccePool
		if err := kjson.Unmarshal(raw, &p); err != nil {
			return err
		}
		o.NodePools = append(o.NodePools, p.pool())
		return nil
	},
	each: func(o *Objects, give func(any)) {
		for _, p := range o.NodePools {
			give(poolObject(p))
		}
	},
	sort: func(o *Objects) {
		byName := func(a, b NodePool) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) }
		if !slices.IsSortedFunc(o.NodePools, byName) {
			o.NodePools = slices.Clone(o.NodePools)
			slices.SortStableFunc(o.NodePools, byName)
		}
	},
}

func (p *ccePool) pool() NodePool {
	active := 0
	switch {
	case p.Status.ActiveNode != nil:
		active = *p.Status.ActiveNode
	case p.Status.CurrentNode != nil:
		active = max(0, *p.Status.CurrentNode-p.Status.CreatingNode)
	}
	return NodePool{
		ID: p.Metadata.UID, Name: p.Metadata.Name, Desired: p.Spec.InitialNodeCount, Active: active, Creating: p.Status.CreatingNode,
		Min: p.Spec.Autoscaling.MinNodeCount, Max: p.Spec.Autoscaling.MaxNodeCount, Autoscaling: p.Spec.Autoscaling.Enable,
		Flavor: p.Spec.NodeTemplate.Flavor, Conditions: p.Status.Conditions, Labels: p.Spec.NodeTemplate.Labels, Taints: p.Spec.NodeTemplate.Taints,
	}
}

func poolObject(n NodePool) *ccePool {
	p := &ccePool{APIVersion: "v3", Kind: "NodePool"}
	p.Metadata.Name, p.Metadata.UID = n.Name, n.ID
	p.Spec.InitialNodeCount = n.Desired
	p.Spec.Autoscaling.Enable, p.Spec.Autoscaling.MinNodeCount, p.Spec.Autoscaling.MaxNodeCount = n.Autoscaling, n.Min, n.Max
	p.Spec.NodeTemplate.Flavor, p.Spec.NodeTemplate.Labels, p.Spec.NodeTemplate.Taints = n.Flavor, n.Labels, n.Taints
	active := n.Active
	p.Status.ActiveNode, p.Status.CreatingNode, p.Status.Conditions = &active, n.Creating, n.Conditions
	return p
}
