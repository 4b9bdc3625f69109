package infra_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones that the functions carry, whatever this machine has

	"sigs.k8s.io/yaml"
)

// TestBadInputIsRefusedInOneSentence plans with one thing wrong at a time.
func TestBadInputIsRefusedInOneSentence(t *testing.T) {
	w := open(t, t.TempDir())
	many := make([]any, 60)
	for i := range many {
		many[i] = map[string]any{"from": "2026-12-31T00:00:00Z", "until": "2027-01-01T00:00:00Z", "reason": fmt.Sprintf("the end of year %d", i)}
	}
	for name, tc := range map[string]struct {
		differ map[string]any
		spoil  func(t *testing.T, zip string)
		says   string
	}{
		"a wrong cluster id":    {differ: map[string]any{"clusters": []any{map[string]any{"id": "shop", "name": "shop-production"}}}, says: "shop is no cluster id: copy the 36-character id"},
		"no approvers":          {differ: map[string]any{"approvers": []any{}}, says: "approvers are missing for shop-production: set approvers"},
		"no trigger there":      {differ: map[string]any{"region": "af-south-1"}, says: `set alarm_ingress = "https"`},
		"no zip":                {spoil: remove, says: "is not there: run make build"},
		"an unreadable zip":     {spoil: func(t *testing.T, zip string) { write(t, zip, []byte("<html>")) }, says: "is no readable zip: run make build again"},
		"too many freezes":      {differ: map[string]any{"policy": map[string]any{"freezes": many}}, says: "of the 4096 characters that a function may have, although the clusters are not among them: name fewer freezes"},
		"a cluster CCE lacks":   {differ: map[string]any{"verify_clusters": true}, says: "CCE knows no cluster 0b6f3d2e-7a41-11f0-9f5d-0255ac100101 in cn-north-4: correct the id"}, // the stand-in finds none
		"a lone execute":        {differ: map[string]any{"max_instances": map[string]any{"execute": 1}}, says: "max_instances of execute, inspect and diagnose are at least 2"},
		"a bucket name":         {differ: map[string]any{"bucket_prefix": "Shop_"}, says: "bucket_prefix is 2 to 56 lower-case letters"},
		"no chat":               {differ: map[string]any{"chat_id": ""}, says: "chat_id is missing: set it, or a chat for each cluster"},
		"a chat without prefix": {differ: map[string]any{"chat_id": "shop"}, says: "it begins with oc_"},
	} {
		t.Run(name, func(t *testing.T) {
			zip := filepath.Join(w.packages, "diagnose.zip")
			whole, err := os.ReadFile(zip)
			if err != nil {
				t.Fatal(err)
			}
			if tc.spoil != nil {
				tc.spoil(t, zip)
				defer write(t, zip, whole)
			}
			_, errs, code := w.run(t, append([]string{"plan"}, w.variables(t, tc.differ)...)...)
			said := strings.Join(strings.Fields(strings.ReplaceAll(errs, "│", " ")), " ")
			if code != 1 || !strings.Contains(said, tc.says) {
				t.Fatalf("exit %d, want it to say %q:\n%s", code, tc.says, errs)
			}
			if strings.Contains(said, "planted") {
				t.Error("the refusal shows a secret")
			}
		})
	}
}

