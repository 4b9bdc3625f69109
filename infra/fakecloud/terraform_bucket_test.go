package fakecloud_test

import (
	"crypto/hmac"
	"crypto/sha1" // the older OBS signature is HMAC-SHA1 by definition
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"cce-oncall/infra/fakecloud"
)

// TestTerraformBucket uses the older OBS signature, as the provider's client does.
func TestTerraformBucket(t *testing.T) {
	s := serve(t, nil)
	call := func(method, host, path, body string, status int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(within(t), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		signOBS(r, host)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Fatalf("%s %s%s = %d %s, want %d", method, host, path, resp.StatusCode, raw, status)
		}
		return string(raw)
	}
	const host = "state.obs.cn-north-4.emulator.test:80"
	call("PUT", host, "/", "", 200)
	call("HEAD", host, "/", "", 200)
	versioning := "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
	call("PUT", host, "/?versioning", versioning, 200)
	if got := call("GET", host, "/?versioning", "", 200); got != versioning {
		t.Errorf("versioning = %s", got)
	}
	for document, status := range map[string]int{
		"lifecycle": 404, "policy": 404, "tagging": 404, "encryption": 404, "cors": 404, "website": 404, "logging": 200, "quota": 200, "customdomain": 200, "storagePolicy": 200, "storageinfo": 200,
	} {
		call("GET", host, "/?"+document, "", status)
	}
	call("PUT", host, "/code/function.zip", "zip", 200)
	call("HEAD", host, "/code/function.zip", "", 200)
	call("GET", host, "/code/function.zip?tagging", "", 404)
	call("DELETE", host, "/code/function.zip?tagging", "", 204)
	call("HEAD", host, "/code/function.zip", "", 200)
	call("DELETE", host, "/", "", 409)
	if _, ok := s.OBS.Object("state", "code/function.zip"); !ok {
		t.Error("the object is gone with its tags")
	}
}

// signOBS signs with the older scheme: HMAC-SHA1 over method, date and the bucket's resource.
func signOBS(r *http.Request, host string) {
	date := wall().UTC().Format(http.TimeFormat)
	r.Header.Set("Date", date)
	bucket, _, _ := strings.Cut(host, ".obs.")
	resource := "/" + bucket + r.URL.Path
	if r.URL.RawQuery != "" {
		resource += "?" + r.URL.RawQuery
	}
	mac := hmac.New(sha1.New, []byte(fakecloud.DefaultAdminSecret))
	mac.Write([]byte(r.Method + "\n\n\n" + date + "\n" + resource))
	r.Header.Set("Authorization", "OBS "+fakecloud.DefaultAdminKey+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
