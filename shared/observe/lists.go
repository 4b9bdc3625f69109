package observe

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lists are the calls of the first pass, the largest first. Secrets are not among them: what reads a cluster may not read secrets, and
// what a pod says of a missing one is enough.
func (l *look) lists() []func(context.Context) {
	var out []func(context.Context)
	out = append(out, l.coreLists()...)
	out = append(out, l.appsLists()...)
	return append(out, l.platformLists()...)
}

func (l *look) coreLists() []func(context.Context) {
	k, o := l.b.Kube.CoreV1(), &l.s.Objects
	gvk := corev1.SchemeGroupVersion.WithKind
	return []func(context.Context){
		list(l, listing[corev1.Pod]{
			source: "pods", gvk: gvk("Pod"), needed: true, keep: sharedTemplates(), done: func(all []*corev1.Pod) { o.Pods = all },
			fetch: paged(k.Pods("").List, func(r *corev1.PodList) []corev1.Pod { return r.Items }),
		}),
		list(l, listing[corev1.Event]{
			source: "events", gvk: gvk("Event"), needed: true, keep: l.recent, prune: l.newest, most: l.limits.EventPages,
			fetch: paged(k.Events("").List, func(r *corev1.EventList) []corev1.Event { return r.Items }), done: func(all []*corev1.Event) { o.Events = all },
		}),
		list(l, listing[corev1.Node]{
			source: "nodes", gvk: gvk("Node"), needed: true, done: func(all []*corev1.Node) { o.Nodes = all },
			fetch: paged(k.Nodes().List, func(r *corev1.NodeList) []corev1.Node { return r.Items }),
		}),
		list(l, listing[corev1.ConfigMap]{
			source: "configmaps", gvk: gvk("ConfigMap"), edits: true, keep: slimConfigMap, done: func(all []*corev1.ConfigMap) { o.ConfigMaps = all },
			fetch: paged(k.ConfigMaps("").List, func(r *corev1.ConfigMapList) []corev1.ConfigMap { return r.Items }),
		}),
		list(l, listing[corev1.Service]{
			source: "services", gvk: gvk("Service"), needed: true, edits: true, done: func(all []*corev1.Service) { o.Services = all },
			fetch: paged(k.Services("").List, func(r *corev1.ServiceList) []corev1.Service { return r.Items }),
		}),
		list(l, listing[corev1.Namespace]{
			source: "namespaces", gvk: gvk("Namespace"), done: func(all []*corev1.Namespace) { o.Namespaces = all },
			fetch: paged(k.Namespaces().List, func(r *corev1.NamespaceList) []corev1.Namespace { return r.Items }),
		}),
		list(l, listing[corev1.ServiceAccount]{
			source: "serviceaccounts", gvk: gvk("ServiceAccount"), done: func(all []*corev1.ServiceAccount) { o.ServiceAccounts = all },
			fetch: paged(k.ServiceAccounts("").List, func(r *corev1.ServiceAccountList) []corev1.ServiceAccount { return r.Items }),
		}),
		list(l, listing[corev1.PersistentVolume]{
			source: "persistentvolumes", gvk: gvk("PersistentVolume"), needed: true, done: func(all []*corev1.PersistentVolume) { o.PersistentVolumes = all },
			fetch: paged(k.PersistentVolumes().List, func(r *corev1.PersistentVolumeList) []corev1.PersistentVolume { return r.Items }),
		}),
		list(l, listing[corev1.PersistentVolumeClaim]{
			source: "persistentvolumeclaims", gvk: gvk("PersistentVolumeClaim"), needed: true,
			done:  func(all []*corev1.PersistentVolumeClaim) { o.PersistentVolumeClaims = all },
			fetch: paged(k.PersistentVolumeClaims("").List, func(r *corev1.PersistentVolumeClaimList) []corev1.PersistentVolumeClaim { return r.Items }),
		}),
		list(l, listing[corev1.ResourceQuota]{
			source: "resourcequotas", gvk: gvk("ResourceQuota"), needed: true, edits: true, done: func(all []*corev1.ResourceQuota) { o.ResourceQuotas = all },
			fetch: paged(k.ResourceQuotas("").List, func(r *corev1.ResourceQuotaList) []corev1.ResourceQuota { return r.Items }),
		}),
		list(l, listing[corev1.LimitRange]{
			source: "limitranges", gvk: gvk("LimitRange"), edits: true, done: func(all []*corev1.LimitRange) { o.LimitRanges = all },
			fetch: paged(k.LimitRanges("").List, func(r *corev1.LimitRangeList) []corev1.LimitRange { return r.Items }),
		}),
	}
}