// TestBadInputIsRefusedForAllItsFaults plans with much wrong at a time: each fault has its own sentence.
func TestBadInputIsRefusedForAllItsFaults(t *testing.T) {
	w := open(t, t.TempDir())
	const one, other = "0b6f3d2e-7a41-11f0-9f5d-0255ac100101", "1c7f3d2e-7a41-11f0-9f5d-0255ac100102"
	cluster := func(differ map[string]any) map[string]any {
		c := map[string]any{"id": one, "name": "shop-production"}
		for k, v := range differ {
			c[k] = v
		}
		return c
	}
	for name, tc := range map[string]struct {
		differ map[string]any
		says   []string
	}{
		"of the settings": {map[string]any{
			"timezone": "Asia/Shangai", "inspect_schedule": "0 60 * * * ?", "report_schedule": "0 0 9 * * 1-5", "lark_base_url": "http://open.feishu.cn",
			"webhook_domain": "http://oncall.example.com", "function_endpoints": map[string]any{"aom": "http://aom.example.com", "cce": "https://cce.example.com"},
			"approvers": []any{map[string]any{"id": "lin@example.com"}, map[string]any{"id": "lin@example.com"}}, "gateway_instance_id": "my-gateway", "lark_app_id": "app",
			"policy": map[string]any{"freezes": []any{map[string]any{"from": "31.12.2026", "until": "1.1.2027"}}, "expiry": "soon"}, "language": "de", "vpc": map[string]any{"id": "", "subnet_id": "s"},
		}, []string{
			"timezone Asia/Shangai does not exist: name a zone like Asia/Shanghai", "inspect_schedule has six fields, second first and weekdays by name", "report_schedule has six fields, second first and weekdays by name",
			"lark_base_url is https://open.feishu.cn or https://open.larksuite.com", "webhook_domain is a bare domain like oncall.example.com, without https://", "function_endpoints: aom would be called in clear: write https://",
			"approvers: an id is not an open_id of this Lark app: it begins with ou_", "approvers: somebody is named twice", "copy the 32-digit id of a dedicated gateway from the APIG console", "lark_app_id is not an app id: it begins with cli_",
			"policy.freezes: write from and until as times like 2026-12-31T00:00:00Z", "policy: expiry, deadline and window are durations like 30m", "language is zh, en or both", "vpc: copy the id of the VPC and of its subnet",
		}},
		"of the clusters": {map[string]any{"clusters": []any{
			cluster(map[string]any{"access": "certificate"}),
			cluster(map[string]any{"id": other, "prometheus": "a b", "routes": []any{map[string]any{"namespaces": []string{}, "chat": "oc_1"}}, "log_group": "g"}),
		}}, []string{
			"clusters: shop-production share an id or a name: remove one", "clusters: shop-production has an internal endpoint, which no function reaches: set vpc",
			"prometheus is the id of an AOM Prometheus instance", "a route needs at least one namespace and a chat", "log_group and log_stream belong together",
		}},
	} {
		_, errs, code := w.run(t, append([]string{"plan"}, w.variables(t, tc.differ)...)...)
		said := strings.Join(strings.Fields(strings.ReplaceAll(errs, "│", " ")), " ")
		for _, want := range tc.says {
			if code != 1 || !strings.Contains(said, want) {
				t.Errorf("%s: exit %d, want it to say %q", name, code, want)
			}
		}
		if strings.Contains(said, "planted") {
			t.Errorf("%s: the refusals show a secret", name)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", name, errs)
		}
	}
}

// TestSchedulesAndZones: what people write is taken, and every zone that is offered is one that the functions can load.
func TestSchedulesAndZones(t *testing.T) {
	w := open(t, t.TempDir())
	for inspect, report := range map[string]string{"0 */10 * * * ?": "0 0 9 * * MON-FRI", "0 0,30 8-18/2 1,15 JAN-MAR ?": "30 59 23 31 12 SUN"} {
		w.plan(t, map[string]any{"inspect_schedule": inspect, "report_schedule": report, "timezone": "America/Argentina/Buenos_Aires"})
	}
	raw, err := os.ReadFile("../time_zones.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var zones map[string][]string
	if err := yaml.Unmarshal(raw, &zones); err != nil {
		t.Fatal(err)
	}
	n := 0
	for continent, places := range zones {
		for _, p := range places {
			n++
			if _, err := time.LoadLocation(continent + "/" + p); err != nil {
				t.Errorf("%s/%s: %v", continent, p, err)
			}
		}
	}
	if n < 400 {
		t.Errorf("%d zones only", n)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// TestVariablesAreDescribed keeps the module readable: each variable has a type and says what it is for.
func TestVariablesAreDescribed(t *testing.T) {
	files, err := filepath.Glob("../*.tf")
	if err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Glob("../modules/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	begin := regexp.MustCompile(`(?m)^variable "([a-z_]+)" \{$`)
	seen := 0
	for _, file := range append(files, module...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range begin.FindAllStringSubmatchIndex(string(raw), -1) {
			body, _, _ := strings.Cut(string(raw)[at[1]:], "\n}\n")
			seen++
			if !strings.Contains(body, "\n  description ") || !strings.Contains(body, "\n  type ") {
				t.Errorf("%s: %s has no type or description", file, string(raw)[at[2]:at[3]])
			}
		}
	}
	if seen < 40 {
		t.Errorf("found %d variables only", seen)
	}
}
