package diagnose

import (
	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// skill is a diagnoser over the shared lookups.
type skill struct {
	name, doc string
	run       func(*view) []incident.Finding
}

var skills = []skill{
	{"pod-failure-diagnoser", "Why containers do not start, do not stay, or are not ready: waiting reasons, last states, exit codes, probes, evictions.", examinePods},
	{"workload-failure-diagnoser", "Why controllers lack replicas: refusals, quotas, rollouts, scheduling, jobs, Services and their ports, Ingress, claims.", examineWorkloads},
	{"node-failure-diagnoser", "What is wrong with nodes and the control plane: conditions, leases, node-problem-detector, taints, daemons, events.", examineNodes},
	{"network-failure-diagnoser", "Why traffic does not arrive: selectors, ports, missing Services, policies, DNS, wrong addresses.", examineNetwork},
	{"storage-failure-diagnoser", "Why volumes do not bind, attach, mount or hold: claims against volumes field by field.", examineStorage},
	{"autoscaling-failure-diagnoser", "Why pods or nodes are not scaled: HPA conditions and bounds, node pools, cluster autoscaler.", examineAutoscaling},
	{"application-log-diagnoser", "What applications say themselves: refused credentials, wrong addresses, read-only or exhausted databases, taken ports.", examineLogs},
	{"metric-analyzer", "What the curves say: saturation, throttling, leaks, steps, imbalance, slow networks; missing samples are never zero.", examineMetrics},
	{"change-impact-analyzer", "What was changed shortly before: releases field by field, configuration, scaling, policies, nodes; our own calls left out.", examineChanges},
}

// All are the diagnosers. None knows another; the order does not matter.
var All = func() []Diagnoser {
	out := make([]Diagnoser, len(skills))
	for i, k := range skills {
		out[i] = Diagnoser{Name: k.name, Doc: k.doc, Run: func(s *observe.Snapshot) []incident.Finding {
			v, failure := viewOf(s)
			if failure != "" {
				return nil
			}
			found, _ := k.examine(v)
			return merge(found)
		}}
	}
	return out
}()
