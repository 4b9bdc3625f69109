package machine

import (
	"bytes"
	"context"
	"crypto/tls"
	"embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

//go:embed manifests
var manifests embed.FS

// Cluster is the Kubernetes cluster that is watched, as its administrator reaches it.
type Cluster struct {
	ID, Name string
	Client   kubernetes.Interface
	Config   *rest.Config
	Server   *url.URL

	// Kubeconfig, Logs (what containers "write") and Audit (who wrote what) are paths.
	Kubeconfig, Logs, Audit string

	binary  string
	program *program
}

// startCluster brings up the control plane, without any node.
func startCluster(ctx context.Context, opt Options, binary string, args ...string) (*Cluster, error) {
	var ready struct {
		Kubeconfig string `json:"kubeconfig"`
		Server     string `json:"server"`
		Logs       string `json:"logs"`
		Audit      string `json:"auditLog"`
	}
	dir := filepath.Join(opt.Dir, "cluster")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the cluster's folder: %w", err)
	}
	p, err := launch(ctx, "controlplane", binary, filepath.Join(opt.Dir, "controlplane.log"), append([]string{"up", "--dir", dir}, args...), &ready)
	if err != nil {
		return nil, err
	}
	c := &Cluster{ID: opt.ClusterID, Name: opt.ClusterName, Kubeconfig: ready.Kubeconfig, Logs: ready.Logs, Audit: ready.Audit, binary: binary, program: p}
	if err := c.connect(ready.Server); err != nil {
		p.stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) connect(server string) error {
	var err error
	if c.Server, err = url.Parse(server); err != nil {
		return fmt.Errorf("read the API server's address: %w", err)
	}
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	c.Config.QPS, c.Config.Burst = 200, 400
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return fmt.Errorf("make a client of the cluster: %w", err)
	}
	return nil
}

// transport carries requests to the API server with the administrator's certificate; the gateway impersonates through it.
func (c *Cluster) transport() (http.RoundTripper, error) {
	config, err := rest.TLSConfigFor(c.Config)
	if err != nil {
		return nil, fmt.Errorf("make the gateway's transport: %w", err)
	}
	config.MinVersion = tls.VersionTLS12
	return &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32}, nil
}

// Kubectl runs kubectl as the administrator, and returns what it wrote.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.binary, append([]string{"kubectl", "--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// Apply applies manifests.
func (c *Cluster) Apply(ctx context.Context, manifest string) error {
	_, err := c.Kubectl(ctx, manifest, "apply", "--validate=false", "-f", "-")
	return err
}

// manifest is one of the embedded files.
func manifest(name string) (string, error) {
	raw, err := manifests.ReadFile("manifests/" + name)
	if err != nil {
		return "", fmt.Errorf("read a manifest: %w", err)
	}
	return string(raw), nil
}

// permit gives the two Kubernetes users exactly what infra/kubernetes says: the readers' role to both, the writer's to one.
func (c *Cluster) permit(ctx context.Context, root, reader, writer string) error {
	var all strings.Builder
	for _, name := range []string{"read.yaml", "write.yaml"} {
		raw, err := os.ReadFile(filepath.Join(root, "infra", "kubernetes", name))
		if err != nil {
			return fmt.Errorf("read the roles: %w", err)
		}
		all.WriteString(string(raw) + "\n---\n")
	}
	if err := c.Apply(ctx, all.String()); err != nil {
		return fmt.Errorf("make the roles: %w", err)
	}
	user := func(name string) rbacv1.Subject {
		return rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: name}
	}
	for role, subjects := range map[string][]rbacv1.Subject{"cce-oncall-read": {user(reader), user(writer)}, "cce-oncall-write": {user(writer)}} {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
		if _, err := c.Client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("bind %s: %w", role, err)
		}
	}
	turns := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "cce-oncall-turns", Namespace: leaseNamespace}, Subjects: []rbacv1.Subject{user(writer)},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "cce-oncall-turns"},
	}
	if _, err := c.Client.RbacV1().RoleBindings(leaseNamespace).Create(ctx, turns, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("bind %s: %w", turns.Name, err)
	}
	return nil
}

// WriteLog makes a container have written something: pod may be a prefix of pods' names.
func (c *Cluster) WriteLog(namespace, pod, container string, previous bool, text io.Reader) error {
	folder := filepath.Join(c.Logs, namespace, pod)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	name := container + ".log"
	if previous {
		name = container + ".previous.log"
	}
	raw, err := io.ReadAll(text)
	if err != nil {
		return fmt.Errorf("read the log to write: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), raw, 0o600); err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	return nil
}

// Program is the path of the control plane's binary, which has kubectl inside.
func (c *Cluster) Program() string { return c.binary }
