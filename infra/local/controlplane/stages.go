package main

import (
	_ "embed"
	"fmt"
	"hash/fnv"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/yaml"
)

var (
	//go:embed stages/faults.yaml
	faultsYAML []byte
	//go:embed stages/pods.yaml
	podStages string
	//go:embed stages/nodes.yaml
	nodeStages string
	//go:embed stages/fault.gotmpl
	faultTemplate string
)

// A fault is one entry of stages/faults.yaml.
type fault struct {
	Name        string          `json:"name"`
	Phase       corev1.PodPhase `json:"phase"`
	Terminating bool            `json:"terminating"`
	Message     string          `json:"message"`
	Status      string          `json:"status"`
	Exit        *exit           `json:"exit"`
	Events      []event         `json:"events"`
}

// exit is how the container's last instance ended, for faults that restart it.
type exit struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

type event struct {
	Type    string `json:"type"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// writeStages writes kwok's configuration: how nodes and pods live, and how
// pods fail.
func writeStages(file string) error {
	var faults []fault
	if err := yaml.UnmarshalStrict(faultsYAML, &faults); err != nil {
		return fmt.Errorf("read the faults: %w", err)
	}
	var all, ill []string
	for _, f := range faults {
		all = append(all, f.Name)
		if !f.Terminating {
			ill = append(ill, f.Name)
		}
	}
	// One expression says which fault a pod has, for every stage the same: two
	// stages that both match a pod would be played at random.
	faultOf := fmt.Sprintf(`(.metadata.annotations["fault/reason"] // ([.spec.containers[].image | capture("-(?<f>%s)$") | .f] | first))`,
		strings.Join(all, "|"))

	fill := strings.NewReplacer(
		"FAULTS", "["+strings.Join(ill, ", ")+"]",
		"FAULT", faultOf,
		"ADDRESSES", indent(section("addresses"), 8),
	)
	documents := []string{nodeStages, fill.Replace(podStages)}
	for _, f := range faults {
		document, err := yaml.Marshal(f.stage(faultOf))
		if err != nil {
			return fmt.Errorf("write the stage of fault %s: %w", f.Name, err)
		}
		documents = append(documents, string(document))
	}
	if err := os.WriteFile(file, []byte(strings.Join(documents, "\n---\n")), 0o600); err != nil {
		return fmt.Errorf("write the stages: %w", err)
	}
	return nil
}

// stage is the fault in kwok's words.
func (f *fault) stage(faultOf string) *v1alpha1.Stage {
	stage := &v1alpha1.Stage{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.StageKind},
		ObjectMeta: metav1.ObjectMeta{Name: "pod-" + f.Name},
	}
	stage.Spec.ResourceRef = v1alpha1.StageResourceRef{APIGroup: "v1", Kind: "Pod"}
	deletion := v1alpha1.SelectorOpDoesNotExist
	if f.Terminating {
		deletion = v1alpha1.SelectorOpExists
	}
	stage.Spec.Selector = &v1alpha1.StageSelector{MatchExpressions: []v1alpha1.MatchExpression{
		{JQ: &v1alpha1.SelectorJQ{Key: ".metadata.deletionTimestamp", Operator: deletion}},
		{JQ: &v1alpha1.SelectorJQ{Key: faultOf, Operator: v1alpha1.SelectorOpIn, Values: []string{f.Name}}},
		{JQ: &v1alpha1.SelectorJQ{Key: ".status.phase", Operator: v1alpha1.SelectorOpIn, Values: []string{"Pending", "Running"}}},
	}}
	if !f.Terminating {
		// The fault shows at once, and then again after each period.
		stage.Spec.Delay = &v1alpha1.StageDelay{DurationFrom: &v1alpha1.ExpressionFrom{JQ: &v1alpha1.ExpressionJQ{
			Expression: `if any(.status.conditions[]?; .type == "ContainersReady" and .status == "False")
				then .metadata.annotations["fault/period"] // "3s" else "0s" end`,
		}}}
		stage.Spec.Steps = append(stage.Spec.Steps, v1alpha1.StageStep{Patch: &v1alpha1.StagePatch{
			Subresource: "status",
			Root:        "status",
			Template:    f.fill(section("pod") + section("status")),
		}})
	}
	for i, e := range f.Events {
		// The name is the same each time, so that the event is counted up as the
		// kubelet's own are.
		name := fnv.New32a()
		fmt.Fprint(name, f.Name, i)
		text := strings.NewReplacer(
			"EVENT_NAME", fmt.Sprintf("%08x", name.Sum32()),
			"EVENT_TYPE", e.Type,
			"EVENT_REASON", e.Reason,
			"EVENT_MESSAGE", e.Message,
		).Replace(section("event"))
		stage.Spec.Steps = append(stage.Spec.Steps, v1alpha1.StageStep{Apply: &v1alpha1.StageApply{
			Template: f.fill(section("pod") + text),
		}})
	}
	return stage
}

// fill puts the fault into a template of stages/fault.gotmpl.
func (f *fault) fill(text string) string {
	ended := exit{}
	if f.Exit != nil {
		ended = *f.Exit
	}
	text = strings.NewReplacer(
		"FAULT_NAME", f.Name,
		"FAULT_PHASE", string(f.Phase),
		"FAULT_RESTARTS", fmt.Sprint(f.Exit != nil),
		"FAULT_STATUS", indent(f.Status, 2),
		"CONTAINER", section("container"),
		"ADDRESSES", section("addresses"),
	).Replace(text)
	return strings.NewReplacer(
		"{{ $message }}", `{{ if $note }}{{ $note }}{{ else }}`+f.Message+`{{ end }}`,
		"{{ $exitCode }}", fmt.Sprint(ended.Code),
		"{{ $exitReason }}", ended.Reason,
	).Replace(text)
}

// section is the part of stages/fault.gotmpl under the heading "## NAME".
func section(name string) string {
	_, text, found := strings.Cut(faultTemplate, "\n## "+name+"\n")
	if !found {
		panic("no section " + name + " in stages/fault.gotmpl")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func indent(text string, n int) string {
	return strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+strings.Repeat(" ", n))
}