func (l *look) appsLists() []func(context.Context) {
	a, b, o := l.b.Kube.AppsV1(), l.b.Kube.BatchV1(), &l.s.Objects
	gvk, batch := appsv1.SchemeGroupVersion.WithKind, batchv1.SchemeGroupVersion.WithKind
	return []func(context.Context){
		list(l, listing[appsv1.ReplicaSet]{
			source: "replicasets", gvk: gvk("ReplicaSet"), needed: true, prune: latestRevisions, done: func(all []*appsv1.ReplicaSet) { o.ReplicaSets = all },
			fetch: paged(a.ReplicaSets("").List, func(r *appsv1.ReplicaSetList) []appsv1.ReplicaSet { return r.Items }),
		}),
		list(l, listing[appsv1.Deployment]{
			source: "deployments", gvk: gvk("Deployment"), needed: true, edits: true, done: func(all []*appsv1.Deployment) { o.Deployments = all },
			fetch: paged(a.Deployments("").List, func(r *appsv1.DeploymentList) []appsv1.Deployment { return r.Items }),
		}),
		list(l, listing[appsv1.StatefulSet]{
			source: "statefulsets", gvk: gvk("StatefulSet"), needed: true, edits: true, done: func(all []*appsv1.StatefulSet) { o.StatefulSets = all },
			fetch: paged(a.StatefulSets("").List, func(r *appsv1.StatefulSetList) []appsv1.StatefulSet { return r.Items }),
		}),
		list(l, listing[appsv1.DaemonSet]{
			source: "daemonsets", gvk: gvk("DaemonSet"), needed: true, edits: true, done: func(all []*appsv1.DaemonSet) { o.DaemonSets = all },
			fetch: paged(a.DaemonSets("").List, func(r *appsv1.DaemonSetList) []appsv1.DaemonSet { return r.Items }),
		}),
		list(l, listing[batchv1.Job]{
			source: "jobs", gvk: batch("Job"), needed: true, done: func(all []*batchv1.Job) { o.Jobs = all },
			fetch: paged(b.Jobs("").List, func(r *batchv1.JobList) []batchv1.Job { return r.Items }),
		}),
		list(l, listing[batchv1.CronJob]{
			source: "cronjobs", gvk: batch("CronJob"), edits: true, done: func(all []*batchv1.CronJob) { o.CronJobs = all },
			fetch: paged(b.CronJobs("").List, func(r *batchv1.CronJobList) []batchv1.CronJob { return r.Items }),
		}),
		list(l, listing[autoscalingv2.HorizontalPodAutoscaler]{
			source: "horizontalpodautoscalers", gvk: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), needed: true, edits: true,
			fetch: l.hpas, done: func(all []*autoscalingv2.HorizontalPodAutoscaler) { o.HPAs = all },
		}),
		list(l, listing[policyv1.PodDisruptionBudget]{
			source: "poddisruptionbudgets", gvk: policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"), needed: true,
			done:  func(all []*policyv1.PodDisruptionBudget) { o.PDBs = all },
			fetch: paged(l.b.Kube.PolicyV1().PodDisruptionBudgets("").List, func(r *policyv1.PodDisruptionBudgetList) []policyv1.PodDisruptionBudget { return r.Items }),
		}),
	}
}

// hpas reads the current API, or the first one where a cluster is older than 1.23.
func (l *look) hpas(ctx context.Context, opts metav1.ListOptions) ([]autoscalingv2.HorizontalPodAutoscaler, string, error) {
	r, err := l.b.Kube.AutoscalingV2().HorizontalPodAutoscalers("").List(ctx, opts)
	if err == nil {
		return r.Items, r.Continue, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, "", err
	}
	old, err := l.b.Kube.AutoscalingV1().HorizontalPodAutoscalers("").List(ctx, opts)
	if err != nil {
		return nil, "", err
	}
	var out []autoscalingv2.HorizontalPodAutoscaler
	for i := range old.Items {
		out = append(out, *newerHPA(&old.Items[i]))
	}
	return out, old.Continue, nil
}

