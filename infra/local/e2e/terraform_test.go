package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

// TestWhatTerraformMadeRunsTheJourney applies infra/ to the account and runs everything from what that created: agencies, secret, topic,
// alarm rules, timers, triggers and functions. First the deployment's own probe is run as make probe runs it.
func TestWhatTerraformMadeRunsTheJourney(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not installed")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var routed []string
	for i := range 400 { // more than the variables of a function can say: the list of clusters is then an object in the bucket
		routed = append(routed, fmt.Sprintf("team-%03d", i))
	}
	m := start(ctx, t, machine.Options{Terraform: true, Routed: routed})
	probe(ctx, t, m)
	if len(m.Cloud.Journal.Find("obs", http.MethodGet, "/config/v1/clusters-")) == 0 {
		t.Error("the functions have read their clusters from their variables")
	}
	m.Loads.SetCores(workload, 2.5)
	first, err := m.AwaitRound(ctx, workload, 1)
	if err != nil {
		t.Fatal(err)
	}
	if name := first.Alarms[0].Name; !strings.HasPrefix(name, m.CPUAlarm()) {
		t.Errorf("the incident came from the alarm %q, not from Terraform's rule", name)
	}
	id := string(first.ID)
	for round, action := range []string{"ScaleOut", "ScaleOutNodePool"} {
		i, err := m.AwaitRound(ctx, id, round+1)
		if err != nil {
			t.Fatal(err)
		}
		letter, ok := machine.SolutionWith(i, action)
		if !ok {
			t.Fatalf("round %d offers no %s", round+1, action)
		}
		label := "Confirm execution of solution " + letter
		if err := m.AwaitButton(ctx, i.Card.Message, label); err != nil {
			t.Fatal(err)
		}
		if answer, err := m.Click(ctx, m.Approvers[0].Name, i.Card.Message, label); err != nil || answer.Code != 0 {
			t.Fatalf("confirm %s: %+v, %v", letter, answer, err)
		}
	}
	i, err := m.Await(ctx, id, incident.Recovered)
	if err != nil {
		t.Fatal(err)
	}
	verify(ctx, t, m, i)
	if leaks, err := m.Leaks(ctx); err != nil || len(leaks) > 0 {
		t.Errorf("leaks %v, %v", leaks, err)
	}
	day := time.Now().In(time.FixedZone("CST", 8*3600)).Format("2006-01-02")
	if _, err := m.Cloud.Functions.Invoke(ctx, m.Function("report"), fmt.Appendf(nil, `{"day":%q}`, day), "api"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Card(ctx, "Daily report "+day); err != nil {
		t.Error(err)
	}
}

// probe runs the program behind make probe on Terraform's outputs: every check must pass, and its card must be in the chat.
func probe(ctx context.Context, t *testing.T, m *machine.Machine) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", "run", "./infra/probe", "-endpoint", m.Cloud.Base())
	cmd.Dir, cmd.Stdin = root, bytes.NewReader(m.Outputs())
	cmd.Env = append(os.Environ(), "HW_ACCESS_KEY="+fakecloud.DefaultAdminKey, "HW_SECRET_KEY="+fakecloud.DefaultAdminSecret)
	out, err := cmd.CombinedOutput()
	t.Logf("make probe says\n%s", out)
	if err != nil {
		t.Errorf("the probe failed: %v", err)
	}
	card, err := m.Card(ctx, "CCE shows the node pools")
	if err != nil {
		t.Fatal(err)
	}
	if *pictures == "" {
		return
	}
	for _, language := range []string{"en_us", "zh_cn"} {
		browser := browse(t, m.Page, m.Approvers[0].Name, language)
		if err := sees(ctx, browser, card.ID, "OBS"); err != nil {
			t.Fatal(err)
		}
		picture(t, browser, fmt.Sprintf(`[id="%s"]`, card.ID), "probe-"+language)
	}
}
