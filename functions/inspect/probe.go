package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"cce-oncall/shared/config"
	"cce-oncall/shared/huaweicloud"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/observe"
	"cce-oncall/shared/record"
)

// services is what the functions depend on, as a probe asks it. kube and pools are nil when the cluster cannot be addressed.
type services struct {
	records record.Bucket
	guard   guard
	alarms  alarms
	metrics metrics
	kube    kubernetes.Interface
	pools   pools
	bot     func(context.Context) (lark.Bot, error)
}

// guard is what a bucket must refuse, and what it may.
type guard interface {
	PutNew(ctx context.Context, key string, body []byte) error
	Delete(ctx context.Context, key string) error
}

type metrics interface {
	Instant(ctx context.Context, promql string, at time.Time) ([]observe.Series, error)
}

type pools interface {
	Pools(ctx context.Context) ([]observe.NodePool, error)
}

// The answers of a check.
const (
	good    = "ok"
	bad     = "bad"
	unknown = "unknown"
)

// probe asks each service once, with the credentials and addresses that the functions use, and posts what it found. What it writes is
// one small object under probe/, which the bucket's lifecycle removes.
func (x *inspection) probe(ctx context.Context, k config.Cluster) (any, error) {
	s, reachErr := x.services(ctx, k)
	var checks []lark.ProbeCheck
	checks = append(checks, s.askRecords(ctx, k, x.now())...)
	checks = append(checks, s.askAOM(ctx, k, x.now())...)
	checks = append(checks, s.askCluster(ctx, reachErr)...)
	checks = append(checks, s.askLark(ctx))
	for i := range checks {
		checks[i].Detail = x.redact(checks[i].Detail)
	}
	card, err := lark.ProbeCard(lark.Probe{Look: x.style, Cluster: k.Incident(), At: x.now(), Checks: checks})
	if err != nil {
		return checks, fmt.Errorf("draw the probe's card: %w", err)
	}
	c, err := x.cards(ctx)
	if err == nil {
		_, err = c.Send(ctx, k.Chat, card, lark.UUID("probe", k.ID, x.now().UTC().Format(time.RFC3339Nano)))
	}
	if err != nil { // the caller still reads the checks: without Lark there is no other way to learn why
		checks = append(checks, failed(incident.Text{EN: "The chat takes a card", ZH: "群聊可接收卡片"}, err,
			incident.Text{EN: "Add the bot to the chat, publish a version of the app with im:message:send_as_bot, and check chat_id.", ZH: "请将机器人加入群聊，发布包含 im:message:send_as_bot 权限的应用版本，并检查 chat_id。"}))
		last := &checks[len(checks)-1]
		last.Detail = x.redact(last.Detail)
	}
	return checks, nil
}

func passed(name incident.Text, detail string) lark.ProbeCheck {
	return lark.ProbeCheck{Name: name, State: good, Detail: detail}
}

// failed is bad when the service said no, and unknown when it said nothing.
func failed(name incident.Text, err error, fix incident.Text) lark.ProbeCheck {
	state := bad
	if kind := huaweicloud.KindOf(err); kind == huaweicloud.Unavailable || kind == huaweicloud.Throttled || errors.Is(err, context.DeadlineExceeded) {
		state = unknown
	}
	return lark.ProbeCheck{Name: name, State: state, Detail: err.Error(), Fix: fix}
}

