package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// standinSays is in the output of every command that has only the stand-in provider.
const standinSays = "ONLY THE STAND-IN PROVIDER IS HERE"

// terraform runs commands over a copy of infra/ with the provider that TF_CLI_CONFIG_FILE offers, or else with the stand-in. Its state
// ends with the machine.
type terraform struct {
	dir, config string
	env         []string
	standin     bool
}

// outputs are what the module says of what it made, as far as a person would read them.
type outputs struct {
	raw []byte

	Manifests struct{ Value string } `json:"kubernetes_manifests"`
	Webhook   struct{ Value string } `json:"webhook_url"`
}

// applyTerraform makes everything that a deployment has in the account, by the calls that applying infra/ makes.
func (m *Machine) applyTerraform(ctx context.Context) error {
	t, err := m.openTerraform(ctx)
	if err != nil {
		return err
	}
	m.say("terraform applies infra/ to the account")
	if _, err := t.run(ctx, "init", "-input=false"); err != nil {
		return err
	}
	said, err := t.run(ctx, "apply", "-auto-approve", "-input=false")
	if err != nil {
		return err
	}
	if t.standin = strings.Contains(said, standinSays); t.standin {
		m.say("%s: it makes the calls that the real one is known to make; TF_CLI_CONFIG_FILE may name a configuration that offers huaweicloud/huaweicloud", standinSays)
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "Apply complete!") {
			m.say("terraform: %s", strings.TrimSpace(line))
		}
	}
	raw, err := t.run(ctx, "output", "-json")
	if err != nil {
		return err
	}
	m.made.raw = []byte(raw)
	if err := json.Unmarshal(m.made.raw, &m.made); err != nil {
		return fmt.Errorf("read terraform's outputs: %w", err)
	}
	at, err := url.Parse(m.made.Webhook.Value)
	if err != nil {
		return fmt.Errorf("read the webhook's address: %w", err)
	}
	m.account.webhook = m.account.gateway + at.Path
	return nil
}

// Outputs are Terraform's, as "terraform output -json" writes them.
func (m *Machine) Outputs() []byte { return m.made.raw }

// openTerraform copies the module, writes down what this deployment says and where the emulated services are.
func (m *Machine) openTerraform(ctx context.Context) (*terraform, error) {
	from, to := filepath.Join(m.opt.Root, "infra"), filepath.Join(m.opt.Dir, "terraform", "infra")
	if err := copyModule(from, to); err != nil {
		return nil, fmt.Errorf("copy the module: %w", err)
	}
	raw, err := json.MarshalIndent(m.settings(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the variables: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, "machine.auto.tfvars.json"), raw, 0o600); err != nil {
		return nil, fmt.Errorf("write the variables: %w", err)
	}
	t := &terraform{dir: to, config: os.Getenv("TF_CLI_CONFIG_FILE")}
	if _, err := os.Stat(t.config); t.config == "" || err != nil {
		if t.config, err = standin(ctx, m.opt); err != nil {
			return nil, err
		}
	} else if t.config, err = filepath.Abs(t.config); err != nil {
		return nil, fmt.Errorf("find TF_CLI_CONFIG_FILE: %w", err)
	}
	// The provider puts a bucket's name before the host of OBS, which no address on loopback resolves: the account is its proxy.
	proxy := m.account.base
	t.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+t.config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color",
		"HTTP_PROXY="+proxy, "http_proxy="+proxy, "HTTPS_PROXY="+proxy, "https_proxy="+proxy, "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
	return t, nil
}

// standin builds the stand-in provider and returns a configuration that offers it alone.
func standin(ctx context.Context, opt Options) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(opt.Root, "infra", "standin", "mirror.sh"), filepath.Join(opt.Dir, "terraform"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the stand-in provider: %w\n%s", err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

func copyModule(from, to string) error {
	for _, folder := range []string{"modules", "kubernetes"} {
		if err := os.CopyFS(filepath.Join(to, folder), os.DirFS(filepath.Join(from, folder))); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"*.tf", "*.yaml", "tests/emulator_override.tf"} {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(files) == 0 {
			return errors.Join(fmt.Errorf("%s has no %s", from, pattern), err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), raw, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *terraform) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = t.dir, t.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("terraform %s: %w\n%s", args[0], err, errs.String())
	}
	return out.String(), nil
}

// settings are the variables: what a person says of a deployment, a pace at which nobody has to wait, and the emulated addresses.
func (m *Machine) settings() map[string]any {
	provider := map[string]string{"obs": "http://obs." + m.Cloud.Region + ".emulator.test"}
	for _, service := range []string{"fgs", "smn", "iam", "aom", "lts", "apig", "kms", "csms", "eps", "vpc", "bss", "eg", "cts", "cce"} {
		provider[service] = m.account.base
	}
	approvers := []map[string]string{}
	for _, u := range m.Approvers {
		approvers = append(approvers, map[string]string{"id": u.OpenID})
	}
	routes := []map[string]any{}
	if len(m.opt.Routed) > 0 {
		routes = append(routes, map[string]any{"namespaces": m.opt.Routed, "chat": m.Other.ID})
	}
	app := m.Lark.App()
	return map[string]any{
		"region":              m.Cloud.Region,
		"clusters":            []map[string]any{{"id": m.opt.ClusterID, "name": m.opt.ClusterName, "prometheus": instanceID, "routes": routes}},
		"chat_id":             m.Chat.ID,
		"approvers":           approvers,
		"lark_app_id":         app.ID,
		"lark_app_secret":     app.Secret,
		"lark_encrypt_key":    app.EncryptKey,
		"gateway_instance_id": "0123456789abcdef0123456789abcdef",

		"lark_verification_token": app.VerificationToken,
		"lark_tenant_key":         app.TenantKey,
		"lark_base_url":           m.larkURL,
		"language":                m.opt.Language,
		"inspect_schedule":        "0 0 9,21 * * ?",
		"policy":                  map[string]any{"two_for": []string{"destructive"}},
		"alarm_pace":              map[string]any{"interval": "15s", "times": 2, "for": "15s"},

		"packages":           m.opt.Zips,
		"bucket_prefix":      strings.TrimSuffix(Bucket, "-state"),
		"keep_on_destroy":    false,
		"verify_clusters":    true,
		"obs_path_style":     true,
		"provider_endpoints": provider,
		"function_endpoints": m.endpoints(),
	}
}
