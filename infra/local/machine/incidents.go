package machine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/record"
)

// OBS is the bucket as the account's administrator reads it.
func (m *Machine) OBS() *huaweicloud.OBS {
	session := &huaweicloud.Session{
		Region: m.Cloud.Region, Project: m.Cloud.Project, Endpoints: map[string]string{huaweicloud.OBSService: m.obs},
		Credentials: func(context.Context) (huaweicloud.Credentials, error) {
			return huaweicloud.Credentials{AK: fakecloud.DefaultAdminKey, SK: fakecloud.DefaultAdminSecret}, nil
		},
		Transport: http.DefaultTransport, Now: time.Now,
	}
	return huaweicloud.NewOBS(session, Bucket, huaweicloud.OBSOptions{PathStyle: true})
}

// Book reads the records of incidents.
func (m *Machine) Book() *record.Book {
	return &record.Book{Bucket: m.OBS(), Writer: "local-observer", Now: time.Now}
}

// Incidents are all incidents of the cluster, oldest first, with everything that is recorded of them.
func (m *Machine) Incidents(ctx context.Context) ([]*incident.Incident, error) {
	book := m.Book()
	openings, err := book.Openings(ctx, m.opt.ClusterID)
	if err != nil {
		return nil, err
	}
	var out []*incident.Incident
	for _, o := range openings {
		inc, found, err := book.Load(ctx, m.opt.ClusterID, o.ID)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, inc)
		}
	}
	return out, nil
}

// About is the newest incident whose key, alarms or causes name an object: "default/chat-app", or a node's name. An incident's own id
// names it alone.
func (m *Machine) About(ctx context.Context, object string) (*incident.Incident, error) {
	all, err := m.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range slices.Backward(all) {
		if concerns(i, object) {
			return i, nil
		}
	}
	return nil, fmt.Errorf("there is no incident about %s among %d", object, len(all))
}

func concerns(i *incident.Incident, object string) bool {
	if strings.Contains(i.Key, object) || string(i.ID) == object {
		return true
	}
	namespace, name, namespaced := strings.Cut(object, "/")
	if !namespaced {
		namespace, name = "", object
	}
	for _, a := range i.Alarms {
		if (!namespaced || a.Object.Namespace == namespace) && strings.HasPrefix(a.Object.Name, name) {
			return true
		}
	}
	for _, r := range i.Rounds {
		for _, c := range r.Diagnosis.Causes {
			if c.Target.Namespace == namespace && c.Target.Name == name {
				return true
			}
		}
	}
	return false
}

// Await waits until the incident about an object has one of the statuses, and returns it.
func (m *Machine) Await(ctx context.Context, object string, want ...incident.Status) (*incident.Incident, error) {
	return m.AwaitThat(ctx, object, fmt.Sprintf("be %v", want), func(i *incident.Incident) bool {
		return slices.Contains(want, i.Status(time.Now()))
	})
}

// AwaitRound waits until the incident about an object is asking about its round n.
func (m *Machine) AwaitRound(ctx context.Context, object string, n int) (*incident.Incident, error) {
	return m.AwaitThat(ctx, object, fmt.Sprintf("ask about round %d", n), func(i *incident.Incident) bool {
		return len(i.Rounds) >= n && i.Card != nil && i.Status(time.Now()) == incident.AwaitingConfirmation
	})
}

// AwaitThat waits until the incident about an object is as is wanted. An incident that ends otherwise fails at once.
func (m *Machine) AwaitThat(ctx context.Context, object, what string, good func(*incident.Incident) bool) (*incident.Incident, error) {
	var last *incident.Incident
	var over error
	err := poll(ctx, fmt.Sprintf("the incident about %s to %s", object, what), func(ctx context.Context) (bool, error) {
		i, err := m.About(ctx, object)
		if err != nil {
			return false, err
		}
		last = i
		if good(i) {
			return true, nil
		}
		if i.Closed != nil {
			over = fmt.Errorf("the incident about %s ended as %s (%s) and will not %s", object, i.Closed.Status, i.Closed.Reason.EN, what)
			return true, nil
		}
		return false, nil
	})
	if err == nil {
		err = over
	}
	if err != nil && last != nil {
		err = fmt.Errorf("%w; it is %s after %d rounds", err, last.Status(time.Now()), len(last.Rounds))
	}
	return last, err
}

// Prefix is where an incident's archive lies in the bucket.
func (m *Machine) Prefix(i *incident.Incident) string { return record.Prefix(i.Cluster.ID, i.ID) }

// VerifyArchive recomputes the chain and every digest of an incident, once its last function has sealed it.
func (m *Machine) VerifyArchive(ctx context.Context, i *incident.Incident) (record.Archive, error) {
	var last record.Archive
	err := poll(ctx, fmt.Sprintf("the archive of %s to be sealed", i.ID), func(ctx context.Context) (bool, error) {
		seal, err := m.Book().ManifestHash(ctx, i.Cluster.ID, i.ID)
		return seal != "", err
	})
	if err != nil {
		return last, err
	}
	return record.VerifyArchive(ctx, m.OBS(), m.Prefix(i))
}

// SolutionWith is the letter of the last round's solution that has a step of an action.
func SolutionWith(i *incident.Incident, action string) (letter string, ok bool) {
	r := i.Last()
	if r == nil || r.Plan == nil {
		return "", false
	}
	for _, s := range r.Plan.Solutions {
		for _, step := range s.Steps {
			if string(step.Action) == action {
				return s.ID, true
			}
		}
	}
	return "", false
}