// askRecords puts an object at the bucket's own address, compares every byte, learns whether conditions are honoured, and must not be
// able to delete it again.
func (s services) askRecords(ctx context.Context, k config.Cluster, at time.Time) []lark.ProbeCheck {
	key := fmt.Sprintf("probe/v1/%s/%s.txt", record.Hash([]byte(k.ID))[:16], at.UTC().Format("20060102-150405"))
	body := []byte(strings.Repeat("0123456789abcde\n", 64)) // 1 KiB: enough to show a client that frames what it sends
	put := incident.Text{EN: "OBS takes a record at the bucket's own address", ZH: "OBS 可通过桶域名写入记录"}
	if err := s.records.Put(ctx, key, body); err != nil {
		return []lark.ProbeCheck{failed(put, err, incident.Text{
			EN: "Check STATE_BUCKET, the agency's policy for records, and its use of the KMS key.", ZH: "请检查 STATE_BUCKET、委托的记录读写策略以及 KMS 密钥使用权限。",
		})}
	}
	checks := []lark.ProbeCheck{passed(put, "")}
	same := incident.Text{EN: "OBS returns the bytes that were put", ZH: "OBS 返回内容与写入内容一致"}
	switch got, err := s.records.Get(ctx, key); {
	case err != nil:
		checks = append(checks, failed(same, err, incident.Text{EN: "Let the agency read objects of the bucket.", ZH: "请授予委托读取该桶对象的权限。"}))
	case !bytes.Equal(got, body):
		checks = append(checks, lark.ProbeCheck{Name: same, State: bad, Detail: fmt.Sprintf("%d bytes were put and %d came back", len(body), len(got)), Fix: incident.Text{
			EN: "Stop using this deployment: records would be spoilt. Something on the way rewrites bodies.", ZH: "请停用该部署：记录会被损坏，链路上有组件改写了请求体。",
		}})
	default:
		checks = append(checks, passed(same, fmt.Sprintf("%d B", len(got))))
	}
	return append(checks, s.askCondition(ctx, key, body), s.askDelete(ctx, key))
}

func (s services) askCondition(ctx context.Context, key string, body []byte) lark.ProbeCheck {
	switch err := s.guard.PutNew(ctx, key, body); {
	case err == nil:
		return passed(incident.Text{EN: "OBS and If-None-Match: ignored; nothing depends on it", ZH: "OBS 忽略 If-None-Match（系统不依赖该特性）"}, "")
	case huaweicloud.KindOf(err) == huaweicloud.Conflict:
		return passed(incident.Text{EN: "OBS and If-None-Match: honoured; nothing depends on it", ZH: "OBS 支持 If-None-Match（系统不依赖该特性）"}, "")
	case huaweicloud.KindOf(err) == huaweicloud.Unavailable || huaweicloud.KindOf(err) == huaweicloud.Throttled:
		return failed(incident.Text{EN: "OBS and If-None-Match: not known; nothing depends on it", ZH: "OBS 对 If-None-Match 的处理方式未知（系统不依赖该特性）"}, err, incident.Text{})
	default:
		return passed(incident.Text{EN: "OBS and If-None-Match: refused; nothing depends on it", ZH: "OBS 拒绝 If-None-Match（系统不依赖该特性）"}, "")
	}
}

func (s services) askDelete(ctx context.Context, key string) lark.ProbeCheck {
	name := incident.Text{EN: "OBS refuses to delete a record", ZH: "OBS 拒绝删除记录"}
	fix := incident.Text{EN: "Restore the bucket's policy with terraform apply: the functions must not be able to delete.", ZH: "请执行 terraform apply 恢复桶策略：函数不得具备删除权限。"}
	switch err := s.guard.Delete(ctx, key); {
	case err == nil:
		return lark.ProbeCheck{Name: name, State: bad, Detail: "the object was deleted", Fix: fix}
	case huaweicloud.KindOf(err) == huaweicloud.Denied:
		return passed(name, "")
	default:
		return lark.ProbeCheck{Name: name, State: unknown, Detail: err.Error()}
	}
}

func (s services) askAOM(ctx context.Context, k config.Cluster, at time.Time) []lark.ProbeCheck {
	name := incident.Text{EN: "AOM shows the cluster's active alarms", ZH: "AOM 可查询集群活动告警"}
	fix := incident.Text{EN: "Let the agency aom:alarm:list in this region's project.", ZH: "请在该区域项目下授予委托 aom:alarm:list 权限。"}
	var checks []lark.ProbeCheck
	if list, err := s.alarms.Alarms(ctx, true, lookback); err != nil {
		checks = append(checks, failed(name, err, fix))
	} else {
		checks = append(checks, passed(name, strconv.Itoa(len(list))))
	}
	name = incident.Text{EN: "AOM answers queries of the cluster's metrics", ZH: "AOM 可查询集群指标"}
	fix = incident.Text{EN: "Install the cloud native monitoring add-on in the cluster, and set prometheus to its AOM instance.", ZH: "请在集群安装云原生监控插件，并将 prometheus 设为其 AOM 实例。"}
	switch series, err := s.metrics.Instant(ctx, fmt.Sprintf("count(kube_node_info{cluster=%q})", k.ID), at); {
	case err != nil:
		return append(checks, failed(name, err, fix))
	case len(series) == 0:
		return append(checks, lark.ProbeCheck{Name: name, State: bad, Detail: "no series kube_node_info for this cluster", Fix: fix})
	}
	return append(checks, passed(name, ""))
}

