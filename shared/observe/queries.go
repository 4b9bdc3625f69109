package observe

// about is what a query's series speak of: its labels, and how it is narrowed down.
type about int

const (
	ofContainer about = iota
	ofPod
	ofNode
	ofClaim
	ofIngress
)

// query maps one series of the snapshot to PromQL over the series that CCE's cloud-native monitoring stores. $S stands for the selector
// of cluster, and of namespaces and pods where those are asked for.
type query struct {
	name  string
	about about
	expr  string
	hot   float64 // above this it is worth a look by itself; 0: never
	daily bool    // read for the same hour of the day before as well
}

// by groups container series: replicas of the monitoring stack, and the pod-level and pause series beside a container's, must not be
// added to it.
const by = "sum by (namespace, pod, container) "

// limitBy groups limits, which two replicas of the exporter report alike.
const limitBy = "max by (namespace, pod, container) "

const (
	// A minute is what CCE's own alarm rule looks at: over a longer time the use would still look low when the alarm fires.
	cpuUsed = by + `(rate(container_cpu_usage_seconds_total{$S,image!="",container!="",container!="POD"}[1m]))`
	memUsed = by + `(container_memory_working_set_bytes{$S,image!="",container!="",container!="POD"})`
	fsUsed  = by + `(container_fs_usage_bytes{$S,container!="",container!="POD"})`
	inbound = "nginx_ingress_controller_requests{$S}"
	perSvc  = "sum by (namespace, exported_namespace, service, exported_service) "
)

// queries is the table. Source of the names: CCE's default alarm rules and free metrics.
var queries = []query{
	{name: "container_cpu_usage_cores", about: ofContainer, expr: cpuUsed, daily: true},
	{name: "container_cpu_limit_ratio", about: ofContainer, hot: 0.7, expr: cpuUsed + " / " + limitBy + `(kube_pod_container_resource_limits{$S,resource="cpu"} > 0)`},
	{name: "container_cpu_throttled_seconds", about: ofContainer, expr: by + `(rate(container_cpu_cfs_throttled_seconds_total{$S,container!="",container!="POD"}[5m]))`},
	{name: "container_memory_working_set_bytes", about: ofContainer, expr: memUsed, daily: true},
	{name: "container_memory_limit_ratio", about: ofContainer, hot: 0.7, expr: memUsed + " / " + limitBy + `(kube_pod_container_resource_limits{$S,resource="memory"} > 0)`},
	{name: "container_restarts_total", about: ofContainer, expr: "max by (namespace, pod, container) (kube_pod_container_status_restarts_total{$S})"},
	{name: "filesystem_usage_ratio", about: ofContainer, hot: 0.8, expr: fsUsed + " / " + by + `(container_fs_limit_bytes{$S,container!="",container!="POD"} > 0)`},
	{name: "network_receive_bytes_per_second", about: ofPod, daily: true, expr: "sum by (namespace, pod) (rate(container_network_receive_bytes_total{$S}[2m]))"},
	{name: "network_transmit_bytes_per_second", about: ofPod, expr: "sum by (namespace, pod) (rate(container_network_transmit_bytes_total{$S}[2m]))"},
	{name: "volume_usage_ratio", about: ofClaim, expr: "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{$S} / (kubelet_volume_stats_capacity_bytes{$S} > 0))"},
	{name: "volume_inodes_usage_ratio", about: ofClaim, expr: "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_inodes_used{$S} / (kubelet_volume_stats_inodes{$S} > 0))"},

	{name: "node_cpu_usage_ratio", about: ofNode, daily: true, expr: `1 - avg by (node) (rate(node_cpu_seconds_total{$S,mode="idle"}[2m]))`},
	{name: "node_memory_usage_ratio", about: ofNode, daily: true, expr: "1 - max by (node) (node_memory_MemAvailable_bytes{$S}) / max by (node) (node_memory_MemTotal_bytes{$S} > 0)"},
	{
		name: "node_filesystem_usage_ratio", about: ofNode,
		expr: `max by (node, device) (1 - node_filesystem_avail_bytes{$S,fstype!~"tmpfs|overlay|squashfs|iso9660|ramfs"} / (node_filesystem_size_bytes{$S,fstype!~"tmpfs|overlay|squashfs|iso9660|ramfs"} > 0))`,
	},
	{name: "node_network_receive_bytes_per_second", about: ofNode, expr: `sum by (node) (rate(node_network_receive_bytes_total{$S,device!~"lo|veth.*|cali.*|docker.*|cni.*|gw_.*"}[2m]))`},
	{name: "node_network_transmit_bytes_per_second", about: ofNode, expr: `sum by (node) (rate(node_network_transmit_bytes_total{$S,device!~"lo|veth.*|cali.*|docker.*|cni.*|gw_.*"}[2m]))`},
	{name: "node_tcp_retransmits", about: ofNode, expr: "sum by (node) (rate(node_netstat_Tcp_RetransSegs{$S}[2m]))"},

	{name: "request_rate", about: ofIngress, daily: true, expr: perSvc + "(rate(" + inbound + "[2m]))"},
	{name: "request_success_ratio", about: ofIngress, expr: perSvc + `(rate(nginx_ingress_controller_requests{$S,status!~"5.."}[2m])) / (` + perSvc + "(rate(" + inbound + "[2m])) > 0)"},
	{name: "request_latency_p50_seconds", about: ofIngress, expr: latency("0.5")},
	{name: "request_latency_p90_seconds", about: ofIngress, expr: latency("0.9")},
	{name: "request_latency_p95_seconds", about: ofIngress, expr: latency("0.95")},
	{name: "request_latency_p99_seconds", about: ofIngress, expr: latency("0.99")},
}

func latency(quantile string) string {
	return "histogram_quantile(" + quantile + ", sum by (le, namespace, exported_namespace, service, exported_service) " +
		"(rate(nginx_ingress_controller_request_duration_seconds_bucket{$S}[5m])))"
}
