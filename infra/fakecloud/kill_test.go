package fakecloud_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
)

// TestProcessDiesAtItsCall arms faults that kill the calling process before or after its call took effect, and follows the
// redelivery.
func TestProcessDiesAtItsCall(t *testing.T) {
	tests := []struct {
		name  string
		fault edge.Fault
		want  []string
	}{
		{"before its first call", edge.Fault{Service: "cce", Kill: functiongraph.Caller, Times: 1}, []string{"1 FAIL", "2 SUCCESS 200"}},
		{"after its first call", edge.Fault{Service: "cce", Kill: functiongraph.Caller, Times: 1, After: true}, []string{"1 FAIL", "2 SUCCESS 200"}},
		{"by name", edge.Fault{Service: "cce", Kill: "f", Times: 1}, []string{"1 FAIL", "2 SUCCESS 200"}},
		{"another function", edge.Fault{Service: "cce", Status: 429, Times: 1}, []string{"1 SUCCESS 429"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(o *fakecloud.Options) { o.Functions.RetryDelay = 10 * time.Millisecond })
			s.IAM.AddAgency("reader", edge.Kubernetes{}, "cce:cluster:list")
			if _, err := s.Functions.Create(functiongraph.Spec{
				Name: "f", Handler: "bootstrap", Zip: testFunction(t), Timeout: 20 * time.Second, MemoryMB: 256, MaxInstances: 2, AppAgency: "reader",
			}); err != nil {
				t.Fatal(err)
			}
			s.Faults.Add(tt.fault)
			event := fmt.Sprintf(`{"do":"call","text":"%s/api/v3/projects/%s/clusters"}`, s.url, fakecloud.DefaultProject)
			if _, err := s.Functions.InvokeAsync("f", []byte(event), "test"); err != nil {
				t.Fatal(err)
			}
			if err := s.Functions.WaitIdle(within(t)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range s.Functions.Invocations("f") {
				line := fmt.Sprint(i.Attempt, " ", i.Status)
				if i.Result != "" {
					line += " " + i.Result
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}