// askCluster reads, and must not be able to write. The write is a trial run, so that even an identity with too many rights changes
// nothing by it.
func (s services) askCluster(ctx context.Context, reachErr error) []lark.ProbeCheck {
	read := incident.Text{EN: "Kubernetes lets the read identity look", ZH: "Kubernetes 允许只读身份查询"}
	fix := incident.Text{EN: "Apply build/kubernetes.yaml in the cluster: terraform output -raw kubernetes_manifests | kubectl apply -f -", ZH: "请在集群中应用 build/kubernetes.yaml：terraform output -raw kubernetes_manifests | kubectl apply -f -"}
	if s.kube == nil {
		return []lark.ProbeCheck{failed(read, reachErr, incident.Text{EN: "Check the cluster's id, region and access.", ZH: "请检查集群 ID、区域与访问方式。"})}
	}
	var checks []lark.ProbeCheck
	nodes, err := s.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
	if err == nil {
		_, err = s.kube.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 1})
	}
	switch {
	case err != nil:
		checks = append(checks, failed(read, err, fix))
	case len(nodes.Items) == 0:
		checks = append(checks, lark.ProbeCheck{Name: read, State: unknown, Detail: "the cluster has no node"})
	default:
		checks = append(checks, passed(read, ""))
	}
	checks = append(checks, s.askWrite(ctx))
	name := incident.Text{EN: "CCE shows the node pools", ZH: "CCE 可查询节点池"}
	list, err := s.pools.Pools(ctx)
	if err != nil {
		return append(checks, failed(name, err, incident.Text{EN: "Let the agency cce:nodepool:list in this region's project.", ZH: "请在该区域项目下授予委托 cce:nodepool:list 权限。"}))
	}
	return append(checks, passed(name, strconv.Itoa(len(list))))
}

func (s services) askWrite(ctx context.Context) lark.ProbeCheck {
	name := incident.Text{EN: "Kubernetes refuses a write of the read identity", ZH: "Kubernetes 拒绝只读身份写入"}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "cce-oncall-probe", Namespace: metav1.NamespaceDefault}}
	_, err := s.kube.CoordinationV1().Leases(metav1.NamespaceDefault).Create(ctx, lease, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case apierrors.IsForbidden(err):
		return passed(name, "")
	case err == nil, apierrors.IsAlreadyExists(err), apierrors.IsInvalid(err):
		return lark.ProbeCheck{Name: name, State: bad, Detail: "a trial write was let through; nothing was changed", Fix: incident.Text{
			EN: "Remove the bindings that give the read agency more than the role cce-oncall-read.", ZH: "请移除授予只读委托超出 cce-oncall-read 角色权限的绑定。",
		}}
	default:
		return lark.ProbeCheck{Name: name, State: unknown, Detail: err.Error()}
	}
}

// askLark proves secret, token and app at once: the bot's own description needs all three.
func (s services) askLark(ctx context.Context) lark.ProbeCheck {
	name := incident.Text{EN: "Lark accepts the app's credentials", ZH: "飞书接受应用凭证"}
	bot, err := s.bot(ctx)
	if err != nil {
		return failed(name, err, incident.Text{EN: "Check lark_app_id and the CSMS secret, and enable the bot feature of the app.", ZH: "请检查 lark_app_id 与 CSMS 凭据，并启用应用的机器人能力。"})
	}
	return passed(name, bot.Name)
}
