package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planted are invented secrets in the forms that real ones have.
var planted = map[string]string{
	"access key":        "HPUA2F8GHJ3KQ0ZX1CVB",
	"secret key":        "kX3vQ9bT7wLmN2pR5sYzA8cD1fGhJ4eU6iOoVtZ0",
	"jwt":               "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXBhcnQ",
	"iam token":         "MIIRjAYJKoZIhvcNAQcCoIIRfTCCEXkCAQExDTALBglghkgBZQMEAgEwgg-eBgkqhkiG9w0BBwGggg-PBIIP",
	"lark tenant token": "t-g1044ghJRUIJJ5ELPLBGTNVCYBZ5XYZ0123",
	"literal":           "own-app-secret-value",
}

func TestNothingPlantedGetsThrough(t *testing.T) {
	forms := []string{
		"%s", "error: upstream said %s while signing", `{"a":"%s"}`, `{"nested":{"log":"x %s y"}}`, "<b>%s</b>", "key=%s;other=1", "[%s]", "(%s)",
	}
	r := New(planted["literal"])
	for name, secret := range planted {
		for _, f := range forms {
			in := strings.Replace(f, "%s", secret, 1)
			if out := r.String(in); strings.Contains(out, secret) {
				t.Errorf("%s in %q came out as %q", name, f, out)
			}
		}
	}
}

func TestNamedSecrets(t *testing.T) {
	r := New()
	for _, in := range []string{
		`password=Tr0ub4dor`, `DB_PASSWORD: hunter22`, `{"password":"hunter22"}`, `{\"password\":\"hunter22\"}`, `"MYSQL_ROOT_PASSWORD": "hunter22"`,
		`mysql://root:hunter22@db:3306/x`, `redis://:hunter22@cache`, `Authorization: Bearer hunter22hunter22`, `"authorization":"Basic aHVudGVyMjI6aHVudGVyMjI="`,
		`X-Auth-Token: hunter22`, `ak=hunter22 sk: hunter22`, `--password hunter22`, `--token=hunter22`, `client-key-data: aHVudGVyMjI6aHVudGVyMjI=`,
		`-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----`, "-----BEGIN CERTIFICATE-----\nhunter22", `secret=hunter22`, `app_secret: "hunter22"`,
		`Authorization: SDK-HMAC-SHA256 Access=hunter22hunter22, SignedHeaders=x, Signature=hunter22`,
	} {
		out := r.String(in)
		if strings.Contains(out, "hunter22") || strings.Contains(out, "Tr0ub4dor") || strings.Contains(out, "aHVudGVyMjI") {
			t.Errorf("%q came out as %q", in, out)
		}
	}
}

func TestProjectIDsByContext(t *testing.T) {
	const id = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	r := New()
	for _, in := range []string{"/v2/" + id + "/events", "urn:smn:cn-north-4:" + id + ":alarms", `"project_id":"` + id + `"`, "projects/" + id, "project id: " + id} {
		if in == "projects/"+id {
			in = "/" + in
		}
		if out := r.String(in); strings.Contains(out, id) {
			t.Errorf("%q came out as %q", in, out)
		}
	}
	if out := New(id).String("somewhere " + id); strings.Contains(out, id) {
		t.Errorf("a known project id came out: %q", out)
	}
}

func TestProseStays(t *testing.T) {
	r := New("short")
	for _, in := range []string{
		"0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available",
		"containerStatuses[app].lastState.terminated: reason OOMKilled, exit code 137",
		"image sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"commit 0123456789abcdef0123456789abcdef01234567",
		"pod chat-app-7d9c5b8f4-x2x5k on node 192.168.0.11",
		`secret "db-credentials" not found`, `MountVolume.SetUp failed: secret "tls" not found`,
		"couldn't find key password in Secret default/db", "CONTAINERCPUUSAGEHIGHX", "token bucket", "kube-system/coredns",
		"incident 20261124-0123456789abcdef", "short",
		"find keys to sign with: the invocation brought none; on the platform give the function an app_agency, elsewhere set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK",
		"fetch the Lark app's secrets: csms ShowSecretVersion: denied",
	} {
		if out := r.String(in); out != in {
			t.Errorf("prose was blanked: %q became %q", in, out)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"a":"password=hunter22"}`)
	f.Add(`{"authorization":"Bearer abcdefgh","x":[1,2]}`)
	f.Add("-----BEGIN X-----")
	r := New("own-app-secret-value")
	f.Fuzz(func(t *testing.T, in string) {
		once := r.String(in)
		if diff := cmp.Diff(once, r.String(once)); diff != "" {
			t.Errorf("redacting twice differs (-once +twice):\n%s", diff)
		}
		if strings.Contains(once, "own-app-secret-value") {
			t.Errorf("a literal came out of %q", in)
		}
		b, err := json.Marshal(map[string]string{"k": in, "password": in})
		if err != nil {
			t.Skip()
		}
		if out := r.Bytes(b); !json.Valid(out) {
			t.Errorf("JSON %s became %s", b, out)
		}
	})
}

// TestCompanyGivesASecretAway: what stands beside a value in JSON says what it is.
func TestCompanyGivesASecretAway(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{
			"variables of a container",
			`{"env":[{"name":"DB_PASSWORD","value":"hunter22"},{"name":"MODE","value":"fast"},{"name":"db_pass","value":"x y z"}]}`,
			`{"env":[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"MODE","value":"fast"},{"name":"db_pass","value":"[redacted]"}]}`,
		},
		{
			"a name of another object", `[{"name":"API_TOKEN"},{"value":"7"}]`, `[{"name":"API_TOKEN"},{"value":"7"}]`,
		},
		{
			"a block over the lines of a log",
			`{"lines":["07:00 INFO -----BEGIN RSA PRIVATE KEY-----","07:00 MIIEpAIBAAKCAQEA0Z3","qwertyuiopAS/+==","-----END RSA PRIVATE KEY-----","07:01 INFO listening"]}`,
			`{"lines":["07:00 INFO [redacted]","07:00 [redacted]","[redacted]","-----END RSA PRIVATE KEY-----","07:01 INFO listening"]}`,
		},
		{
			"a block that is cut off", `[["-----BEGIN CERTIFICATE-----","qwertyuiopASDF"],["somethinglongelse"]]`, `[["[redacted]","[redacted]"],["somethinglongelse"]]`,
		},
		{
			"one line of a block alone",
			`"at Zx9QwErTyUiOpAsDfGhJkLzXcVbNm1234567890AbCdEfGhIjKlMnOpQrStUv+/8 of it"`, `"at [redacted] of it"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := New().Bytes([]byte(c.in))
			if diff := cmp.Diff(c.want, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if twice := New().Bytes(out); string(twice) != string(out) {
				t.Errorf("redacted twice: %s", twice)
			}
		})
	}
}
