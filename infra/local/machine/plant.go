package machine

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Every machine has secrets lying about, as clusters do: in logs, variables, annotations, events, ConfigMaps and the texts of alarms.
// None may come out of the functions by any way; Leaks looks for them. They have the forms of real ones and open nothing.

// noise is n characters of an alphabet, always the same for a name.
func noise(name, alphabet string, n int) string {
	var b strings.Builder
	for sum := sha256.Sum256([]byte(name)); b.Len() < n; sum = sha256.Sum256(sum[:]) {
		for _, x := range sum {
			b.WriteByte(alphabet[int(x)%len(alphabet)])
		}
	}
	return b.String()[:n]
}

const (
	capitals = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits   = "23456789"
	letters  = capitals + "abcdefghijkmnopqrstuvwxyz" + digits
)

// litter are the planted secrets by what they are.
func litter() map[string]string {
	half := func(name string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"` + name + `":"` + noise(name, letters, 24) + `"}`))
	}
	id := sha256.Sum256([]byte("a project"))
	return map[string]string{
		"a planted access key":               noise("access", capitals+digits, 16) + "7QA3",
		"a planted secret key":               noise("secret", letters, 40),
		"a planted password":                 "Tr0ub4dor-" + noise("password", letters, 12),
		"a planted database password":        noise("database", letters, 14),
		"a planted project id":               hex.EncodeToString(id[:16]),
		"a planted JSON web token":           half("alg") + "." + half("sub") + "." + noise("signature", letters, 43),
		"a planted IAM token":                "MII" + noise("iam", letters, 140),
		"a planted certificate":              noise("certificate", letters, 64),
		"a planted private key":              noise("private", letters, 64),
		"a planted client key of kubeconfig": noise("kubeconfig", letters, 80),
		"a planted Lark token":               "t-" + noise("lark", letters, 32),
	}
}

// Litter are lines of text that carry the planted secrets, each in the company in which such a secret is met.
func Litter() []string {
	s := litter()
	return []string{
		"connected with password=" + s["a planted password"] + " to " + "postgres://shop:" + s["a planted database password"] + "@10.0.0.5:5432/shop",
		"using access_key=" + s["a planted access key"] + " secret_key=" + s["a planted secret key"] + " project_id=" + s["a planted project id"],
		"GET /v3/" + s["a planted project id"] + "/clusters Authorization: Bearer " + s["a planted JSON web token"],
		"X-Auth-Token: " + s["a planted IAM token"],
		"client-key-data: " + s["a planted client key of kubeconfig"],
		"tenant_access_token " + s["a planted Lark token"],
		pem("CERTIFICATE", s["a planted certificate"]),
		pem("RSA PRIVATE KEY", s["a planted private key"]),
	}
}

func pem(kind, body string) string {
	return "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----"
}

// littered fills the places that the manifests keep for secrets.
func littered(manifest string) string {
	s := litter()
	return strings.NewReplacer(
		"PLANTED_PASSWORD", s["a planted password"], "PLANTED_URL", "postgres://shop:"+s["a planted database password"]+"@10.0.0.5:5432/shop",
		"PLANTED_TOKEN", s["a planted JSON web token"], "PLANTED_NOTE", strings.Join(Litter()[:6], "; "),
	).Replace(manifest)
}

// scatter plants what no manifest holds: logs, an event, ConfigMaps.
func (m *Machine) scatter(ctx context.Context) error {
	for what, value := range litter() {
		m.Plant(what, value)
	}
	text := strings.Join(Litter(), "\n")
	for _, at := range [][3]string{{"default", "chat-app", "chat-app"}, {"shop", "orders", "orders"}} {
		for _, previous := range []bool{false, true} {
			if err := m.Cluster.WriteLog(at[0], at[1], at[2], previous, strings.NewReader(LogOf("INFO", Litter()))); err != nil {
				return err
			}
		}
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: at[1] + "-settings", Annotations: map[string]string{"note": text}}, Data: map[string]string{"settings": text}}
		if _, err := m.Cluster.Client.CoreV1().ConfigMaps(at[0]).Create(ctx, c, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("make a ConfigMap: %w", err)
		}
		now := metav1.Now()
		e := &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: at[1] + ".settings", Namespace: at[0]},
			InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Namespace: at[0], Name: at[1], APIVersion: "apps/v1"},
			Type:           corev1.EventTypeWarning, Reason: "SettingsRead", Message: strings.Join(Litter()[:4], "; "), Count: 1, FirstTimestamp: now, LastTimestamp: now,
			Source: corev1.EventSource{Component: "settings"},
		}
		if _, err := m.Cluster.Client.CoreV1().Events(at[0]).Create(ctx, e, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("make an event: %w", err)
		}
	}
	return nil
}

// LogOf writes texts as lines of a log.
func LogOf(level string, texts []string) string {
	var b strings.Builder
	for i, t := range texts {
		fmt.Fprintf(&b, "%s %s %s\n", time.Date(2026, 11, 24, 7, 0, i, 0, time.UTC).Format(time.RFC3339), level, t)
	}
	return b.String()
}
