package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cce-oncall/shared/incident"
)

func good() map[string]string {
	return map[string]string{
		"RUNTIME_PROJECT_ID": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
		"REGION":             "cn-north-4", "STATE_BUCKET": "oncall-state",
		"CLUSTERS":    `[{"id":"c-1","name":"demo","chat":"oc_1","approvers":[{"id":"ou_1","risks":["reversible"]}],"routes":[{"namespaces":["shop"],"chat":"oc_2"}]}]`,
		"LARK_APP_ID": "cli_1", "LARK_APP_SECRET": "planted-app-secret", "LARK_ENCRYPT_KEY": "planted-encrypt-key", "LARK_VERIFICATION_TOKEN": "planted-token",
	}
}

func TestLoad(t *testing.T) {
	vars := good()
	vars["RUNTIME_USERDATA"] = `{"LANGUAGE":"zh","REGION":"cn-east-3","PAUSED":true,"POLICY":{"expiry":"10m"}}`
	c, err := Load(vars)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Language, c.Region, c.Paused, time.Duration(c.Policy.Value.Expiry), c.Policy.Value.TwoFor, c.Clusters[0].Region, c.Clusters[0].ChatFor("shop"), c.Clusters[0].ChatFor("x"), c.Timeout}
	want := []any{"zh", "cn-north-4", true, 10 * time.Minute, []incident.Risk{incident.Costly, incident.Destructive}, "cn-north-4", "oc_2", "oc_1", 300}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if k, ok := c.Clusters.Find("demo"); !ok || k.ID != "c-1" {
		t.Errorf("by name: %+v %v", k, ok)
	}
}

func TestWrongValuesAreNamedInOneLine(t *testing.T) {
	for _, tc := range []struct{ name, value, names string }{
		{"REGION", "", "REGION"},
		{"STATE_BUCKET", "", "STATE_BUCKET"},
		{"CLUSTERS", "", "CLUSTERS"},
		{"CLUSTERS", "[]", "CLUSTERS"},
		{"CLUSTERS", "{", "CLUSTERS"},
		{"CLUSTERS", `[{"id":"c","chat":"oc_1","unknown":1}]`, "CLUSTERS"},
		{"CLUSTERS", `[{"id":"","chat":"oc_1"}]`, "CLUSTERS[0].id"},
		{"CLUSTERS", `[{"id":"c","chat":"x"}]`, "CLUSTERS[0].chat"},
		{"CLUSTERS", `[{"id":"c","chat":"oc_1"},{"id":"c","chat":"oc_1"}]`, "CLUSTERS[1].id"},
		{"CLUSTERS", `[{"id":"c","chat":"oc_1","approvers":[{"id":"somebody"}]}]`, "CLUSTERS[0].approvers[0].id"},
		{"CLUSTERS", `[{"id":"c","chat":"oc_1","approvers":[{"id":"ou_1","risks":["R1"]}]}]`, "CLUSTERS[0].approvers[0].risks"},
		{"CLUSTERS", `[{"id":"c","chat":"oc_1","routes":[{"namespaces":["a"],"chat":"x"}]}]`, "CLUSTERS[0].routes[0].chat"},
		{"CLUSTERS_OBJECT", "config/v1/clusters-" + strings.Repeat("0", 64) + ".json", "both"},
		{"LARK_APP_ID", "", "LARK_APP_ID"},
		{"LARK_APP_ID", "app", "LARK_APP_ID"},
		{"LARK_APP_SECRET", "", "LARK_APP_SECRET"},
		{"LARK_ENCRYPT_KEY", "", "LARK_ENCRYPT_KEY"},
		{"LARK_VERIFICATION_TOKEN", "", "LARK_VERIFICATION_TOKEN"},
		{"LANGUAGE", "fr", "LANGUAGE"},
		{"TIMEZONE", "Mars/Olympus", "TIMEZONE"},
		{"ENDPOINTS", `{"aom":"not an address"}`, "ENDPOINTS"},
		{"POLICY", `{"expiry":30}`, "POLICY"},
		{"POLICY", `{"expiry":"-5m"}`, "POLICY"},
		{"PAUSED", "perhaps", "PAUSED"},
		{"RUNTIME_TIMEOUT", "soon", "RUNTIME_TIMEOUT"},
		{"RUNTIME_USERDATA", "[]", "RUNTIME_USERDATA"},
		{"RUNTIME_PROJECT_ID", "", "PROJECT_ID"},
	} {
		vars := good()
		vars[tc.name] = tc.value
		_, err := Load(vars)
		if err == nil {
			t.Errorf("%s=%q was accepted", tc.name, tc.value)
			continue
		}
		if msg := err.Error(); !strings.Contains(msg, tc.names) || strings.Contains(msg, "\n") || strings.Contains(msg, "planted") {
			t.Errorf("%s=%q: %q", tc.name, tc.value, msg)
		}
	}
}

func TestEveryVariableIsListed(t *testing.T) {
	got := Variables()
	for _, want := range []string{"CLUSTERS", "LARK_ENCRYPT_KEY", "POLICY", "REGION", "RUNTIME_API_ADDR"} {
		if !strings.Contains(strings.Join(got, " "), want) {
			t.Errorf("%s is missing from %v", want, got)
		}
	}
}

func TestTakeClusters(t *testing.T) {
	vars := good()
	list := vars["CLUSTERS"]
	delete(vars, "CLUSTERS")
	sum := sha256.Sum256([]byte(list))
	vars["CLUSTERS_OBJECT"] = "config/v1/clusters-" + hex.EncodeToString(sum[:]) + ".json"
	c, err := Load(vars)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.TakeClusters([]byte(strings.Replace(list, "ou_1", "ou_2", 1))); err == nil {
		t.Error("a list with another approver was taken")
	}
	if len(c.Clusters) != 0 {
		t.Errorf("clusters before they were taken: %+v", c.Clusters)
	}
	if err := c.TakeClusters([]byte(list)); err != nil {
		t.Fatal(err)
	}
	if k, ok := c.Clusters.Find("demo"); !ok || k.Region != "cn-north-4" || k.Approvers[0].ID != "ou_1" {
		t.Errorf("took %+v, %v", k, ok)
	}
	for _, key := range []string{"incidents/v1/x.json", "config/v1/clusters-x.json", "../config/v1/clusters-" + strings.Repeat("0", 64) + ".json"} {
		vars["CLUSTERS_OBJECT"] = key
		if _, err := Load(vars); err == nil || !strings.Contains(err.Error(), "CLUSTERS_OBJECT") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
