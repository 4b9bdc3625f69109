package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/lark"
)

// deployed is how one function is set up, as Terraform sets it up.
type deployed struct {
	name      string
	timeout   time.Duration
	memoryMB  int
	instances int
	agency    string
	triggers  []trigger
}

type trigger struct {
	kind string
	data map[string]any
}

// Functions are the names of the functions, in the order of the journey.
var Functions = []string{"inspect", "diagnose", "webhook", "execute", "report"}

// Function is the deployed name of a function.
func (m *Machine) Function(name string) string {
	if m.opt.Terraform {
		return "cce-oncall-" + name
	}
	return name
}

// CPUAlarm is how an alarm of the rule "container CPU above 80 %" begins its name in this deployment.
func (m *Machine) CPUAlarm() string {
	if m.opt.Terraform {
		return "CCE_ContainerCPUHigh_cce-oncall"
	}
	return CPURule
}

// endpoints are where the functions find the services.
func (m *Machine) endpoints() map[string]string {
	out := map[string]string{}
	for _, service := range []string{"aom", "cce", "lts", "cts", "smn", "functiongraph", "csms", "gateway"} {
		out[service] = m.account.base
	}
	out["obs"] = m.obs
	return out
}

func functions(topic, watch string) []deployed {
	timer := func(name, kind, schedule, event string) trigger {
		return trigger{functiongraph.TriggerTimer, map[string]any{"name": name, "schedule_type": kind, "schedule": schedule, "user_event": event}}
	}
	return []deployed{
		{"inspect", 300 * time.Second, 512, 20, ReadAgency, []trigger{
			timer("inspect", "Cron", "CRON_TZ=Asia/Shanghai 0 0 9,21 * * ?", `{"mode":"inspect"}`), timer("watch", "Rate", watch, `{"mode":"watch"}`),
		}},
		{"diagnose", 300 * time.Second, 512, 20, ReadAgency, []trigger{{functiongraph.TriggerSMN, map[string]any{"topic_urn": topic}}}},
		{"webhook", 10 * time.Second, 256, 20, ReadAgency, []trigger{{functiongraph.TriggerGateway, map[string]any{
			"name": "cce-oncall-lark", "path": WebhookPath, "req_method": "POST", "match_mode": "NORMAL", "protocol": "HTTPS", "auth": "NONE",
			"env_name": "RELEASE", "func_info": map[string]any{"timeout": float64(5000), "invocation_type": "sync"},
		}}}},
		{"execute", 900 * time.Second, 512, 20, WriteAgency, nil},
		{"report", 120 * time.Second, 256, 2, ReadAgency, []trigger{timer("report", "Cron", "CRON_TZ=Asia/Shanghai 0 0 9 * * ?", "{}")}},
	}
}

// deploy uploads the five zips with their variables and triggers.
func (m *Machine) deploy() error {
	variables, secrets, err := m.variables()
	if err != nil {
		return err
	}
	for _, f := range functions(m.Cloud.SMN.URN(Topic), m.opt.Watch) {
		zip, err := os.ReadFile(filepath.Join(m.opt.Zips, f.name+".zip"))
		if err != nil {
			return fmt.Errorf("read the package of %s (make build makes it): %w", f.name, err)
		}
		_, err = m.Cloud.Functions.Create(functiongraph.Spec{
			Name: f.name, Runtime: "Custom", Handler: "bootstrap", Zip: zip, CodeType: "zip", Timeout: f.timeout, MemoryMB: f.memoryMB,
			MaxInstances: f.instances, UserData: variables, Encrypted: secrets, Agency: f.agency, AppAgency: f.agency,
			Async: &functiongraph.AsyncConfig{MaxAge: time.Hour, Retries: 3},
		})
		if err != nil {
			return fmt.Errorf("deploy %s: %w", f.name, err)
		}
		for _, t := range f.triggers {
			if _, err := m.Cloud.Functions.AddTrigger(f.name, t.kind, "ACTIVE", t.data); err != nil {
				return fmt.Errorf("give %s its %s trigger: %w", f.name, t.kind, err)
			}
		}
	}
	return nil
}

// variables are what the functions' environment says: the same names that infra's Terraform sets.
func (m *Machine) variables() (plain, secret map[string]string, err error) {
	approvers := []map[string]any{}
	for _, u := range m.Approvers {
		approvers = append(approvers, map[string]any{"id": u.OpenID})
	}
	clusters := []map[string]any{{
		"id": m.opt.ClusterID, "name": m.opt.ClusterName, "prometheus": instanceID, "chat": m.Chat.ID, "approvers": approvers,
	}}
	app := m.Lark.App()
	plain = map[string]string{
		"REGION": m.Cloud.Region, "STATE_BUCKET": Bucket, "OBS_PATH_STYLE": "true", "LARK_BASE_URL": m.larkURL, "LARK_APP_ID": app.ID,
		"LARK_TENANT_KEY": app.TenantKey, "LANGUAGE": m.opt.Language, "TIMEZONE": "Asia/Shanghai", "POLICY": m.opt.Policy,
		"OWN_PRINCIPALS": ReadAgency + "," + WriteAgency, "LOG_LEVEL": "info", "LEASE_NAMESPACE": leaseNamespace,
	}
	for name, v := range map[string]any{"ENDPOINTS": m.endpoints(), "CLUSTERS": clusters} {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, nil, fmt.Errorf("write %s: %w", name, err)
		}
		plain[name] = string(raw)
	}
	secret = map[string]string{"LARK_APP_SECRET": app.Secret, "LARK_ENCRYPT_KEY": app.EncryptKey, "LARK_VERIFICATION_TOKEN": app.VerificationToken}
	return plain, secret, nil
}

// people are the chat and who is in it.
func people() []lark.User {
	return []lark.User{
		{Name: "Lin", Role: "approver", Language: "zh_cn"},
		{Name: "Morgan", Role: "approver", Language: "en_us"},
		{Name: "Sam", Role: "developer", Language: "en_us"},
	}
}
