// Command probe asks a deployment to check all that it depends on: it invokes inspect once for each cluster, with the event
// {"mode":"probe"}, prints what was found and exits 1 when a check failed. The same is on a card in the cluster's chat. It takes the
// deployment from terraform's outputs and the caller's credentials from HW_ACCESS_KEY, HW_SECRET_KEY and HW_SECURITY_TOKEN.
//
//	probe -outputs <(terraform output -json)
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/lark"
)

func main() {
	file := flag.String("outputs", "-", "file with terraform's outputs as JSON; - is standard input")
	endpoint := flag.String("endpoint", "", "address of FunctionGraph; empty is the region's")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	p := prober{
		keys:     huaweicloud.Credentials{AK: os.Getenv("HW_ACCESS_KEY"), SK: os.Getenv("HW_SECRET_KEY"), Token: os.Getenv("HW_SECURITY_TOKEN")},
		endpoint: *endpoint, client: &http.Client{Timeout: 2 * time.Minute}, now: time.Now, out: os.Stdout,
	}
	if err := p.run(ctx, *file); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

type prober struct {
	keys     huaweicloud.Credentials
	endpoint string
	client   *http.Client
	now      func() time.Time
	out      io.Writer
}

// outputs are those of terraform that tell where the deployment is.
type outputs struct {
	Functions struct {
		Value map[string]string `json:"value"`
	} `json:"functions"`
	Clusters struct {
		Value map[string]string `json:"value"`
	} `json:"clusters"`
}

func (p prober) run(ctx context.Context, file string) error {
	raw, err := read(file)
	if err != nil {
		return fmt.Errorf("read the outputs: %w", err)
	}
	var o outputs
	if err := json.Unmarshal(raw, &o); err != nil || o.Functions.Value["inspect"] == "" || len(o.Clusters.Value) == 0 {
		return errors.New("the outputs name no function inspect or no cluster: run make deploy first")
	}
	if p.keys.AK == "" || p.keys.SK == "" {
		return errors.New("HW_ACCESS_KEY and HW_SECRET_KEY are not set")
	}
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(o.Clusters.Value)) {
		checks, err := p.ask(ctx, o.Functions.Value["inspect"], o.Clusters.Value[name])
		if err != nil {
			return fmt.Errorf("probe %s: %w", name, err)
		}
		if p.show(name, checks) {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("not everything works for %s", strings.Join(bad, ", "))
	}
	return nil
}

func read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

// ask runs the probe and waits for it. urn is urn:fss:<region>:<project>:function:<application>:<name>:latest.
func (p prober) ask(ctx context.Context, urn, cluster string) ([]lark.ProbeCheck, error) {
	parts := strings.Split(urn, ":")
	if len(parts) < 7 {
		return nil, fmt.Errorf("%q is no function", urn)
	}
	s := &huaweicloud.Session{
		Region: parts[2], Project: parts[3], Transport: huaweicloud.NewTransport(), Now: p.now,
		Credentials: func(context.Context) (huaweicloud.Credentials, error) { return p.keys, nil },
	}
	if p.endpoint != "" {
		s.Endpoints = map[string]string{"functiongraph": p.endpoint}
	}
	body, err := json.Marshal(map[string]string{"mode": "probe", "cluster": cluster})
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("%s/v2/%s/fgs/functions/%s/invocations", s.Endpoint("functiongraph"), parts[3], urn)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Cff-Request-Version", "v1") // the result as a field of an object
	if err := s.Signer()(req, body); err != nil {
		return nil, err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 6<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("FunctionGraph answered %d: its log in LTS says why", resp.StatusCode)
	}
	var answer struct {
		Result string `json:"result"`
	}
	var checks []lark.ProbeCheck
	if json.Unmarshal(raw, &answer) != nil || json.Unmarshal([]byte(answer.Result), &checks) != nil || len(checks) == 0 {
		return nil, errors.New("inspect answered no checks: is its code of this version?")
	}
	return checks, nil
}

// show prints the checks and says whether one failed or had no answer.
func (p prober) show(name string, checks []lark.ProbeCheck) (trouble bool) {
	_, _ = fmt.Fprintln(p.out, name)
	for _, c := range checks {
		line := fmt.Sprintf("  %-8s %s", c.State, c.Name.EN)
		if c.Detail != "" {
			line += ": " + c.Detail
		}
		_, _ = fmt.Fprintln(p.out, line)
		if c.State != "ok" {
			trouble = true
			if c.Fix.EN != "" {
				_, _ = fmt.Fprintln(p.out, "           to do: "+c.Fix.EN)
			}
		}
	}
	return trouble
}
