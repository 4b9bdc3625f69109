// Command controlplane is a real Kubernetes control plane in one program, for
// one machine.
//
// The agent's judgement rests on what Kubernetes really does: the words of a
// FailedScheduling event, the taints of a lost node, the refusal of an
// eviction, the revisions of a rollout. A fake API server would only repeat
// what its author believed. So this program links etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kubectl and kwok, and runs each as
// a child process of itself. Only the kubelets are played: kwok sets the status
// of nodes and pods from the stages in stages/, and an HTTPS server answers for
// their container logs.
//
// It is a module of its own because k8s.io/kubernetes pins some two hundred
// dependencies that must not decide what the agent compiles against.
//
// # Use
//
//	controlplane up --dir DIR     run until SIGTERM; one JSON line when usable
//	controlplane kubectl ...      the matching kubectl
//
// A node is managed, that is Ready with a living lease, while it carries the
// label type=kwok. Taking the label off stops its kubelet: the node lifecycle
// controller then finds it Unknown by itself. A Ready condition patched to
// False on a managed node stays False (a kubelet that reports its own trouble),
// and so do further conditions such as DiskPressure; patching Ready to Unknown
// has them all set back to health.
//
// # Faults
//
// A pod misbehaves by the suffix of an image's tag (app:v2-crash) or by its
// annotation fault/reason (crash); the names are in stages/faults.yaml. The
// suffix makes a broken release: the fault comes and goes with the template,
// so an undo heals it. The annotation, which wins over the suffix, changes a
// living pod; the value none heals it. Further annotations:
//
//	fault/container   which container (else the one with the suffix, or the first)
//	fault/message     the message where the fault has one of its own
//	fault/period      time between two restarts or two failed probes (3s)
//
// # Logs
//
// Container logs are files: DIR/logs/NAMESPACE/POD/CONTAINER.log, and
// CONTAINER.previous.log for the instance before the last restart. POD may be
// a prefix of the pod's name, so that all pods of a Deployment share a file; the
// longest prefix wins.
//
// # Audit
//
// DIR/audit.log has one line for each write (create, update, patch, delete),
// but none for leases, events and the control plane's own work, so that a test
// can read who changed what. Controllers are told by the group of their service
// accounts, system:serviceaccounts:kube-system: writes by any service account
// of kube-system are therefore not in it.
package main
