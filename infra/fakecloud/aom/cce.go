package aom

import (
	"context"
	"slices"
	"strings"
	"time"
)

// KubernetesEvent is an event of a cluster as CCE reports it to AOM.
type KubernetesEvent struct {
	Cluster     string    `json:"cluster"`
	ClusterName string    `json:"clusterName"`
	Kind        string    `json:"kind"`
	Namespace   string    `json:"namespace,omitempty"`
	Name        string    `json:"name"`
	UID         string    `json:"uid,omitempty"`
	Node        string    `json:"node,omitempty"`
	Reason      string    `json:"reason"`
	Message     string    `json:"message"`
	At          time.Time `json:"at,omitzero"`
}

// eventName is one known CCE event.
type eventName struct {
	zh       string
	severity string
}

// eventNames are CCE's event names with their level (event list of the alarm center). Unknown names are Major, the configured default.
func eventNames() map[string]eventName {
	return map[string]eventName{
		"FailedScheduling": {"调度失败", "Major"}, "BackOffStart": {"重启失败的容器", "Major"}, "FailedStart": {"启动失败", "Major"},
		"FailedPullImage": {"拉取镜像失败", "Major"}, "BackOffPullImage": {"重新拉取镜像失败", "Major"}, "FailedCreate": {"创建失败", "Major"},
		"PodOOMKilling": {"Pod内存不足OOM", "Major"}, "Unhealthy": {"健康检查失败", "Minor"}, "FailedDelete": {"删除失败", "Minor"},
		"ErrImageNeverPull": {"拉取镜像策略为Never且镜像不存在", "Minor"}, "Rebooted": {"节点重启", "Major"},
		"NodeNotSchedulable": {"节点不可调度", "Major"}, "NodeNotReady": {"节点状态异常", "Major"}, "NodeCreateFailed": {"节点创建失败", "Major"},
		"KUBELETIsDown": {"节点Kubelet故障", "Minor"}, "KUBEPROXYIsDown": {"节点kube-proxy故障", "Minor"}, "CNIIsDown": {"节点CNI故障", "Minor"},
		"NTPIsDown": {"节点NTP异常", "Minor"}, "ConntrackFull": {"节点连接跟踪表已满", "Minor"}, "NodeHasDiskPressure": {"节点磁盘空间不足", "Minor"},
		"TaskHung": {"节点任务夯住", "Minor"}, "OOMKilling": {"节点内存不足强杀进程", "Minor"}, "FilesystemIsReadOnly": {"节点文件系统只读", "Minor"},
		"FailedToAttachDetach": {"挂载或卸载卷失败", "Major"}, "AttachVolumeFailed": {"挂载卷失败", "Minor"}, "MountDeviceFailed": {"挂载设备失败", "Minor"},
		"ProvisioningFailed": {"创建卷失败", "Minor"}, "ClaimLost": {"存储卷声明丢失", "Minor"}, "VolumeResizeFailed": {"数据卷扩容失败", "Minor"},
		"ScaleUpTimedOut": {"扩容节点超时", "Major"}, "ScaleUpFailed": {"扩容节点失败", "Major"}, "FailedToScaleUpGroup": {"扩容节点池失败", "Major"},
		"NotTriggerScaleUp": {"未触发节点扩容", "Major"}, "NodeGroupInBackOff": {"节点池处于退避状态", "Major"}, "NodePoolSoldOut": {"节点池资源售罄", "Major"},
		"NodePoolAvailable": {"节点池资源可用", "Major"}, "TriggeredScaleUp": {"触发节点扩容", "Major"}, "ScaledUpGroup": {"节点池扩容成功", "Major"},
		"ScaleDown": {"节点缩容", "Major"}, "ScaleDownFailed": {"节点缩容失败", "Major"}, "FailedGetResourceMetric": {"获取资源指标失败", "Major"},
		"FailedComputeMetricsReplicas": {"计算副本数失败", "Major"}, "FailedRescale": {"伸缩失败", "Major"}, "SuccessfulRescale": {"伸缩成功", "Minor"},
		"CreatingLoadBalancerFailed": {"创建负载均衡失败", "Minor"}, "UpdateLoadBalancerFailed": {"更新负载均衡失败", "Minor"},
		"BackOff": {"重启失败的容器", "Major"}, "Failed": {"启动失败", "Major"}, "FailedMount": {"挂载卷失败", "Major"}, "Evicted": {"Pod被驱逐", "Major"},
	}
}

