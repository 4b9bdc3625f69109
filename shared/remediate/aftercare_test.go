package remediate

import (
	"strings"
	"testing"

	"cce-oncall/shared/incident"
)

func TestAftercareSpeaksOfWhatWasDone(t *testing.T) {
	web := incident.Target{Kind: "Deployment", Namespace: "default", Name: "web"}
	run := func(state incident.StepState, a incident.ActionKind, target incident.Target, goal map[string]string) incident.Round {
		return incident.Round{Execution: &incident.Execution{Steps: []incident.StepRun{{State: state, Step: incident.Step{Action: a, Target: target, Goal: goal}}}}}
	}
	i := &incident.Incident{Rounds: []incident.Round{
		run(incident.StepSettled, incident.ScaleOut, web, map[string]string{"replicas": "4"}),
		run(incident.StepPending, incident.RollBack, web, nil),
		run(incident.StepUndone, incident.RollBack, web, nil),
		run(incident.StepSettled, incident.ScaleOutNodePool, incident.Target{Kind: "NodePool", Name: "general"}, nil),
		run(incident.StepSettled, incident.ScaleOut, web, map[string]string{"replicas": "4"}),
	}}
	risks, advice := Aftercare(i)
	if len(risks) != 2 || len(advice) != 2 {
		t.Fatalf("%d risks, %d pieces of advice: %+v %+v", len(risks), len(advice), risks, advice)
	}
	for _, text := range append(risks, advice...) {
		if text.ZH == "" || strings.Contains(text.EN+text.ZH, "%!") || strings.Contains(text.EN, "former release") {
			t.Errorf("%+v", text)
		}
	}
	if !strings.Contains(advice[0].EN, "4 replicas") || !strings.Contains(advice[0].ZH, "副本数 4") {
		t.Errorf("%+v", advice[0])
	}
}
