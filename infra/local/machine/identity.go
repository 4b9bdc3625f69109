package machine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"cce-oncall/shared/huaweicloud"
)

// CallCloud makes one signed request to an API of the account as an agency, and returns the status and the answer's beginning.
func (m *Machine) CallCloud(ctx context.Context, agency, method, path, body string) (int, string, error) {
	return m.callAs(ctx, agency, method, m.account.base+path, "", body)
}

// CallCluster makes one signed request to the Kubernetes API through CCE's gateway as an agency.
func (m *Machine) CallCluster(ctx context.Context, agency, method, path, body string) (int, string, error) {
	host := m.opt.ClusterID + ".cce." + m.Cloud.Region + ".myhuaweicloud.com"
	return m.callAs(ctx, agency, method, m.account.base+path, host, body)
}

func (m *Machine) callAs(ctx context.Context, agency, method, url, host, body string) (int, string, error) {
	now := time.Now()
	c, err := m.Cloud.IAM.Issue(agency, now, time.Hour)
	if err != nil {
		return 0, "", fmt.Errorf("get credentials of %s: %w", agency, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", fmt.Errorf("make the request: %w", err)
	}
	if host != "" {
		req.Host = host
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	credentials := huaweicloud.Credentials{AK: c.AccessKey, SK: c.SecretKey, Token: c.SecurityToken}
	if err := huaweicloud.Sign(req, []byte(body), credentials, m.Cloud.Project, now); err != nil {
		return 0, "", fmt.Errorf("sign the request: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("call %s: %w", url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 2000))
	return resp.StatusCode, string(text), err
}
