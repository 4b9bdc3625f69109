package main

import (
	"crypto/x509/pkix"
	"fmt"
	"path/filepath"
	"time"
)

// settings are what a run may choose.
type settings struct {
	dir     string
	lease   uint
	grace   time.Duration
	hpaSync time.Duration
}

// ports are the loopback ports of one try to start.
type ports struct {
	etcd, etcdPeer, apiserver, kwok, logs int
}

// identities are the files that say who is who in one try.
type identities struct {
	ca, frontProxy                            *authority
	admin, controllerManager, scheduler, kwok string
}

func newIdentities(dir, server string) (*identities, error) {
	pki := filepath.Join(dir, "pki")
	var id identities
	var err error
	if id.ca, err = newAuthority(pki, "ca"); err != nil {
		return nil, err
	}
	// The front proxy has an authority of its own: whoever holds one of its
	// certificates may speak for any user to an aggregated API.
	if id.frontProxy, err = newAuthority(pki, "front-proxy-ca"); err != nil {
		return nil, err
	}
	if err := id.frontProxy.issue("front-proxy-client", pkix.Name{CommonName: "front-proxy-client"}); err != nil {
		return nil, err
	}
	for name, subject := range map[string]pkix.Name{
		"apiserver":                {CommonName: "kube-apiserver"},
		"apiserver-kubelet-client": {CommonName: "kube-apiserver-kubelet-client"},
		"kubelet":                  {CommonName: "kubelet"},
		"service-account":          {CommonName: "service-account"},
	} {
		if err := id.ca.issue(name, subject); err != nil {
			return nil, err
		}
	}
	for _, client := range []struct {
		name    string
		subject pkix.Name
		file    *string
	}{
		{"admin", pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}}, &id.admin},
		{"controller-manager", pkix.Name{CommonName: "system:kube-controller-manager"}, &id.controllerManager},
		{"scheduler", pkix.Name{CommonName: "system:kube-scheduler"}, &id.scheduler},
		{"kwok", pkix.Name{CommonName: "system:kwok", Organization: []string{"system:masters"}}, &id.kwok},
	} {
		if *client.file, err = id.ca.kubeconfig(client.name, server, client.subject); err != nil {
			return nil, err
		}
	}
	return &id, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func etcdArgs(s settings, p ports) []string {
	return []string{
		"--data-dir=" + filepath.Join(s.dir, "etcd"),
		"--client-url=http://" + loopback(p.etcd),
		"--peer-url=http://" + loopback(p.etcdPeer),
	}
}

func apiserverArgs(s settings, p ports, id *identities) []string {
	return []string{
		"--etcd-servers=http://" + loopback(p.etcd),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.apiserver),
		// Endpoints refuse loopback addresses, so the API server cannot list itself.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + id.ca.dir,
		"--tls-cert-file=" + id.ca.crt("apiserver"),
		"--tls-private-key-file=" + id.ca.pem("apiserver"),
		"--client-ca-file=" + id.ca.crt("ca"),
		"--authorization-mode=Node,RBAC",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + id.ca.pem("service-account"),
		"--service-account-signing-key-file=" + id.ca.pem("service-account"),
		"--kubelet-client-certificate=" + id.ca.crt("apiserver-kubelet-client"),
		"--kubelet-client-key=" + id.ca.pem("apiserver-kubelet-client"),
		"--kubelet-certificate-authority=" + id.ca.crt("ca"),
		// Our node stage gives every node the internal name localhost, which leaves
		// its InternalIP free to look like a real one.
		"--kubelet-preferred-address-types=InternalDNS,InternalIP",
		"--requestheader-client-ca-file=" + id.frontProxy.crt("front-proxy-ca"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + id.frontProxy.crt("front-proxy-client"),
		"--proxy-client-key-file=" + id.frontProxy.pem("front-proxy-client"),
		"--audit-policy-file=" + filepath.Join(s.dir, "audit-policy.yaml"),
		"--audit-log-path=" + filepath.Join(s.dir, "audit.log"),
		"--profiling=false",
	}
}

func controllerManagerArgs(s settings, id *identities) []string {
	return []string{
		"--kubeconfig=" + id.controllerManager,
		"--service-account-private-key-file=" + id.ca.pem("service-account"),
		"--root-ca-file=" + id.ca.crt("ca"),
		"--use-service-account-credentials=true",
		"--cluster-signing-cert-file=" + id.ca.crt("ca"),
		"--cluster-signing-key-file=" + id.ca.pem("ca"),
		"--leader-elect=false",
		"--secure-port=0",
		"--node-monitor-period=1s",
		fmt.Sprintf("--node-monitor-grace-period=%s", s.grace),
		fmt.Sprintf("--horizontal-pod-autoscaler-sync-period=%s", s.hpaSync),
		"--horizontal-pod-autoscaler-downscale-stabilization=15s",
		"--horizontal-pod-autoscaler-initial-readiness-delay=2s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=5s",
		"--kube-api-qps=300",
		"--kube-api-burst=600",
	}
}

func schedulerArgs(id *identities) []string {
	return []string{
		"--kubeconfig=" + id.scheduler,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=300",
		"--kube-api-burst=600",
	}
}

func kwokArgs(s settings, p ports, id *identities) []string {
	return []string{
		"--kubeconfig=" + id.kwok,
		"--config=" + filepath.Join(s.dir, "stages.yaml"),
		"--manage-nodes-with-label-selector=type=kwok",
		"--node-ip=127.0.0.1",
		// The port every node names as its kubelet's is our log server's, and
		// kwok's own server, which has no log files, listens elsewhere.
		fmt.Sprintf("--node-port=%d", p.logs),
		"--server-address=" + loopback(p.kwok),
		"--tls-cert-file=" + id.ca.crt("kubelet"),
		"--tls-private-key-file=" + id.ca.pem("kubelet"),
		fmt.Sprintf("--node-lease-duration-seconds=%d", s.lease),
	}
}