// RaiseEvent reports a Kubernetes event as CCE does: an alarm whose resource_id is k=v, with both namespaces under their two keys.
// Rules that match it send notifications. It returns the alarm's id.
func (s *Service) RaiseEvent(ctx context.Context, k KubernetesEvent) string {
	now := s.opt.Clock()
	if k.At.IsZero() {
		k.At = now
	}
	known := eventNames()[k.Reason]
	if known.severity == "" {
		known.severity = "Major"
	}
	name := k.Reason
	if !s.opt.ShortNames && known.zh != "" {
		name = known.zh + "##" + k.Reason
	}
	e := Event{
		ID: stableID(k.Cluster, k.Kind, k.Namespace, k.Name, k.UID, k.Reason), StartsAt: k.At.UnixMilli(), ResourceGroupID: s.opt.Project,
		Metadata: map[string]string{
			"event_name": name, "event_severity": known.severity, "event_type": "alarm", "resource_provider": "CCE", "resource_type": "service",
			"clusterId": k.Cluster, "clusterName": k.ClusterName, "kind": k.Kind, "name": k.Name, "namespace": "PAAS.NODE", "nameSpace": k.Namespace,
			"nodeID": k.Node,
			"resource_id": strings.Join([]string{
				"clusterName=" + k.ClusterName, "clusterID=" + k.Cluster, "kind=" + k.Kind, "namespace=" + k.Namespace, "name=" + k.Name, "uid=" + k.UID,
			}, ";"),
		},
		Annotations: map[string]any{
			"message": k.Message, "alarm_probableCause_zh_cn": known.zh, "alarm_probableCause_en_us": k.Reason,
		},
	}
	return s.raise(e)
}

// raise adds an event and sends the notifications of the event rules it meets.
func (s *Service) raise(e Event) string {
	s.mu.Lock()
	stored := s.push(e)
	now := s.opt.Clock()
	var notices []notice
	names := make([]string, 0, len(s.rules))
	for name := range s.rules {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r := s.rules[name]
		if r.Type != "event" || !r.Enabled || !s.meets(r, stored, now) {
			continue
		}
		stored.Policy = map[string]any{"alarm_rule_name": r.Name}
		if r.Notification != nil {
			stored.Policy["bind_notification_rule_id"] = r.Notification.Action
		}
		notices = append(notices, notice{event: stored.clone(), rule: r, firing: true})
	}
	id := stored.ID
	s.mu.Unlock()
	for _, n := range notices {
		s.tell(context.Background(), n)
	}
	return id
}

// meets says whether an event rule speaks at this event; accumulative conditions count within their window. The mutex is held.
func (s *Service) meets(r *Rule, e *Event, now time.Time) bool {
	if r.Event.Provider != "" && r.Event.Provider != e.Metadata["resource_provider"] {
		return false
	}
	if len(r.Event.Objects) > 0 && !slices.ContainsFunc(r.Event.Objects, func(o map[string]string) bool { return e.within(o) }) {
		return false
	}
	if len(r.Event.Conditions) == 0 {
		return true
	}
	for _, c := range r.Event.Conditions {
		if c.Name != "" && short(c.Name) != short(e.Metadata["event_name"]) {
			continue
		}
		if c.Type != "accumulative" {
			return true
		}
		key := r.Name + "\x00" + e.ID
		window := time.Duration(c.Window) * time.Second
		times := append(s.accumulated[key], now)
		times = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) > window })
		s.accumulated[key] = times
		for _, level := range severities {
			if limit, ok := c.Thresholds[level]; ok && compare(float64(len(times)), c.Operator, float64(limit)) {
				e.Metadata["event_severity"] = level
				return true
			}
		}
	}
	return false
}

// within compares an event with one monitored object; values may be lists joined by semicolons.
func (e *Event) within(object map[string]string) bool {
	for key, want := range object {
		have := e.Metadata[key]
		if key == "namespace" && e.Metadata["nameSpace"] != "" {
			have = e.Metadata["nameSpace"]
		}
		if !slices.ContainsFunc(strings.Split(want, ";"), func(w string) bool { return short(w) == short(have) }) {
			return false
		}
	}
	return true
}

// short is the part of a bilingual name that identifies it.
func short(name string) string {
	if _, en, ok := strings.Cut(name, "##"); ok {
		return en
	}
	return name
}
