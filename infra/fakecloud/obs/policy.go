package obs

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"

	"cce-oncall/infra/fakecloud/edge"
)

// actionOf names what a request does, in the words of policies.
func actionOf(r *http.Request, key string) (resource, action string) {
	q := r.URL.Query()
	version := ""
	if q.Has("versionId") && q.Get("versionId") != "" {
		version = "Version"
	}
	verb := map[string]string{http.MethodGet: "Get", http.MethodHead: "Get", http.MethodPut: "Put", http.MethodPost: "Put", http.MethodDelete: "Delete"}[r.Method]
	if key != "" {
		if q.Has("tagging") {
			return "object", verb + "Object" + version + "Tagging"
		}
		return "object", verb + "Object" + version
	}
	for _, d := range documents() {
		if q.Has(d.key) {
			return "bucket", verb + "Bucket" + d.action
		}
	}
	switch {
	case r.Method == http.MethodPost && q.Has("delete"):
		return "object", "DeleteObject"
	case r.Method == http.MethodPut:
		return "bucket", "CreateBucket"
	case r.Method == http.MethodDelete:
		return "bucket", "DeleteBucket"
	case r.Method == http.MethodHead:
		return "bucket", "HeadBucket"
	case q.Has("versions"):
		return "bucket", "ListBucketVersions"
	}
	return "bucket", "ListBucket"
}

// statements accepts a list or a single value where the policy language does.
type statements []string

// UnmarshalJSON reads "x" and ["x"].
func (s *statements) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

type statement struct {
	Effect    string
	Principal any
	Action    statements
	Resource  statements
	Condition json.RawMessage
}

// forbids says whether the bucket's policy denies the action. Statements with a condition are taken not to apply: the emulator knows
// neither addresses nor plain connections.
func (b *bucket) forbids(c edge.Caller, action, key string) bool {
	var policy struct{ Statement []statement }
	if json.Unmarshal(b.documents["policy"], &policy) != nil {
		return false
	}
	for _, st := range policy.Statement {
		if st.Effect != "Deny" || len(st.Condition) > 2 || !names(st.Principal, c) {
			continue
		}
		if slices.ContainsFunc(st.Action, func(a string) bool { return like(bare(a), strings.ToLower(action)) }) &&
			slices.ContainsFunc(st.Resource, func(res string) bool { return covers(res, b.name, key) }) {
			return true
		}
	}
	return false
}

func bare(action string) string {
	action = strings.ToLower(action)
	if i := strings.LastIndexByte(action, ':'); i >= 0 {
		return action[i+1:]
	}
	return action
}

func covers(resource, bucketName, key string) bool {
	resource = strings.TrimPrefix(resource, "arn:aws:s3:::")
	full := bucketName
	if key != "" {
		full += "/" + key
	}
	return resource == "*" || like(resource, full)
}

// like matches "*" over anything, slashes included.
func like(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// names says whether a principal means the caller: everybody, or its name or id anywhere in the given strings.
func names(principal any, c edge.Caller) bool {
	switch p := principal.(type) {
	case string:
		return p == "*" || strings.HasSuffix(p, ":agency/"+c.Name) || strings.HasSuffix(p, "/"+c.Name) || strings.HasSuffix(p, "user/"+c.ID) || strings.HasSuffix(p, ":root")
	case []any:
		return slices.ContainsFunc(p, func(x any) bool { return names(x, c) })
	case map[string]any:
		for _, x := range p {
			if names(x, c) {
				return true
			}
		}
	}
	return false
}
