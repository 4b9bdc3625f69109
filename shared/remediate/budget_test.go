package remediate

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

func TestBudget(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	web := incident.Target{Kind: "Deployment", Namespace: "default", Name: "web"}
	pool := incident.Target{Kind: "NodePool", Name: "pool"}
	restart := incident.Solution{Steps: []incident.Step{{Action: incident.RestartRollout, Target: web}}}
	ran := func(action incident.ActionKind, target incident.Target, ago time.Duration, state incident.StepState, receipt string) incident.Execution {
		return incident.Execution{Steps: []incident.StepRun{{Step: incident.Step{Action: action, Target: target}, State: state, Receipt: []byte(receipt), At: now.Add(-ago)}}}
	}
	other := incident.Target{Kind: "Deployment", Namespace: "default", Name: "other"}
	node := func(ready, open bool) *corev1.Node {
		n := nodeWith("n", "1", "1Gi", nil)
		if !ready {
			n.Status.Conditions[0].Status = corev1.ConditionUnknown
		}
		n.Spec.Unschedulable = !open
		return n
	}
	for _, c := range []struct {
		name     string
		budget   Budget
		solution incident.Solution
		past     []incident.Execution
		nodes    []*corev1.Node
		over     bool
	}{
		{name: "nothing happened yet", budget: Budget{PerCluster: 1, PerWorkload: 1}, solution: restart},
		{name: "the cluster's share is used up", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{ran(incident.DrainNode, other, time.Minute, incident.StepSettled, "{}")}, over: true},
		{name: "an hour ago is forgotten", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{ran(incident.DrainNode, other, time.Hour, incident.StepSettled, "{}")}},
		{name: "a refused step changed nothing", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{ran(incident.DrainNode, other, time.Minute, incident.StepFailed, "")}},
		{name: "what does not disturb is free", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{ran(incident.ScaleOut, other, time.Minute, incident.StepSettled, "{}")}},
		{name: "scaling out is free", budget: Budget{PerCluster: 1}, solution: incident.Solution{Steps: []incident.Step{{Action: incident.ScaleOut, Target: web}}}, past: []incident.Execution{ran(incident.DrainNode, other, time.Minute, incident.StepSettled, "{}")}},
		{name: "the workload was changed just now", budget: Budget{PerWorkload: 1}, solution: restart, past: []incident.Execution{ran(incident.ScaleOut, web, time.Minute, incident.StepApplied, "{}")}, over: true},
		{name: "another workload was", budget: Budget{PerWorkload: 1}, solution: restart, past: []incident.Execution{ran(incident.ScaleOut, other, time.Minute, incident.StepApplied, "{}")}},
		{name: "the pool grew twice", budget: Budget{PerPool: 1, PerWorkload: 9}, solution: incident.Solution{Steps: []incident.Step{{Action: incident.ScaleOutNodePool, Target: pool}}}, past: []incident.Execution{ran(incident.ScaleOutNodePool, pool, time.Minute, incident.StepSettled, "{}")}, over: true},
		{name: "most nodes look bad", solution: restart, nodes: []*corev1.Node{node(false, true), node(true, false), node(true, true)}, over: true},
		{name: "half of them do", solution: restart, nodes: []*corev1.Node{node(false, true), node(true, true)}},
		{name: "most nodes look bad and nothing is disturbed", solution: incident.Solution{Steps: []incident.Step{{Action: incident.UncordonNode}}}, nodes: []*corev1.Node{node(false, true)}},
		{name: "a running execution will disturb", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{begun(now, ran(incident.DrainNode, other, 0, incident.StepPending, ""))}, over: true},
		{name: "one that was forgotten will not", budget: Budget{PerCluster: 1}, solution: restart, past: []incident.Execution{begun(now.Add(-3*time.Hour), ran(incident.DrainNode, other, 3*time.Hour, incident.StepPending, ""))}},
		{name: "another is at work on the workload", solution: restart, past: []incident.Execution{begun(now, ran(incident.ScaleOut, web, 0, incident.StepPrepared, "{}"))}, over: true},
		{name: "another was at work on it", solution: restart, past: []incident.Execution{done(now, ran(incident.ScaleOut, web, 0, incident.StepSettled, "{}"))}},
		{name: "another is at work elsewhere", solution: restart, past: []incident.Execution{begun(now, ran(incident.ScaleOut, other, 0, incident.StepPrepared, "{}"))}},
		{name: "an own window", budget: Budget{PerCluster: 1, Window: 2 * time.Hour}, solution: restart, past: []incident.Execution{ran(incident.DrainNode, other, time.Hour, incident.StepSettled, "{}")}, over: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			why, over := c.budget.Over(now, c.solution, c.past, c.nodes)
			if over != c.over || over != (why.EN != "") || over != (why.ZH != "") {
				t.Errorf("got %v (%+v), want %v", over, why, c.over)
			}
		})
	}
}

// begun is an execution that began at a moment and runs; done one that has come to its end.
func begun(start time.Time, x incident.Execution) incident.Execution {
	x.StartedAt, x.Deadline = start, start.Add(2*time.Hour)
	return x
}

func done(now time.Time, x incident.Execution) incident.Execution {
	x = begun(now.Add(-time.Minute), x)
	x.DoneAt = now
	return x
}

func TestBudgetOfOneExecution(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	b := Budget{Hops: 3, Rounds: 3}
	for _, c := range []struct {
		name string
		x    incident.Execution
		over bool
	}{
		{"fresh", incident.Execution{Deadline: now.Add(time.Hour)}, false},
		{"too many hops", incident.Execution{Hops: 3}, true},
		{"past its deadline", incident.Execution{Deadline: now}, true},
	} {
		if why, over := b.Exhausted(now, &c.x); over != c.over || over != (why.EN != "") {
			t.Errorf("%s: got %v (%+v)", c.name, over, why)
		}
	}
	for _, c := range []struct {
		failed, rounds int
		over           bool
	}{{0, 2, false}, {1, 1, false}, {2, 2, true}, {0, 3, true}} {
		if _, over := b.Spent(History{Failed: c.failed}, c.rounds); over != c.over {
			t.Errorf("%+v: got %v", c, over)
		}
	}
}
