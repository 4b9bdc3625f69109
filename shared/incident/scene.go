package incident

import "time"

// Scene is what a person wants to see of a snapshot beside the diagnosis: small enough to live in the record and on a card, so
// that a card can be drawn again long after the snapshot was taken. Built by observe, drawn by lark.
type Scene struct {
	Workloads []WorkloadLine `json:"workloads,omitempty"`
	Pods      []PodLine      `json:"pods,omitempty"` // the affected ones, worst first
	Nodes     []NodeLine     `json:"nodes,omitempty"`
	HPAs      []string       `json:"hpas,omitempty"`
	Changes   []ChangeLine   `json:"changes,omitempty"` // newest first
	Charts    []Chart        `json:"charts,omitempty"`  // the most telling first
	Totals    Totals         `json:"totals"`
}

// WorkloadLine is one controller: wanted against ready.
type WorkloadLine struct {
	Target    Target `json:"target"`
	Desired   int    `json:"desired"`
	Ready     int    `json:"ready"`
	Resources string `json:"resources,omitempty"` // requests/limits of its containers, as kubectl writes quantities
	Owner     string `json:"owner,omitempty"`     // Helm, Argo CD, an operator: who would revert a direct change
}

// PodLine is one pod in the words of kubectl get pods.
type PodLine struct {
	Target   Target  `json:"target"`
	Node     string  `json:"node,omitempty"`
	Status   string  `json:"status"` // Running, CrashLoopBackOff, Pending …
	Ready    bool    `json:"ready"`
	Restarts int     `json:"restarts"`
	CPU      float64 `json:"cpu"`    // share of the limit, 0..1; -1 unknown
	Memory   float64 `json:"memory"` // share of the limit, 0..1; -1 unknown
	Note     string  `json:"note,omitempty"`
}

// NodeLine is one node's state and watermarks.
type NodeLine struct {
	Name          string   `json:"name"`
	Ready         bool     `json:"ready"`
	Unschedulable bool     `json:"unschedulable,omitempty"`
	CPU           float64  `json:"cpu"`             // usage share 0..1; -1 unknown
	Memory        float64  `json:"memory"`          // usage share 0..1; -1 unknown
	RequestedCPU  float64  `json:"requestedCpu"`    // requests over allocatable, 0..1
	RequestedMem  float64  `json:"requestedMemory"` // requests over allocatable, 0..1
	Pods          int      `json:"pods"`
	BadConditions []string `json:"badConditions,omitempty"`
}

// ChangeLine is one recent change: when, who, what.
type ChangeLine struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor,omitempty"`
	What   string    `json:"what"`
	Target Target    `json:"target"`
}

// Chart is a small line chart: a few series, one threshold.
type Chart struct {
	Title     Text        `json:"title"`
	Unit      string      `json:"unit"` // "%", "cores", "MiB"
	Threshold float64     `json:"threshold,omitempty"`
	Lines     []ChartLine `json:"lines"`
}

// ChartLine is one series of a chart, at most 60 points.
type ChartLine struct {
	Name   string       `json:"name"`
	Points []ChartPoint `json:"points"`
}

// ChartPoint is one sample.
type ChartPoint struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// Totals count the cluster.
type Totals struct {
	Nodes          int `json:"nodes"`
	NodesReady     int `json:"nodesReady"`
	Pods           int `json:"pods"`
	PodsReady      int `json:"podsReady"`
	Workloads      int `json:"workloads"`
	WorkloadsReady int `json:"workloadsReady"`
	ActiveAlarms   int `json:"activeAlarms"`
}
