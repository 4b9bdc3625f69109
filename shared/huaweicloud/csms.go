package huaweicloud

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
)

// CSMS reads secrets. Values are returned and never logged, kept or put into an error.
type CSMS struct{ Session *Session }

// Secret is the current value of the secret of this name. It asks for the version "latest", and where that is not understood for the
// version at the stage SYSCURRENT, which is the documented way and takes two calls. An error names the secret.
// Source: ShowSecretVersion and ShowSecretStage, on the host of KMS.
func (c *CSMS) Secret(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", refused(CSMSService, "ShowSecretVersion", "no secret name")
	}
	value, err := c.version(ctx, name, "latest")
	if kind := KindOf(err); kind != NotFound && kind != Invalid {
		return value, c.about(name, err)
	}
	var stage struct {
		Stage struct {
			Version string `json:"version_id"`
		} `json:"stage"`
	}
	if err := c.get(ctx, "ShowSecretStage", path("v1", c.Session.Project, "secrets", name, "stages", "SYSCURRENT"), &stage); err != nil {
		return "", c.about(name, err)
	}
	if stage.Stage.Version == "" {
		return "", c.about(name, notUnderstood(CSMSService, "ShowSecretStage", "it names no version"))
	}
	value, err = c.version(ctx, name, stage.Stage.Version)
	return value, c.about(name, err)
}

func (c *CSMS) get(ctx context.Context, op, path string, out any) error {
	return c.Session.do(ctx, call{service: CSMSService, op: op, method: http.MethodGet, path: path}, out)
}

func (c *CSMS) version(ctx context.Context, name, version string) (string, error) {
	const op = "ShowSecretVersion"
	var answer struct {
		Version struct {
			Text   *string `json:"secret_string"`
			Binary *string `json:"secret_binary"`
		} `json:"version"`
	}
	if err := c.get(ctx, op, path("v1", c.Session.Project, "secrets", name, "versions", version), &answer); err != nil {
		return "", err
	}
	switch v := answer.Version; {
	case v.Text != nil && *v.Text != "":
		return *v.Text, nil
	case v.Binary != nil && *v.Binary != "":
		plain, err := base64.StdEncoding.DecodeString(*v.Binary)
		if err != nil {
			return "", notUnderstood(CSMSService, op, "the binary value is no base64")
		}
		return string(plain), nil
	}
	return "", notUnderstood(CSMSService, op, "it holds no value")
}

// about says in an error which secret it is about.
func (c *CSMS) about(name string, err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // do returns no other
		named := *e
		named.Op += " " + strconv.Quote(name)
		return &named
	}
	return err
}