func (l *look) platformLists() []func(context.Context) {
	k, o := l.b.Kube, &l.s.Objects
	net, store, rbac := k.NetworkingV1(), k.StorageV1(), k.RbacV1()
	netKind, storeKind, rbacKind := networkingv1.SchemeGroupVersion.WithKind, storagev1.SchemeGroupVersion.WithKind, rbacv1.SchemeGroupVersion.WithKind
	return []func(context.Context){
		list(l, listing[discoveryv1.EndpointSlice]{
			source: "endpointslices", gvk: discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"), needed: true,
			done:  func(all []*discoveryv1.EndpointSlice) { o.EndpointSlices = all },
			fetch: paged(k.DiscoveryV1().EndpointSlices("").List, func(r *discoveryv1.EndpointSliceList) []discoveryv1.EndpointSlice { return r.Items }),
		}),
		list(l, listing[networkingv1.Ingress]{
			source: "ingresses", gvk: netKind("Ingress"), needed: true, edits: true, done: func(all []*networkingv1.Ingress) { o.Ingresses = all },
			fetch: paged(net.Ingresses("").List, func(r *networkingv1.IngressList) []networkingv1.Ingress { return r.Items }),
		}),
		list(l, listing[networkingv1.NetworkPolicy]{
			source: "networkpolicies", gvk: netKind("NetworkPolicy"), needed: true, edits: true, done: func(all []*networkingv1.NetworkPolicy) { o.NetworkPolicies = all },
			fetch: paged(net.NetworkPolicies("").List, func(r *networkingv1.NetworkPolicyList) []networkingv1.NetworkPolicy { return r.Items }),
		}),
		list(l, listing[storagev1.StorageClass]{
			source: "storageclasses", gvk: storeKind("StorageClass"), done: func(all []*storagev1.StorageClass) { o.StorageClasses = all },
			fetch: paged(store.StorageClasses().List, func(r *storagev1.StorageClassList) []storagev1.StorageClass { return r.Items }),
		}),
		list(l, listing[storagev1.VolumeAttachment]{
			source: "volumeattachments", gvk: storeKind("VolumeAttachment"), done: func(all []*storagev1.VolumeAttachment) { o.VolumeAttachments = all },
			fetch: paged(store.VolumeAttachments().List, func(r *storagev1.VolumeAttachmentList) []storagev1.VolumeAttachment { return r.Items }),
		}),
		list(l, listing[storagev1.CSINode]{
			source: "csinodes", gvk: storeKind("CSINode"), done: func(all []*storagev1.CSINode) { o.CSINodes = all },
			fetch: paged(store.CSINodes().List, func(r *storagev1.CSINodeList) []storagev1.CSINode { return r.Items }),
		}),
		list(l, listing[schedulingv1.PriorityClass]{
			source: "priorityclasses", gvk: schedulingv1.SchemeGroupVersion.WithKind("PriorityClass"), done: func(all []*schedulingv1.PriorityClass) { o.PriorityClasses = all },
			fetch: paged(k.SchedulingV1().PriorityClasses().List, func(r *schedulingv1.PriorityClassList) []schedulingv1.PriorityClass { return r.Items }),
		}),
		list(l, listing[rbacv1.Role]{
			source: "roles", gvk: rbacKind("Role"), done: func(all []*rbacv1.Role) { o.Roles = all },
			fetch: paged(rbac.Roles("").List, func(r *rbacv1.RoleList) []rbacv1.Role { return r.Items }),
		}),
		list(l, listing[rbacv1.RoleBinding]{
			source: "rolebindings", gvk: rbacKind("RoleBinding"), done: func(all []*rbacv1.RoleBinding) { o.RoleBindings = all },
			fetch: paged(rbac.RoleBindings("").List, func(r *rbacv1.RoleBindingList) []rbacv1.RoleBinding { return r.Items }),
		}),
		list(l, listing[coordinationv1.Lease]{
			source: "leases", gvk: coordinationv1.SchemeGroupVersion.WithKind("Lease"), done: func(all []*coordinationv1.Lease) {
				for _, x := range all {
					o.Leases = append(o.Leases, nodeLease(x))
				}
			},
			fetch: paged(k.CoordinationV1().Leases(corev1.NamespaceNodeLease).List, func(r *coordinationv1.LeaseList) []coordinationv1.Lease { return r.Items }),
		}),
	}
}

// endpoints reads the older form where the cluster gave no EndpointSlices, once it is known that there are Services.
func (l *look) endpoints() func(context.Context) {
	return list(l, listing[corev1.Endpoints]{ //nolint:staticcheck // see Objects
		source: "endpoints", gvk: corev1.SchemeGroupVersion.WithKind("Endpoints"), needed: true,
		done:  func(all []*corev1.Endpoints) { l.s.Objects.Endpoints = all },                                                    //nolint:staticcheck // see Objects
		fetch: paged(l.b.Kube.CoreV1().Endpoints("").List, func(r *corev1.EndpointsList) []corev1.Endpoints { return r.Items }), //nolint:staticcheck // see Objects
	})
}
